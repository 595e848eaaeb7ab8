// Measures how long a browser that has not been here before takes from the tap on a session with 10,000 lines to its
// last line on the screen; prints the milliseconds, one device a line. For the benchmarks.
import { Device, Host, launch, quit, until } from "./host.mjs";

const devices = Number(process.argv[2] ?? 5);
const host = new Host();
try {
  await launch();
  await host.up();
  const flood =
    'i=0; while [ $i -lt 10000 ]; do i=$((i+1)); printf "\\033[3%dm%06d\\033[0m %070d\\n" $((i%8)) $i $i; done';
  const session = await host.start("long", "sh", "-c", `${flood}; echo the-last-line; exec cat`);
  await until(async () => (await host.cli("logs", session)).includes("the-last-line"), "all lines");
  for (let n = 0; n < devices; n += 1) {
    const device = await Device.open();
    await device.pair(await host.link());
    await device.page.locator(`[data-session="${session}"]`).waitFor();
    const took = await device.page.evaluate(async (session) => {
      const start = performance.now();
      document.querySelector(`[data-testid=session][data-session="${session}"]`).click();
      const shown = () => document.querySelector(".xterm-rows")?.textContent.includes("the-last-line") === true;
      while (!shown()) await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - start;
    }, session);
    console.log(took.toFixed(1));
    await device.close();
  }
} finally {
  await quit();
  await host.stop();
}
