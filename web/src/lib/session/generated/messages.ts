// Made from crates/session by `UPDATE_BINDINGS=1 cargo test -p longrein-session bindings`. Not edited by hand.

/**
 * A session: one agent or shell with one log.
 */
export type SessionId = string;

/**
 * A paired device.
 */
export type DeviceId = string;

/**
 * One numbering of commands. A device's browser tabs and terminals each have their own, because they share its
 * key but not a counter; a client that comes back after a crash keeps the one its queue was numbered with.
 */
export type StreamId = string;

/**
 * An invitation, as its news call it. It is random and has nothing to do with the token, so that knowing it opens
 * nothing.
 */
export type InvitationId = string;

/**
 * An approval.
 */
export type ApprovalId = string;

/**
 * A person's role on a host; each includes those before it.
 */
export type Role = "viewer" | "approver" | "operator" | "owner";

/**
 * Columns and rows of a terminal, each 1 to 1000. A keeper clamps what it is asked for ([`Size::clamped`]).
 */
export type Size = { 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, };

/**
 * A place in a session's log: the last event applied, in which life of the log.
 */
export type Cursor = { 
/**
 * Which life of the log; starts at 1.
 */
epoch: number, 
/**
 * The last event applied; 0 before the first.
 */
seq: number, };

/**
 * Who is behind a channel, as the host found out. Sent to keepers, never taken from a client.
 */
export type Peer = { 
/**
 * The enrolled device; `None` is a program of the same user on this machine.
 */
device: DeviceId | null, 
/**
 * Its name, for people.
 */
label: string, 
/**
 * What it may do.
 */
role: Role, };

/**
 * When a session ends by itself.
 */
export type Ttl = { "ttl": "off" } | { "ttl": "in", 
/**
 * 1 to 31,536,000, a year.
 */
seconds: number, } | { "ttl": "more", 
/**
 * As above; a year from now on is the latest.
 */
seconds: number, };

/**
 * How much care a request wants. It never makes anything easier.
 */
export type Risk = "normal" | "dangerous";

/**
 * What an asker wants to know: the bytes of this, as JSON, are what a person is shown and what the digest is of.
 */
export type Request = { 
/**
 * Who asks, in a word: `ask` for a script, or an agent's name.
 */
source: string, 
/**
 * The question, or what is to be done, in full.
 */
question: string, 
/**
 * The answers to choose from, at most 16; where there are none, the answer is yes or no.
 */
choices: Array<string>, 
/**
 * The answer may be, or come with, a text of the person's own.
 */
free_text: boolean, 
/**
 * How much care it wants.
 */
risk: Risk, 
/**
 * Why it is of that risk, one reason each.
 */
reasons: Array<string>, 
/**
 * The folder that it is about.
 */
cwd?: string | null, 
/**
 * Denied when nobody has decided after so many seconds: 10 to 86,400, and an hour where absent.
 */
expires_in?: number | null, };

/**
 * Who decided.
 */
export type Decider = { 
/**
 * The enrolled device; none where it was a program of the same user on the host's machine.
 */
device?: DeviceId | null, 
/**
 * Its name then.
 */
label: string, };

/**
 * What became of an approval.
 */
export type ApprovalState = { "state": "pending" } | { "state": "allowed", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * What they chose, where there was a choice.
 */
choice?: string | null, 
/**
 * What they wrote; in lists its beginning.
 */
text?: string | null, } | { "state": "denied", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * Why; in lists the beginning of it.
 */
text?: string | null, } | { "state": "expired", 
/**
 * Unix milliseconds.
 */
decided_at: number, } | { "state": "withdrawn", 
/**
 * Unix milliseconds.
 */
decided_at: number, };

/**
 * One approval, for lists. What exactly is asked is fetched with `approval.request`.
 */
export type Approval = { 
/**
 * Its id.
 */
id: ApprovalId, 
/**
 * The SHA-256 of the [`Request`]'s bytes, in lowercase hexadecimal: a decision names it.
 */
digest: string, 
/**
 * How many bytes those are.
 */
length: number, 
/**
 * As in the [`Request`].
 */
source: string, 
/**
 * The beginning of the question: one line of at most 120 characters, ending in `…` where there is more.
 */
title: string, 
/**
 * As in the [`Request`].
 */
risk: Risk, 
/**
 * What has to be typed to allow it, where it is dangerous.
 */
word?: string | null, 
/**
 * Unix milliseconds.
 */
asked_at: number, 
/**
 * When it is denied by itself, in Unix milliseconds.
 */
expires_at: number, } & ({ "state": "pending" } | { "state": "allowed", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * What they chose, where there was a choice.
 */
choice?: string | null, 
/**
 * What they wrote; in lists its beginning.
 */
text?: string | null, } | { "state": "denied", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * Why; in lists the beginning of it.
 */
text?: string | null, } | { "state": "expired", 
/**
 * Unix milliseconds.
 */
decided_at: number, } | { "state": "withdrawn", 
/**
 * Unix milliseconds.
 */
decided_at: number, });

/**
 * What a person decides.
 */
export type Decision = { "verdict": "allow", 
/**
 * One of the request's choices, where it has some.
 */
choice?: string | null, 
/**
 * Where the request takes one: at most 4,000 bytes.
 */
text?: string | null, 
/**
 * The approval's word, where it has one.
 */
word?: string | null, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, };

/**
 * The reply to `approval.request`.
 */
export type Asked = { 
/**
 * What is asked.
 */
approval: Approval, 
/**
 * A piece of the request's bytes, which are JSON and so UTF-8. All of them, joined, are to have the approval's
 * digest before anybody is shown them.
 */
text: string, 
/**
 * Where the next piece begins; none behind the last.
 */
next?: number | null, };

/**
 * What a command does. Input and prompts carry their bytes as the message's payload.
 */
export type Act = { "type": "input" } | { "type": "resize", 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, } | { "type": "take_size" } | { "type": "give_size" } | { "type": "interrupt" } | { "type": "stop" } | { "type": "ttl" } & Ttl | { "type": "decide", 
/**
 * Which.
 */
approval: ApprovalId, 
/**
 * The digest of what was shown.
 */
digest: string, } & ({ "verdict": "allow", 
/**
 * One of the request's choices, where it has some.
 */
choice?: string | null, 
/**
 * Where the request takes one: at most 4,000 bytes.
 */
text?: string | null, 
/**
 * The approval's word, where it has one.
 */
word?: string | null, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, }) | { "type": "refused", 
/**
 * What the client is told.
 */
why: Failure, };

/**
 * A session to start.
 */
export type Create = { 
/**
 * Program and arguments; never empty.
 */
command: Array<string>, 
/**
 * Absolute; the owner's home folder where absent.
 */
cwd?: string | null, 
/**
 * For people; made from the program and folder where absent.
 */
name?: string | null, 
/**
 * Where absent, 80 by 24 until somebody attaches.
 */
size?: Size | null, 
/**
 * The environment to start from. Taken from local callers only; others get the daemon's own.
 */
env?: Array<[string, string]> | null, 
/**
 * End it by itself after so many seconds; as [`Ttl::In`].
 */
ttl?: number | null, };

/**
 * A session to start again: the same program and arguments, folder and name.
 */
export type Restart = { 
/**
 * Which; it stays readable.
 */
session: SessionId, 
/**
 * End it first, where it runs; without this, that is refused.
 */
stop?: boolean, 
/**
 * As in [`Create`]; where absent, the size that the session had last.
 */
size?: Size | null, 
/**
 * Start the command of an imported session all the same; taken from local programs alone, and refused without it.
 */
imported?: boolean, 
/**
 * As in [`Create`]: the environment of a session is stored nowhere.
 */
env?: Array<[string, string]> | null, 
/**
 * As in [`Create`]: the end that the session had of its own is not the new one's.
 */
ttl?: number | null, };

/**
 * The reply to `session.create` and `session.restart`.
 */
export type Created = { 
/**
 * The new session.
 */
session: SessionId, };

/**
 * The reply to `session.ttl`.
 */
export type Retimed = { 
/**
 * When the session ends by itself now, in Unix milliseconds; none where it does not.
 */
ends_at: number | null, };

/**
 * The reply to `pair.create`.
 */
export type Invited = { 
/**
 * The whole link, with the invitation in its fragment.
 */
url: string, 
/**
 * Seconds.
 */
expires_in: number, 
/**
 * What the notices about it call it.
 */
invitation: InvitationId, };

/**
 * Whether a host keeps its machine from falling asleep.
 */
export type Awake = { 
/**
 * It does.
 */
held: boolean, 
/**
 * Why, or why not, in a few words.
 */
why: string, 
/**
 * What a person could do about it; empty where nothing is wrong.
 */
hint: string, };

/**
 * The reply to `host.status`.
 */
export type Status = { 
/**
 * The host's name.
 */
host: string, 
/**
 * The daemon's process id.
 */
pid: number, 
/**
 * The program's version.
 */
version: string, 
/**
 * Where this host's relay is reached, as a URL that a browser opens.
 */
relay: string, 
/**
 * `embedded`, `remote` or `tunnel`.
 */
relay_kind: string, 
/**
 * The address the embedded relay is bound to, if there is one.
 */
address: string | null, 
/**
 * Whether the host holds its slot on the relay now.
 */
online: boolean, 
/**
 * The slot, base64url.
 */
rid: string, 
/**
 * Live sessions, ended sessions.
 */
sessions: [number, number], 
/**
 * Channels that stand now.
 */
channels: number, 
/**
 * Whether the host keeps its machine awake, where it knows.
 */
awake?: Awake | null, };

/**
 * An enrolled device.
 */
export type Device = { 
/**
 * Its id.
 */
id: DeviceId, 
/**
 * Its name.
 */
label: string, 
/**
 * What it may do.
 */
role: Role, 
/**
 * Unix milliseconds.
 */
enrolled_at: number, 
/**
 * Unix milliseconds.
 */
last_seen: number, 
/**
 * Has a channel now.
 */
online: boolean, 
/**
 * The four words of its pairing.
 */
words: string, };

/**
 * Who ended a session's program.
 */
export type EndedBy = "itself" | "person" | "time" | "machine";

/**
 * What took a session's keeper away before its program ended.
 */
export type LostBy = "machine" | "keeper";

/**
 * Whether a session's program runs.
 */
export type RunState = { "state": "running" } | { "state": "ended", 
/**
 * Its exit status; 128 + n where signal n ended it, as shells have it.
 */
exit: number, 
/**
 * Unix milliseconds.
 */
at: number, 
/**
 * Who ended it.
 */
by?: EndedBy, } | { "state": "lost", 
/**
 * Unix milliseconds of the last event.
 */
at: number, 
/**
 * What took the keeper away.
 */
by: LostBy, };

/**
 * One session, for lists.
 */
export type Summary = { 
/**
 * Its id.
 */
id: SessionId, 
/**
 * Its name.
 */
name: string, 
/**
 * Program and arguments; what is longer than a list needs is cut, and ends in `…` then.
 */
command: Array<string>, 
/**
 * Where it was started.
 */
cwd: string, 
/**
 * The git branch of `cwd`, where there is one.
 */
branch?: string | null, 
/**
 * The keeper's process id, while there is one.
 */
keeper_pid?: number | null, 
/**
 * Unix milliseconds.
 */
started_at: number, 
/**
 * When the session ends by itself, in Unix milliseconds, while it runs and if it does.
 */
ends_at?: number | null, 
/**
 * The session that this one was started again from.
 */
continues?: SessionId | null, 
/**
 * It came from a file: its command was never started here, and is what the file says.
 */
imported?: boolean, 
/**
 * Unix milliseconds of the last event.
 */
last_activity: number, 
/**
 * The terminal's title; empty if none was set.
 */
title: string, 
/**
 * The terminal's size now.
 */
size: Size, 
/**
 * Head of the log.
 */
head: Cursor, 
/**
 * Clients attached now.
 */
attached: number, 
/**
 * The last lines of the screen that are not blank, at most six, each at most 120 characters, without colour.
 */
preview: Array<string>, 
/**
 * Approvals that wait, oldest first, and the last ones that are over.
 */
approvals?: Array<Approval>, } & ({ "state": "running" } | { "state": "ended", 
/**
 * Its exit status; 128 + n where signal n ended it, as shells have it.
 */
exit: number, 
/**
 * Unix milliseconds.
 */
at: number, 
/**
 * Who ended it.
 */
by?: EndedBy, } | { "state": "lost", 
/**
 * Unix milliseconds of the last event.
 */
at: number, 
/**
 * What took the keeper away.
 */
by: LostBy, });

/**
 * Whose fault a failure is, and so whether trying again helps.
 */
export type ErrorKind = "invalid" | "forbidden" | "not_found" | "limited" | "ended" | "environment" | "internal";

/**
 * A failure, as told to a person: one sentence and a hint.
 */
export type Failure = { 
/**
 * Whose fault.
 */
kind: ErrorKind, 
/**
 * One sentence.
 */
message: string, 
/**
 * What to do about it; may be empty.
 */
hint: string, };

/**
 * A log entry.
 */
export type Event = { "kind": "output" } | { "kind": "resize", 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, } | { "kind": "title", 
/**
 * At most 256 characters.
 */
title: string, } | { "kind": "exit", 
/**
 * Its exit status; 128 + n where signal n ended it.
 */
exit: number, } | { "kind": "banner", 
/**
 * One sentence.
 */
text: string, } | { "kind": "ending", 
/**
 * When, in Unix milliseconds; without one, not any more.
 */
ends_at?: number | null, } | { "kind": "asked", 
/**
 * What is asked.
 */
approval: Approval, 
/**
 * 0, 1, 2 …
 */
part: number, 
/**
 * No piece follows.
 */
last: boolean, } | { "kind": "decided", 
/**
 * Which.
 */
approval: ApprovalId, } & ({ "state": "pending" } | { "state": "allowed", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * What they chose, where there was a choice.
 */
choice?: string | null, 
/**
 * What they wrote; in lists its beginning.
 */
text?: string | null, } | { "state": "denied", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * Why; in lists the beginning of it.
 */
text?: string | null, } | { "state": "expired", 
/**
 * Unix milliseconds.
 */
decided_at: number, } | { "state": "withdrawn", 
/**
 * Unix milliseconds.
 */
decided_at: number, });

/**
 * What owners are told of as it happens.
 */
export type Notice = { "notice": "paired", 
/**
 * By this invitation.
 */
invitation: InvitationId, 
/**
 * Which.
 */
device: Device, } | { "notice": "confirm_pairing", 
/**
 * The invitation it came with.
 */
invitation: InvitationId, 
/**
 * Its id, if it is allowed.
 */
device: DeviceId, 
/**
 * Its own name for itself.
 */
label: string, 
/**
 * To be compared with what the device shows.
 */
words: string, } | { "notice": "invitation_reused", 
/**
 * Which.
 */
invitation: InvitationId, } | { "notice": "revoked", 
/**
 * Which.
 */
device: DeviceId, 
/**
 * Its name.
 */
label: string, };

/**
 * What a client asks of the host itself.
 */
export type Method = { "method": "session.create", "params": Create } | { "method": "session.list", "params": { 
/**
 * Only those behind this one.
 */
after?: SessionId | null, } } | { "method": "session.remove", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "session.adopt", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "session.stop", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "session.ttl", "params": { 
/**
 * Which.
 */
session: SessionId, } & ({ "ttl": "off" } | { "ttl": "in", 
/**
 * 1 to 31,536,000, a year.
 */
seconds: number, } | { "ttl": "more", 
/**
 * As above; a year from now on is the latest.
 */
seconds: number, }) } | { "method": "session.restart", "params": Restart } | { "method": "approval.request", "params": { 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which approval.
 */
approval: ApprovalId, 
/**
 * From which byte on: 0, or the last answer's `next`.
 */
from: number, } } | { "method": "approval.decide", "params": { 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which approval.
 */
approval: ApprovalId, 
/**
 * The digest of what was shown.
 */
digest: string, } & ({ "verdict": "allow", 
/**
 * One of the request's choices, where it has some.
 */
choice?: string | null, 
/**
 * Where the request takes one: at most 4,000 bytes.
 */
text?: string | null, 
/**
 * The approval's word, where it has one.
 */
word?: string | null, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, }) } | { "method": "host.status", "params": Record<symbol, never> } | { "method": "host.down", "params": Record<symbol, never> } | { "method": "pair.create", "params": { 
/**
 * Ask at the host before the device is enrolled.
 */
confirm: boolean, } } | { "method": "pair.confirm", "params": { 
/**
 * The device that waits.
 */
device: DeviceId, 
/**
 * Enrol it.
 */
allow: boolean, } } | { "method": "device.list", "params": { 
/**
 * Only those behind this one.
 */
after?: DeviceId | null, } } | { "method": "device.revoke", "params": { 
/**
 * Which.
 */
device: DeviceId, } } | { "method": "device.rename", "params": { 
/**
 * Which.
 */
device: DeviceId, 
/**
 * 1 to 64 characters.
 */
label: string, } };

/**
 * From a client to a host, and, forwarded or local, to a keeper.
 */
export type ToHost = { "t": "hello", 
/**
 * Program and version, such as `longrein-web/0.1.0`.
 */
client: string, 
/**
 * [`VERSION`] of the sender.
 */
version: number, 
/**
 * Names of optional abilities.
 */
features: Array<string>, 
/**
 * The numbering of this channel's commands.
 */
stream: StreamId, 
/**
 * Who speaks. Set by the host on its way to a keeper; whatever a client writes here is overwritten.
 */
peer?: Peer | null, } | { "t": "watch", } | { "t": "attach", 
/**
 * Which.
 */
session: SessionId, 
/**
 * Continue behind this place; without it, or where it is gone, a snapshot comes first.
 */
after?: Cursor | null, 
/**
 * The screen this client has; a client without one does not take part in sizing.
 */
size?: Size | null, 
/**
 * Bytes that may be under way to this client without an ack.
 */
window: number, 
/**
 * How many of the lines above the screen a snapshot brings, the newest; where absent, all it takes.
 */
scrollback?: number | null, 
/**
 * A snapshot comes in any case, also where the log could go on behind `after`.
 */
redraw?: boolean, } | { "t": "detach", 
/**
 * Which.
 */
session: SessionId, } | { "t": "ack", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The epoch that `seq` belongs to.
 */
epoch: number, 
/**
 * The last event applied, or the snapshot that is being taken in.
 */
seq: number, 
/**
 * In the middle of a snapshot at `seq`: the last piece that was taken. Absent after its last piece and for
 * events.
 */
part?: number | null, } | { "t": "command", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * The number.
 */
n: number, 
/**
 * What.
 */
do: Act, } | { "t": "ask", 
/**
 * Which session it belongs to.
 */
session: SessionId, 
/**
 * No piece follows.
 */
last: boolean, } | { "t": "request", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which approval.
 */
approval: ApprovalId, 
/**
 * From which byte of the request on.
 */
from: number, } | { "t": "call", 
/**
 * The client's own number for it.
 */
id: number, } & ({ "method": "session.create", "params": Create } | { "method": "session.list", "params": { 
/**
 * Only those behind this one.
 */
after?: SessionId | null, } } | { "method": "session.remove", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "session.adopt", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "session.stop", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "session.ttl", "params": { 
/**
 * Which.
 */
session: SessionId, } & ({ "ttl": "off" } | { "ttl": "in", 
/**
 * 1 to 31,536,000, a year.
 */
seconds: number, } | { "ttl": "more", 
/**
 * As above; a year from now on is the latest.
 */
seconds: number, }) } | { "method": "session.restart", "params": Restart } | { "method": "approval.request", "params": { 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which approval.
 */
approval: ApprovalId, 
/**
 * From which byte on: 0, or the last answer's `next`.
 */
from: number, } } | { "method": "approval.decide", "params": { 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which approval.
 */
approval: ApprovalId, 
/**
 * The digest of what was shown.
 */
digest: string, } & ({ "verdict": "allow", 
/**
 * One of the request's choices, where it has some.
 */
choice?: string | null, 
/**
 * Where the request takes one: at most 4,000 bytes.
 */
text?: string | null, 
/**
 * The approval's word, where it has one.
 */
word?: string | null, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, }) } | { "method": "host.status", "params": Record<symbol, never> } | { "method": "host.down", "params": Record<symbol, never> } | { "method": "pair.create", "params": { 
/**
 * Ask at the host before the device is enrolled.
 */
confirm: boolean, } } | { "method": "pair.confirm", "params": { 
/**
 * The device that waits.
 */
device: DeviceId, 
/**
 * Enrol it.
 */
allow: boolean, } } | { "method": "device.list", "params": { 
/**
 * Only those behind this one.
 */
after?: DeviceId | null, } } | { "method": "device.revoke", "params": { 
/**
 * Which.
 */
device: DeviceId, } } | { "method": "device.rename", "params": { 
/**
 * Which.
 */
device: DeviceId, 
/**
 * 1 to 64 characters.
 */
label: string, } }) | { "t": "ping", 
/**
 * The sender's own milliseconds.
 */
sent: number, 
/**
 * How soon this client wants to notice that the other end is gone, in milliseconds of silence before one
 * asks: the host then asks as often, and gives the client up after three times as long. Holds until another
 * ping says otherwise.
 */
every?: number | null, } | { "t": "pong", 
/**
 * As it stood in the ping.
 */
sent: number, };

/**
 * From a host or keeper to a client.
 */
export type ToClient = { "t": "welcome", 
/**
 * The host's name.
 */
host: string, 
/**
 * Program and version of the host.
 */
program: string, 
/**
 * [`VERSION`] of the sender.
 */
version: number, 
/**
 * The device this channel belongs to; `None` for a local program.
 */
device?: DeviceId | null, 
/**
 * What it may do.
 */
role: Role, 
/**
 * Names of optional abilities.
 */
features: Array<string>, 
/**
 * The host's clock, Unix milliseconds.
 */
time: number, } | { "t": "state", 
/**
 * The host's name.
 */
host: string, 
/**
 * All sessions.
 */
sessions: Array<SessionId>, } | { "t": "changed", 
/**
 * All of it.
 */
summary: Summary, } | { "t": "removed", 
/**
 * Which.
 */
session: SessionId, } | { "t": "attached", 
/**
 * Which.
 */
session: SessionId, 
/**
 * The head of the log when the attach arrived.
 */
head: Cursor, 
/**
 * The terminal's size.
 */
size: Size, 
/**
 * The last command of this channel's stream that was settled.
 */
applied: number, } | { "t": "detached", 
/**
 * Which.
 */
session: SessionId, 
/**
 * Why; none when the client asked for it.
 */
why?: Failure | null, } | { "t": "event", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which life of its log.
 */
epoch: number, 
/**
 * Its number.
 */
seq: number, 
/**
 * Unix milliseconds.
 */
at: number, } & ({ "kind": "output" } | { "kind": "resize", 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, } | { "kind": "title", 
/**
 * At most 256 characters.
 */
title: string, } | { "kind": "exit", 
/**
 * Its exit status; 128 + n where signal n ended it.
 */
exit: number, } | { "kind": "banner", 
/**
 * One sentence.
 */
text: string, } | { "kind": "ending", 
/**
 * When, in Unix milliseconds; without one, not any more.
 */
ends_at?: number | null, } | { "kind": "asked", 
/**
 * What is asked.
 */
approval: Approval, 
/**
 * 0, 1, 2 …
 */
part: number, 
/**
 * No piece follows.
 */
last: boolean, } | { "kind": "decided", 
/**
 * Which.
 */
approval: ApprovalId, } & ({ "state": "pending" } | { "state": "allowed", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * What they chose, where there was a choice.
 */
choice?: string | null, 
/**
 * What they wrote; in lists its beginning.
 */
text?: string | null, } | { "state": "denied", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * Why; in lists the beginning of it.
 */
text?: string | null, } | { "state": "expired", 
/**
 * Unix milliseconds.
 */
decided_at: number, } | { "state": "withdrawn", 
/**
 * Unix milliseconds.
 */
decided_at: number, })) | { "t": "snapshot", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Which life of its log.
 */
epoch: number, 
/**
 * The last event that is in it.
 */
seq: number, 
/**
 * 0, 1, 2 …
 */
part: number, 
/**
 * No piece follows.
 */
last: boolean, 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, } | { "t": "applied", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Its number.
 */
n: number, } | { "t": "refused", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Its number.
 */
n: number, 
/**
 * Why.
 */
why: Failure, } | { "t": "asked", 
/**
 * It is stored and waits.
 */
approval?: Approval | null, 
/**
 * Or why it is not, which is a no.
 */
why?: Failure | null, } | { "t": "decided", 
/**
 * Which.
 */
approval: ApprovalId, } & ({ "state": "pending" } | { "state": "allowed", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * What they chose, where there was a choice.
 */
choice?: string | null, 
/**
 * What they wrote; in lists its beginning.
 */
text?: string | null, } | { "state": "denied", 
/**
 * Who.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
decided_at: number, 
/**
 * Why; in lists the beginning of it.
 */
text?: string | null, } | { "state": "expired", 
/**
 * Unix milliseconds.
 */
decided_at: number, } | { "state": "withdrawn", 
/**
 * Unix milliseconds.
 */
decided_at: number, }) | { "t": "request", 
/**
 * A piece; none where there is no such approval any more, or nothing of its request from there on.
 */
asked?: Asked | null, } | { "t": "reply", 
/**
 * The client's number for it.
 */
id: number, 
/**
 * The result, by method.
 */
ok?: unknown, 
/**
 * Or why not.
 */
error?: Failure | null, } | { "t": "notice", } & ({ "notice": "paired", 
/**
 * By this invitation.
 */
invitation: InvitationId, 
/**
 * Which.
 */
device: Device, } | { "notice": "confirm_pairing", 
/**
 * The invitation it came with.
 */
invitation: InvitationId, 
/**
 * Its id, if it is allowed.
 */
device: DeviceId, 
/**
 * Its own name for itself.
 */
label: string, 
/**
 * To be compared with what the device shows.
 */
words: string, } | { "notice": "invitation_reused", 
/**
 * Which.
 */
invitation: InvitationId, } | { "notice": "revoked", 
/**
 * Which.
 */
device: DeviceId, 
/**
 * Its name.
 */
label: string, }) | { "t": "ping", 
/**
 * The sender's own milliseconds.
 */
sent: number, } | { "t": "pong", 
/**
 * As it stood in the ping.
 */
sent: number, };

export const VERSION = 1;
export const MAX_MESSAGE = 64000;
export const MAX_PAYLOAD = 32768;
