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
role: Role, 
/**
 * It may talk to agents and not type: in a terminal its prompts are typed at an agent alone, and not as a command
 * of that agent's own shell.
 */
talks_only?: boolean, };

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
export type Risk = "normal" | "careful" | "dangerous";

/**
 * One of several things that an agent can be told.
 */
export type Choice = { 
/**
 * What the agent calls it.
 */
id: string, 
/**
 * For people.
 */
about: string, };

/**
 * A file, before and after.
 */
export type Change = { 
/**
 * The file.
 */
path: string, 
/**
 * What stood there, or the part that is replaced; none where the file is new.
 */
old?: string | null, 
/**
 * What is to stand there; none where the file goes.
 */
new?: string | null, };

/**
 * What kind of thing a tool does.
 */
export type ToolKind = "read" | "edit" | "run" | "search" | "fetch" | "delegate" | "other";

/**
 * What a tool is to do. Also what an approval is about.
 */
export type Tool = { 
/**
 * The agent's own name of it.
 */
name: string, 
/**
 * What kind of thing it does.
 */
kind: ToolKind, 
/**
 * What it is about, in a line, in the agent's words.
 */
title?: string, 
/**
 * The command, where it runs one; whole.
 */
command?: string | null, 
/**
 * Files and folders that it touches.
 */
paths?: Array<string>, 
/**
 * What it would change.
 */
changes?: Array<Change>, 
/**
 * All of what the agent passes to it, as it came.
 */
input: unknown, };

/**
 * A picture.
 */
export type Image = { 
/**
 * Its media type, such as `image/png`.
 */
media: string, 
/**
 * Its bytes, base64 (RFC 4648, section 4).
 */
data: string, };

/**
 * How something ended.
 */
export type Outcome = "done" | "failed" | "denied" | "interrupted";

/**
 * How far a step of a plan is.
 */
export type StepState = "open" | "begun" | "done";

/**
 * A step of a plan.
 */
export type Step = { 
/**
 * What.
 */
text: string, 
/**
 * How far it is.
 */
state: StepState, };

/**
 * What an agent is, and what it can be told.
 */
export type Setup = { 
/**
 * Its version, as it says itself.
 */
version?: string | null, 
/**
 * Its own name for the conversation, with which it can be continued.
 */
conversation?: string | null, 
/**
 * The model it uses.
 */
model?: string | null, 
/**
 * The models it can be told to use.
 */
models?: Array<Choice>, 
/**
 * The mode it is in.
 */
mode?: string | null, 
/**
 * The modes it can be told to be in.
 */
modes?: Array<Choice>, 
/**
 * Its slash commands, without the slash.
 */
commands?: Array<Choice>, };

/**
 * One thing that was said or done. The payloads of a [`super::Event::Chat`]'s pieces, joined, are this as JSON. Kept for
 * ever and never changed: what comes of a tool's call is a thing of its own, and names the call.
 */
export type Chat = { "type": "user", 
/**
 * What, in full.
 */
text: string, 
/**
 * The device it came from; none where it was typed at the agent itself.
 */
by?: string | null, 
/**
 * Files that came with it.
 */
files?: Array<string>, 
/**
 * Which prompt this is, as [`super::Prompted::prompt`] names it; none where it was typed at the agent itself.
 */
prompt?: string | null, } | { "type": "queued", 
/**
 * What, in full.
 */
text: string, 
/**
 * The device it came from.
 */
by: string, 
/**
 * Files that came with it.
 */
files?: Array<string>, } | { "type": "taken", 
/**
 * The number of the [`Chat::Queued`]'s last event.
 */
queued: number, } | { "type": "agent", 
/**
 * The [`super::Event::Partial`]s that this is the whole of.
 */
item?: string | null, 
/**
 * What.
 */
text: string, 
/**
 * The call that it was said within, by an agent of the agent's own.
 */
within?: string | null, } | { "type": "thinking", 
/**
 * As in [`Chat::Agent`].
 */
item?: string | null, 
/**
 * What.
 */
text: string, 
/**
 * As in [`Chat::Agent`].
 */
within?: string | null, } | { "type": "call", 
/**
 * Names the call.
 */
call: string, 
/**
 * What is to be done.
 */
tool: Tool, 
/**
 * As in [`Chat::Agent`].
 */
within?: string | null, } | { "type": "result", 
/**
 * Which.
 */
call: string, 
/**
 * How it ended.
 */
outcome: Outcome, 
/**
 * What the tool said; may have a terminal's colours.
 */
text: string, 
/**
 * Bytes of it that were left out in the middle, where it was longer than the log takes.
 */
left_out?: number, 
/**
 * What it changed, where that is known only now.
 */
changes?: Array<Change>, 
/**
 * Pictures.
 */
images?: Array<Image>, } | { "type": "plan", 
/**
 * Its steps.
 */
steps: Array<Step>, } | { "type": "turn", 
/**
 * How it ended.
 */
outcome: Outcome, 
/**
 * Why it failed, in the agent's own words.
 */
error?: string | null, 
/**
 * What this turn cost, in millionths of a dollar, where the agent says it.
 */
cost?: number | null, 
/**
 * What the whole conversation cost so far, in millionths of a dollar.
 */
total?: number | null, 
/**
 * Tokens read, and written.
 */
tokens?: [number, number] | null, 
/**
 * Milliseconds.
 */
took?: number | null, } | { "type": "setup" } & Setup | { "type": "note", 
/**
 * One sentence.
 */
text: string, } | { "type": "unknown", 
/**
 * As it came.
 */
json: unknown, };

/**
 * What an agent is doing.
 */
export type Doing = "unknown" | "idle" | "working" | "needs_you";

/**
 * What an agent is doing, for lists.
 */
export type AgentState = { 
/**
 * Which agent: `claude`, `codex`, `opencode`, `gemini`, or what a program calls itself; empty where it does not.
 */
name: string, 
/**
 * It has no terminal: what it says is in the chat alone.
 */
structured?: boolean, 
/**
 * What it is doing.
 */
doing: Doing, 
/**
 * What it wants, where it needs a person: at most 200 characters, in its own words.
 */
wants?: string, 
/**
 * The beginning of what it said last: at most 200 characters.
 */
last?: string, 
/**
 * What the conversation cost so far, in millionths of a dollar, where it says it.
 */
cost?: number | null, 
/**
 * Turns so far.
 */
turns: number, 
/**
 * Prompts that wait until it is done with what it does.
 */
queued?: number, 
/**
 * The agent's own name for the conversation, with which it can be continued; written by the keeper.
 */
conversation?: string | null, 
/**
 * The last event that a chat view shows; 0 where there is none.
 */
chat: number, };

/**
 * One of several questions.
 */
export type Question = { 
/**
 * What is asked.
 */
text: string, 
/**
 * The answers to choose from, at most 16.
 */
choices: Array<Choice>, 
/**
 * More than one may be chosen.
 */
several: boolean, 
/**
 * An answer may be a text of the person's own.
 */
free_text: boolean, };

/**
 * What an allowance for a session is for: a request of the same tool and pattern.
 */
export type Scope = { 
/**
 * The tool's name.
 */
tool: string, 
/**
 * What it is used for, exactly: the command, or the file.
 */
pattern: string, 
/**
 * Both in words, for people.
 */
words: string, };

/**
 * What is allowed until the session ends.
 */
export type Grant = { 
/**
 * The approval that it was allowed with; names it.
 */
id: ApprovalId, 
/**
 * As in the [`Scope`]: one line of at most 200 characters, ending in `…` where there is more.
 */
words: string, 
/**
 * Who allowed it.
 */
by: Decider, 
/**
 * Unix milliseconds.
 */
since: number, };

/**
 * Which agent a session's program is.
 */
export type Agent = { 
/**
 * Its name, of those that `longrein agents` lists; `none` for a program that is to be treated as any other.
 */
name: string, 
/**
 * Without a terminal: what it says is in the chat alone. The command then is the agent's own arguments.
 */
structured?: boolean, 
/**
 * The agent's own name for the conversation to go on with.
 */
resume?: string | null, };

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
 * Denied when nobody has decided after so many seconds: 10 to 604,800, and an hour where absent.
 */
expires_in?: number | null, 
/**
 * What an agent wants to do, where that is what is asked.
 */
tool?: Tool | null, 
/**
 * A plan to be allowed, in Markdown; a denial's text is what is to be different.
 */
plan?: string | null, 
/**
 * Questions to be answered instead of yes or no, at most eight.
 */
questions?: Array<Question>, 
/**
 * What may be allowed until the session ends, where that is offered; never of anything dangerous.
 */
scope?: Scope | null, };

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
text?: string | null, 
/**
 * Their answers, one list for each question; not in lists.
 */
answers?: Array<Array<string>>, 
/**
 * It is allowed until the session ends; or, with `granted`, it was so already.
 */
for_session?: boolean, 
/**
 * The earlier approval by which it was allowed without being asked.
 */
granted?: ApprovalId | null, } | { "state": "denied", 
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
text?: string | null, 
/**
 * Their answers, one list for each question; not in lists.
 */
answers?: Array<Array<string>>, 
/**
 * It is allowed until the session ends; or, with `granted`, it was so already.
 */
for_session?: boolean, 
/**
 * The earlier approval by which it was allowed without being asked.
 */
granted?: ApprovalId | null, } | { "state": "denied", 
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
word?: string | null, 
/**
 * For each of the request's questions the choices taken, or a text of the person's own.
 */
answers?: Array<Array<string>>, 
/**
 * And whatever is of the request's scope until the session ends.
 */
for_session?: boolean, } | { "verdict": "deny", 
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
 * A place in the history of decisions.
 */
export type Before = { 
/**
 * When the approval before it was over, in Unix milliseconds.
 */
at: number, 
/**
 * Which that was.
 */
approval: ApprovalId, };

/**
 * An approval that is over, of any session that is not removed.
 */
export type Decided = { 
/**
 * The session that it was asked in.
 */
session: SessionId, 
/**
 * That session's name.
 */
name: string, 
/**
 * What was asked, and what became of it, with all that was written and answered.
 */
approval: Approval, };

/**
 * The reply to `approval.history`: a page.
 */
export type Decisions = { 
/**
 * The last decision first.
 */
decided: Array<Decided>, 
/**
 * Where the next page begins; none behind the last one.
 */
next?: Before | null, };

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
word?: string | null, 
/**
 * For each of the request's questions the choices taken, or a text of the person's own.
 */
answers?: Array<Array<string>>, 
/**
 * And whatever is of the request's scope until the session ends.
 */
for_session?: boolean, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, }) | { "type": "revoke", 
/**
 * The grant.
 */
grant: ApprovalId, } | { "type": "prompt", 
/**
 * Files that were uploaded to the session and come with it, by the names they were given.
 */
files?: Array<string>, } | { "type": "upload", 
/**
 * What the session calls it: the client's own new name, with the file's ending.
 */
file: string, 
/**
 * Where the piece begins.
 */
from: number, 
/**
 * No piece follows.
 */
last: boolean, } | { "type": "configure", 
/**
 * One of its modes.
 */
mode?: string | null, 
/**
 * One of its models.
 */
model?: string | null, } | { "type": "refused", 
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
ttl?: number | null, 
/**
 * Which agent the program is; found out from the command where absent.
 */
agent?: Agent | null, 
/**
 * It is there for one question of a program outside of any session: of those there are 20 a minute at most, and 8 that
 * run.
 */
asks?: boolean, };

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
 * A conversation to go on with, or to begin.
 */
export type Open = { 
/**
 * Its name: 1 to 64 letters, digits, dots, `-`, `_` and `:`. One that is not known begins; without one the host
 * gives it a name.
 */
conversation?: string | null, 
/**
 * The session that it is to be held in, where it has none yet.
 */
session?: SessionId | null, 
/**
 * Which agent is started for a new one; `claude` where absent.
 */
agent?: string | null, 
/**
 * The folder that it is started in; absolute, and the owner's home folder where absent.
 */
cwd?: string | null, };

/**
 * A part of what the API does. Each includes [`Scope::Read`]: whoever may do something may see what comes of it.
 */
export type TokenScope = "read" | "prompt" | "decide" | "input" | "manage";

/**
 * A secret that whoever shows it is known by; it is never printed.
 */
export type Bearer = string;

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
 * Where programs of the host's own machine find the HTTP API, if they do.
 */
api?: string | null, 
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
approvals?: Array<Approval>, 
/**
 * What is allowed until the session ends.
 */
grants?: Array<Grant>, 
/**
 * The agent, where the program is one that says what it is doing.
 */
agent?: AgentState | null, } & ({ "state": "running" } | { "state": "ended", 
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
text?: string | null, 
/**
 * Their answers, one list for each question; not in lists.
 */
answers?: Array<Array<string>>, 
/**
 * It is allowed until the session ends; or, with `granted`, it was so already.
 */
for_session?: boolean, 
/**
 * The earlier approval by which it was allowed without being asked.
 */
granted?: ApprovalId | null, } | { "state": "denied", 
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
decided_at: number, }) | { "kind": "revoked", 
/**
 * The grant.
 */
grant: ApprovalId, 
/**
 * Who took it back.
 */
by: Decider, } | { "kind": "chat", 
/**
 * 0, 1, 2 …
 */
part: number, 
/**
 * No piece follows.
 */
last: boolean, } | { "kind": "partial", 
/**
 * Of what; [`Chat::Agent`] and [`Chat::Thinking`] name it.
 */
item: string, 
/**
 * Bytes of it that came before.
 */
from: number, 
/**
 * It is thought, not said.
 */
thinking?: boolean, };

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
word?: string | null, 
/**
 * For each of the request's questions the choices taken, or a text of the person's own.
 */
answers?: Array<Array<string>>, 
/**
 * And whatever is of the request's scope until the session ends.
 */
for_session?: boolean, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, }) } | { "method": "approval.history", "params": { 
/**
 * Only what was over before this: the last page's `next`.
 */
before?: Before | null, } } | { "method": "session.prompt", "params": { 
/**
 * Which.
 */
session: SessionId, 
/**
 * What: at most 32,768 bytes.
 */
text: string, } } | { "method": "session.input", "params": { 
/**
 * Which.
 */
session: SessionId, 
/**
 * What: at most 32,768 bytes.
 */
text: string, } } | { "method": "session.interrupt", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "conversation.open", "params": Open } | { "method": "conversation.forget", "params": { 
/**
 * Its name.
 */
conversation: string, } } | { "method": "token.create", "params": { 
/**
 * A new name: 1 to 32 letters, digits, dots, `-` and `_`.
 */
name: string, 
/**
 * What it may do.
 */
scopes: Array<TokenScope>, 
/**
 * How long it holds, in seconds: 60 to 31,622,400, a year.
 */
ttl: number, } } | { "method": "token.list", "params": Record<symbol, never> } | { "method": "token.revoke", "params": { 
/**
 * Its name.
 */
name: string, } } | { "method": "host.status", "params": Record<symbol, never> } | { "method": "host.down", "params": Record<symbol, never> } | { "method": "pair.create", "params": { 
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
peer?: Peer | null, 
/**
 * An API token: the channel may do what that one may, and nothing else. Of a program of the host's own machine.
 */
token?: Bearer | null, } | { "t": "watch", } | { "t": "attach", 
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
last: boolean, } | { "t": "past", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * Only events below this number.
 */
before: number, 
/**
 * About how many bytes, at most 262,144; at least one whole thing comes.
 */
room: number, 
/**
 * Only events above this number, those next to it: all that are never trimmed. [`ToClient::PastEnd`] then says
 * whether more follow, and what is being said just now does not come with them.
 */
after?: number | null, } | { "t": "hook", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * No piece follows.
 */
last: boolean, } | { "t": "notify", 
/**
 * Which session.
 */
session: SessionId, } | { "t": "request", 
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
word?: string | null, 
/**
 * For each of the request's questions the choices taken, or a text of the person's own.
 */
answers?: Array<Array<string>>, 
/**
 * And whatever is of the request's scope until the session ends.
 */
for_session?: boolean, } | { "verdict": "deny", 
/**
 * Why, for whoever asked: at most 4,000 bytes.
 */
text?: string | null, }) } | { "method": "approval.history", "params": { 
/**
 * Only what was over before this: the last page's `next`.
 */
before?: Before | null, } } | { "method": "session.prompt", "params": { 
/**
 * Which.
 */
session: SessionId, 
/**
 * What: at most 32,768 bytes.
 */
text: string, } } | { "method": "session.input", "params": { 
/**
 * Which.
 */
session: SessionId, 
/**
 * What: at most 32,768 bytes.
 */
text: string, } } | { "method": "session.interrupt", "params": { 
/**
 * Which.
 */
session: SessionId, } } | { "method": "conversation.open", "params": Open } | { "method": "conversation.forget", "params": { 
/**
 * Its name.
 */
conversation: string, } } | { "method": "token.create", "params": { 
/**
 * A new name: 1 to 32 letters, digits, dots, `-` and `_`.
 */
name: string, 
/**
 * What it may do.
 */
scopes: Array<TokenScope>, 
/**
 * How long it holds, in seconds: 60 to 31,622,400, a year.
 */
ttl: number, } } | { "method": "token.list", "params": Record<symbol, never> } | { "method": "token.revoke", "params": { 
/**
 * Its name.
 */
name: string, } } | { "method": "host.status", "params": Record<symbol, never> } | { "method": "host.down", "params": Record<symbol, never> } | { "method": "pair.create", "params": { 
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
text?: string | null, 
/**
 * Their answers, one list for each question; not in lists.
 */
answers?: Array<Array<string>>, 
/**
 * It is allowed until the session ends; or, with `granted`, it was so already.
 */
for_session?: boolean, 
/**
 * The earlier approval by which it was allowed without being asked.
 */
granted?: ApprovalId | null, } | { "state": "denied", 
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
decided_at: number, }) | { "kind": "revoked", 
/**
 * The grant.
 */
grant: ApprovalId, 
/**
 * Who took it back.
 */
by: Decider, } | { "kind": "chat", 
/**
 * 0, 1, 2 …
 */
part: number, 
/**
 * No piece follows.
 */
last: boolean, } | { "kind": "partial", 
/**
 * Of what; [`Chat::Agent`] and [`Chat::Thinking`] name it.
 */
item: string, 
/**
 * Bytes of it that came before.
 */
from: number, 
/**
 * It is thought, not said.
 */
thinking?: boolean, }) | { "t": "past", 
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
text?: string | null, 
/**
 * Their answers, one list for each question; not in lists.
 */
answers?: Array<Array<string>>, 
/**
 * It is allowed until the session ends; or, with `granted`, it was so already.
 */
for_session?: boolean, 
/**
 * The earlier approval by which it was allowed without being asked.
 */
granted?: ApprovalId | null, } | { "state": "denied", 
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
decided_at: number, }) | { "kind": "revoked", 
/**
 * The grant.
 */
grant: ApprovalId, 
/**
 * Who took it back.
 */
by: Decider, } | { "kind": "chat", 
/**
 * 0, 1, 2 …
 */
part: number, 
/**
 * No piece follows.
 */
last: boolean, } | { "kind": "partial", 
/**
 * Of what; [`Chat::Agent`] and [`Chat::Thinking`] name it.
 */
item: string, 
/**
 * Bytes of it that came before.
 */
from: number, 
/**
 * It is thought, not said.
 */
thinking?: boolean, }) | { "t": "past_end", 
/**
 * Which session.
 */
session: SessionId, 
/**
 * As in the [`ToHost::Past`].
 */
before: number, 
/**
 * There are more before the first of the page; where it had none, there are none.
 */
more: boolean, } | { "t": "hooked", 
/**
 * What the hook tells its agent; where it is empty, nothing.
 */
output: string, } | { "t": "snapshot", 
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
text?: string | null, 
/**
 * Their answers, one list for each question; not in lists.
 */
answers?: Array<Array<string>>, 
/**
 * It is allowed until the session ends; or, with `granted`, it was so already.
 */
for_session?: boolean, 
/**
 * The earlier approval by which it was allowed without being asked.
 */
granted?: ApprovalId | null, } | { "state": "denied", 
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
