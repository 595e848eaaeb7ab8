/** Which approval's sheet is open, or that of all of a session's. */

import type { Approval } from "../../lib/session/message";

interface At {
  rid: string;
  session: string;
  approval: string | null;
  /** As it was told, where its session lists it no more. */
  decided?: Approval;
}

class Opened {
  at: At | null = $state.raw(null);
  /** What was decided, on all hosts. */
  history = $state(false);

  close(): void {
    this.at = null;
  }
}

export const opened = new Opened();
