/** What the menu of a terminal offers. */

import { decidedOf, grantsOf } from "../../lib/session/pending";
import { opened } from "../approvals/opened.svelte";
import { settings } from "../settings.svelte";
import type { Item } from "./Menu.svelte";
import type { Viewing } from "./viewing.svelte";

export interface Choices {
  text(): void;
  find(): void;
  stop(): void;
  time(): void;
}

export function menuItems(viewing: Viewing, chat: boolean, { text, find, stop, time }: Choices): Item[] {
  const { entry, over, attachment } = viewing;
  const list: Item[] = [
    { id: "text", icon: "text", text: "Select and copy text", act: text },
    { id: "search", icon: "search", text: "Find", act: find },
    {
      id: "keys",
      icon: "keyboard",
      text: settings.keyBar ? "Hide the key bar" : "Show the key bar",
      act: () => (settings.keyBar = !settings.keyBar),
    },
  ];
  // In the chat, the text is on the page, and there are no keys.
  if (chat) list.splice(0, 3, ...list.slice(1, 2));
  const { summary, session } = viewing;
  if (summary !== undefined && grantsOf(summary).length + decidedOf(summary).length > 0) {
    const granted = grantsOf(summary).length;
    list.push({
      id: "approvals",
      icon: "check",
      text: granted > 0 ? `Approvals (${granted} until it ends)` : "Approvals",
      act: () => (opened.at = { rid: entry.rid, session, approval: null }),
    });
  }
  if (!entry.operates) return list;
  if (!over && viewing.foreign)
    list.push({ id: "take", icon: "fit", text: "Fit to this screen", act: () => attachment?.takeSize() });
  if (viewing.view?.taken)
    list.push({ id: "give", icon: "unfit", text: "Give the size back", act: () => attachment?.giveSize() });
  if (over) {
    if (viewing.mayRestart)
      list.push({ id: "start-again", icon: "refresh", text: "Start again", act: () => void viewing.restart() });
    list.push({ id: "remove", icon: "trash", text: "Forget session", danger: true, act: () => void viewing.remove() });
  } else {
    list.push({ id: "time", icon: "clock", text: "Time limit", act: time });
    list.push({ id: "stop", icon: "stop", text: "End session", danger: true, act: stop });
  }
  return list;
}
