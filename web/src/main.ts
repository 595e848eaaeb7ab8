import { mount } from "svelte";
import "./ui/app.css";
import { app } from "./ui/app.svelte";
import App from "./ui/App.svelte";
// First of all: this takes an invitation out of the address bar.
import "./ui/route.svelte";

const target = document.getElementById("app");
if (target !== null) mount(App, { target });
void app.start();

if ("serviceWorker" in navigator && import.meta.env.PROD) {
  // Without it the app works, and does not open offline.
  navigator.serviceWorker.register("/sw.js").catch(() => undefined);
}

// A file that this page wants next cannot be had: a newer build took its place, or nobody answers. Only the first is a
// reason to load the page again; in the other case it would be gone, with everything on it. What misses the file says so.
addEventListener("vite:preloadError", () => {
  void newer().then((is) => is && location.reload());
});

async function newer(): Promise<boolean> {
  try {
    const page = await fetch("/", { cache: "no-store" });
    const mine = new URL(import.meta.url).pathname;
    return page.ok && !(await page.text()).includes(mine);
  } catch {
    return false;
  }
}

// Where an on-screen keyboard lies over the page instead of making it smaller (iOS), the page makes itself smaller.
const seen = window.visualViewport;
function fitKeyboard(): void {
  if (seen === null || seen.scale > 1.01) return;
  document.documentElement.style.setProperty("--visible", `${Math.round(seen.height)}px`);
  window.scrollTo(0, 0);
}
seen?.addEventListener("resize", fitKeyboard);
seen?.addEventListener("scroll", fitKeyboard);
