// What a person does on the phone with an agent's session: says something in its chat, and decides on its cards.
import assert from "node:assert/strict";
import { Device, PHONE, until } from "../browser/host.mjs";

export class Chat {
  constructor(desk) {
    this.desk = desk;
  }

  async open() {
    this.phone = await Device.open(PHONE);
    this.page = this.phone.page;
    await this.phone.pair(await this.desk.link());
  }

  /** Opens a session that is one with an agent. */
  async enter(session) {
    await this.look(session);
    await this.page
      .locator("[data-testid=chat-text]:visible, [data-testid=chat-tab]")
      .first()
      .waitFor();
  }

  /** Opens a session, whatever it shows. */
  async look(session) {
    this.session = session;
    const { page } = this;
    if (this.entered) await page.goto(this.desk.url);
    this.entered = true;
    await page
      .locator(`[data-testid=session][data-session="${session}"]`)
      .click();
  }

  async chat() {
    const tab = this.page.getByTestId("chat-tab");
    if ((await tab.count()) > 0) await tab.click();
    await this.page.getByTestId("chat-text").waitFor();
  }

  async terminal() {
    await this.page
      .getByRole("button", { name: "Terminal", exact: true })
      .click();
    await this.phone.following();
  }

  async say(text) {
    await this.chat();
    this.turns = (await this.agent()).turns ?? 0;
    await this.page.getByTestId("chat-text").fill(text);
    await this.page.getByTestId("chat-send").click();
  }

  async agent() {
    return (await this.desk.summary(this.session)).agent;
  }

  /** Waits until the agent has done what it was told last, and waits for the next. */
  async over() {
    const { desk, session } = this;
    let agent;
    const over = async () =>
      (agent = await this.agent()).turns > this.turns && agent.doing === "idle";
    await until(
      over,
      () => `turn ${this.turns + 1} to be over; it is ${JSON.stringify(agent)}`,
    );
    return desk.summary(session);
  }

  said(whom, words) {
    return this.page
      .getByTestId(`said-by-${whom}`)
      .filter({ hasText: words })
      .last()
      .waitFor();
  }

  answer(words) {
    return this.said("agent", words);
  }

  doing(what) {
    return this.desk.doing(this.session, what);
  }

  waiting() {
    return this.desk.waiting(this.session);
  }

  became(asked, what) {
    return this.desk.became(this.session, asked.id, what);
  }

  /** Opens the card of what waits. */
  async card() {
    const asked = await this.waiting();
    await this.page
      .locator(
        "[data-testid=approval]:visible, [data-testid=approval-line].waits",
      )
      .first()
      .click();
    await this.page.getByTestId("request").waitFor();
    // There is nothing to be decided before all of it is there.
    await this.page.getByTestId("buttons").waitFor();
    return asked;
  }

  /** All that is on the card. */
  sheet() {
    return this.page.getByTestId("approval-sheet").innerText();
  }

  /** Taps a button, as soon as it stands still. */
  async tap(button) {
    await this.page
      .locator("[data-testid=buttons][data-steady=true]")
      .waitFor();
    await this.page.getByTestId(button).click();
  }

  /** The card goes by itself, some seconds after what became of it is shown. */
  async goes() {
    await this.page
      .getByTestId("approval-sheet")
      .waitFor({ state: "detached" });
  }

  /** Closes it where it has not gone yet. */
  async close() {
    const closed = () =>
      this.page.evaluate(() => {
        document.querySelector("[data-testid=done]")?.click();
        return document.querySelector("[data-testid=approval-sheet]") === null;
      });
    await until(closed, "the card to be closed");
  }

  async allow(asked) {
    await this.tap("allow");
    await this.became(asked, "allowed");
    await this.close();
  }

  async deny(asked, reason) {
    await this.page.getByTestId("reason").fill(reason);
    await this.tap("deny");
    await this.became(asked, "denied");
    await this.close();
  }

  /** No card is to be seen. */
  async noCard() {
    const cards = this.page.locator("[data-testid=approval]:visible");
    await until(
      async () => (await cards.count()) === 0,
      "the card to be closed",
    );
  }

  /** Picks the answer to a question. */
  async pick(answer) {
    await this.page.getByTestId("pick").filter({ hasText: answer }).click();
  }

  /** Stops it. */
  async interrupt() {
    await this.page.getByTestId("interrupt").click();
  }

  /** Puts it into a mode. */
  async mode(mode) {
    await this.page.getByTestId("mode").selectOption(mode);
    await this.isIn((now) => now === mode);
  }

  /** Waits until it is in such a mode. */
  async isIn(fits) {
    const mode = this.page.getByTestId("mode");
    await until(
      async () => fits(await mode.inputValue()),
      async () => `the mode to change; it is ${await mode.inputValue()}`,
    );
  }

  faultless() {
    assert.deepEqual(this.phone.faults, []);
  }
}
