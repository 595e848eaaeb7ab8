/** Approvals as people speak of them. Pure. */

import type { Approval } from "../../lib/session/message";
import { left } from "../words";

/** What becomes of an approval that nobody decides, and when. */
export function deniedIn(expiresAt: number, now: number): string {
  const rest = left(expiresAt, now);
  return rest === null ? "its time is over" : `denied in ${rest} unless you decide`;
}

/** What became of an approval, and who it was, for somebody on this device. */
export function decided(approval: Approval, device: string | null): string {
  switch (approval.state) {
    case "pending":
      return "It waits still";
    case "expired":
      return "Denied: nobody decided in time";
    case "withdrawn":
      return "Withdrawn: whoever asked does not wait any more";
    case "allowed":
    case "denied": {
      const own = device !== null && approval.by.device === device;
      if (approval.state === "allowed" && approval.granted)
        return `Allowed without asking, as ${own ? "you" : approval.by.label} had allowed it until the session ends`;
      if (approval.state === "allowed" && approval.for_session)
        return `${own ? "You" : approval.by.label} allowed it until the session ends`;
      return own ? `You ${approval.state} it on this device` : `${approval.by.label} ${approval.state} it`;
    }
  }
}

/** What was chosen, answered or written with a decision. */
export function said(approval: Approval): string {
  if (approval.state !== "allowed" && approval.state !== "denied") return "";
  const answers =
    approval.state === "allowed" ? [approval.choice, ...(approval.answers ?? []).map((all) => all.join(", "))] : [];
  return [...answers, approval.text].filter(Boolean).join("\n");
}
