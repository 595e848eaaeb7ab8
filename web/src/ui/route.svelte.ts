/**
 * Which screen shows: kept in the fragment, which no server is sent. An invitation arrives there too, and is taken out
 * of the address bar before anything else happens.
 */

export type Route =
  { at: "home" } | { at: "pair"; invitation: string | null } | { at: "session"; host: string; session: string };

/** The link that this page was opened with, if it carries an invitation. Null from then on. */
function takeInvitation(): string | null {
  if (!/^#(.*&)?i=/.test(location.hash)) return null;
  const link = location.href;
  history.replaceState(null, "", location.pathname);
  return link;
}

function parse(hash: string): Route {
  const [, first, second, third] = hash.replace(/^#/, "").split("/");
  if (first === "pair") return { at: "pair", invitation: null };
  if (first === "s" && second && third) return { at: "session", host: second, session: third };
  return { at: "home" };
}

function write(route: Route): string {
  switch (route.at) {
    case "home":
      return "#/";
    case "pair":
      return "#/pair";
    case "session":
      return `#/s/${route.host}/${route.session}`;
  }
}

const KEY = "longrein.route";

/** Where an installed app was left: it is opened without a fragment, whatever was on its screen when it was killed. */
function left(): Route {
  const installed = matchMedia("(display-mode: standalone)").matches;
  return parse((installed && location.hash === "" ? localStorage.getItem(KEY) : null) ?? location.hash);
}

class Router {
  #route = $state.raw<Route>({ at: "home" });

  constructor() {
    const invitation = takeInvitation();
    this.#route = invitation === null ? left() : { at: "pair", invitation };
    // For "back" and "forward", and for a fragment that somebody typed.
    addEventListener("popstate", () => {
      const later = takeInvitation();
      this.#route = later === null ? parse(location.hash) : { at: "pair", invitation: later };
      localStorage.setItem(KEY, write(this.#route));
    });
  }

  get route(): Route {
    return this.#route;
  }

  go(route: Route, replace = false): void {
    const hash = write(route);
    if (replace) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
    localStorage.setItem(KEY, hash);
    this.#route = route;
  }

  /** To the list, as the browser's own "back" would. */
  home(): void {
    this.go({ at: "home" }, true);
  }
}

export const router = new Router();
