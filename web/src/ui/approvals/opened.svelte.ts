/** Which approval's sheet is open, or that of all of a session's. */

class Opened {
  at: { rid: string; session: string; approval: string | null } | null = $state.raw(null);

  close(): void {
    this.at = null;
  }
}

export const opened = new Opened();
