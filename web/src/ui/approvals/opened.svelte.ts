/** Which approval's sheet is open. */

class Opened {
  at: { rid: string; session: string; approval: string } | null = $state.raw(null);

  close(): void {
    this.at = null;
  }
}

export const opened = new Opened();
