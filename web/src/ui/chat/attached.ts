/** Files that were attached and not sent yet: they outlive the chat's being put aside for the terminal. */

import { Uploads } from "../../lib/session/upload";
import { app, type HostEntry } from "../app.svelte";

/** By "host/session", with whoever is told of changes. */
const held = new Map<string, { uploads: Uploads; told: () => void }>();

/** Those of this session; from now on this one is told of them. */
export function attached(entry: HostEntry, session: string, told: () => void): Uploads {
  const place = `${entry.rid}/${session}`;
  const known = held.get(place);
  if (known !== undefined) {
    known.told = told;
    return known.uploads;
  }
  const to = () => app.attachment(entry, session);
  const uploads = new Uploads({
    send: (act, payload) => to().command(act, payload),
    waiting: (file) => to().waiting.filter(({ act }) => act.type === "upload" && act.file === file).length,
    changed: () => held.get(place)?.told(),
  });
  held.set(place, { uploads, told });
  return uploads;
}
