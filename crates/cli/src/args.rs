//! What can be asked for on the command line.

use crate::duration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use session::message::Size;
use session::scope::Scope;
use std::net::SocketAddr;
use std::path::PathBuf;

const EXIT: &str = "\
Exit status: 0 done; 1 failed; 2 wrong usage. `run` and `attach` exit with the program's own status (128 + n where \
signal n ended it), with 0 after detaching, with 127 where the program could not be found, with 126 where it is there \
but cannot be executed, and with 125 where Longrein itself failed. `restart` in a terminal does as `attach` once the \
session is started.";

const ASK_EXIT: &str = "\
Exit status: 0 yes, or the first choice; 1 no, or the second choice; n - 1 the n-th choice; 100 denied where there are \
choices; 124 nobody decided in time; 125 there is no answer: it could not be asked or not printed, or this was wrong usage \
or --help.";

/// Keep hold of the coding agents on your own machines, from anywhere, end-to-end encrypted.
#[derive(Debug, Parser)]
#[command(name = "longrein", version, after_help = EXIT, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a program in a session and attach this terminal to it
    Run(Run),
    /// Start the daemon
    Up(Up),
    /// Stop the daemon; sessions go on, and the next daemon takes them up
    ///
    /// A command that needs a daemon starts one as the last `up` did. What opened that one to others (--lan, --tunnel,
    /// --bind with an address of the network) is forgotten with `down`: only another `up` opens it again.
    Down(Json),
    /// Show whether the daemon is up, and where it is reached
    Status(Json),
    /// Show a QR code and a link that pair one device, within 60 seconds
    Pair(Pair),
    /// List the sessions of this machine, or of another host this machine has joined
    Ls(Ls),
    /// Attach this terminal to a session
    Attach(Attach),
    /// End a session
    Kill(Kill),
    /// Start an ended session's program again: the same command, folder and name, as a new session
    Restart(Restart),
    /// Say when a session ends by itself, or show it
    Ttl(Ttl),
    /// Ask a person, on all of their devices, and wait for the answer
    ///
    /// Prints the answer: yes or no, or what was chosen of --choices. Where nobody answers in time the answer is no, and so it
    /// is where anything goes wrong.
    #[command(after_help = ASK_EXIT)]
    Ask(Ask),
    /// Tell a person something, on all of their devices, without waiting for an answer
    Notify(Notify),
    /// Start a coding agent without a terminal, and talk to it
    Chat(Chat),
    /// List the coding agents that are known, whether they are installed, and what works with each
    Agents(Json),
    /// List what waits for a person's decision on this machine, or on another host this machine has joined
    Approvals(Approvals),
    /// Allow what an approval asks, or answer its questions, after showing it whole
    Approve(Approve),
    /// Deny what an approval asks, or send a plan back
    Deny(Deny),
    /// Print a session's terminal output, as far as its log goes back
    Logs(Logs),
    /// Write everything that a session's log has to a file: as JSON lines, or for terminal players
    Export(Export),
    /// Make an ended, readable session of what `export` wrote as JSON lines
    Import(Import),
    /// List the paired devices
    Devices(Json),
    /// Close a device's connections now, and refuse it from now on
    Revoke(Revoke),
    /// Pair this machine, as a device, with another host
    Join(Join),
    /// Make, list and revoke the tokens that scripts and other tools use the HTTP API with
    Token(Token),
    /// Check what Longrein needs on this machine
    Doctor(Json),
    /// Have the system start the daemon, so that it comes back after a reboot
    Service(Service),
    /// Run a relay for hosts and clients elsewhere
    Relay(Relay),
    /// Print completions for a shell
    Completions(Completions),
    /// The process that owns one session; started by the daemon
    #[command(hide = true)]
    Keeper(Keeper),
    /// The program of a session that is there for one question; started by `ask`
    #[command(hide = true)]
    Waiting(Waiting),
    /// What the session of a `notify` runs
    #[command(hide = true)]
    Said(Notify),
    /// What agents call before they do something
    #[command(hide = true)]
    Hook,
}

#[derive(Debug, Args)]
pub struct Json {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Run {
    /// The session's name (default: from the program and the folder)
    #[arg(long)]
    pub name: Option<String>,
    /// The folder to start in (default: this one)
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// The terminal's size until somebody attaches, such as 120x40: 2 to 1000 columns, 1 to 500 rows (1x1 becomes 2x1)
    #[arg(long, value_name = "COLSxROWS", value_parser = size)]
    pub size: Option<Size>,
    /// Which agent the program is (default: found out from its name), or `none` to treat it as any program
    #[arg(long)]
    pub agent: Option<String>,
    /// Print a link and a QR code that pair a device, even where one is paired already
    #[arg(long)]
    pub link: bool,
    /// End the session by itself after this time, such as 90s, 30m, 2h or 1h30m; time in which the machine sleeps counts
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<u32>,
    /// Start the session and leave it; print its id
    #[arg(long)]
    pub detach: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Up {
    #[command(flatten)]
    pub reach: Reach,
    /// Take the place of the daemon that runs, such as one of an older version; reached as that one is, unless told
    /// otherwise. Sessions and devices go on
    #[arg(long, conflicts_with = "foreground")]
    pub replace: bool,
    /// Stay in this terminal instead of going to the background
    #[arg(long)]
    pub foreground: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Started by another `up`: detach, log to the state folder, and say on standard output when ready
    #[arg(long, hide = true, requires = "foreground")]
    pub detached: bool,
}

/// How a daemon is reached; the settings decide where this says nothing.
#[derive(Clone, Debug, Default, Args)]
pub struct Reach {
    /// Where the embedded relay listens (default: a fixed port on loopback)
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["lan", "relay"])]
    pub bind: Option<SocketAddr>,
    /// Listen on the local network
    #[arg(long, conflicts_with = "relay")]
    pub lan: bool,
    /// Use this relay instead of the embedded one, by its https or wss address
    #[arg(long, value_name = "URL")]
    pub relay: Option<String>,
    /// Let pages from here use the embedded relay too, such as another host's app; may be given several times
    #[arg(long = "origin", value_name = "URL", conflicts_with = "relay")]
    pub origins: Vec<String>,
    /// Make the embedded relay reachable through a Cloudflare tunnel (needs cloudflared)
    #[arg(long, conflicts_with = "relay")]
    pub tunnel: bool,
}

#[derive(Debug, Args)]
pub struct Service {
    #[command(subcommand)]
    pub command: ServiceCommand,
}

#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Have the daemon started at every boot, and again where it fails (systemd, or launchd on macOS)
    ///
    /// Without any option, the daemon is reached as the one that runs now. A daemon that runs already is replaced by the
    /// service's; sessions go on. Install again to change how it is reached, or after the program has moved.
    Install(Reach),
    /// Undo what install did; the daemon ends, sessions and data stay
    Uninstall,
    /// Show whether the service is installed, enabled and running, and whether it starts this program
    Status(Json),
}

#[derive(Debug, Args)]
pub struct Pair {
    /// Ask here, with four words to compare, before the device is let in
    #[arg(long)]
    pub confirm: bool,
    /// Print the link as JSON, and do not wait unless there is something to confirm
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Ls {
    /// A host this machine has joined; without it, this machine
    pub host: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Attach {
    /// A session's id or name, or HOST/SESSION; without it, the only or the latest running one
    pub session: Option<String>,
}

#[derive(Debug, Args)]
pub struct Kill {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Restart {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// End it first, where it runs
    #[arg(long)]
    pub stop: bool,
    /// Start it although it was imported: the command is what its file says
    #[arg(long)]
    pub imported: bool,
    /// End the new session by itself after this time, as with `run`
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<u32>,
    /// Start it and leave it; print the new session's id
    #[arg(long)]
    pub detach: bool,
    /// Start it and leave it; print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Ttl {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// From now on (90s, 30m, 2h, 1h30m), later than it would (+30m), or not at all (off); without it, show what is left
    #[arg(value_parser = duration::ttl)]
    pub time: Option<session::message::Ttl>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Ask {
    /// The question
    pub question: String,
    /// What there is to choose from, such as staging,production: 2 to 16
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub choices: Vec<String>,
    /// Take a text as (or with) the answer
    #[arg(long)]
    pub text: bool,
    /// How long to wait, such as 90s, 30m or 2h: ten seconds to a week (default: an hour)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub timeout: Option<u32>,
    /// It is dangerous: whoever allows it has to type a word
    #[arg(long)]
    pub danger: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Notify {
    /// What is to be known: at most 1000 characters
    pub text: String,
}

#[derive(Debug, Args)]
pub struct Chat {
    /// Which agent; `longrein agents` lists them
    #[arg(long)]
    pub agent: String,
    /// The folder to start in (default: this one)
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// Go on with a conversation, by the agent's own name for it
    #[arg(long, value_name = "ID")]
    pub resume: Option<String>,
    /// The session's name (default: from the agent and the folder)
    #[arg(long)]
    pub name: Option<String>,
    /// End the session by itself after this time, such as 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<u32>,
    /// Start the session and leave it; print its id
    #[arg(long)]
    pub detach: bool,
    /// More arguments for the agent
    #[arg(last = true, value_name = "ARG")]
    pub args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Waiting {
    /// What is asked
    pub question: String,
}

#[derive(Debug, Args)]
pub struct Approvals {
    /// A host this machine has joined (default: this machine)
    pub host: Option<String>,
    /// Those that are over, too: the last ones of each session
    #[arg(long)]
    pub all: bool,
    /// What was decided in all sessions, whether they run or not, the last decision first
    #[arg(long, conflicts_with = "all")]
    pub history: bool,
    /// At most so many of the history
    #[arg(long, value_name = "N", default_value_t = 50, requires = "history", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Approve {
    /// An approval's id or the start of it, or HOST/ID
    pub approval: String,
    /// What is chosen, where there is a choice
    #[arg(long)]
    pub choice: Option<String>,
    /// The answer to a question, once for each, in their order; where one takes several: A,B
    #[arg(long = "answer", value_name = "ANSWER")]
    pub answers: Vec<String>,
    /// A text, where one is taken
    #[arg(long)]
    pub text: Option<String>,
    /// The word that a dangerous one wants
    #[arg(long)]
    pub word: Option<String>,
}

#[derive(Debug, Args)]
pub struct Deny {
    /// An approval's id or the start of it, or HOST/ID
    pub approval: String,
    /// Why, for whoever asked; with a plan, what is to be different
    #[arg(long)]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// Text only: no colours, no cursor movement
    #[arg(long)]
    pub plain: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    /// A session's id or name
    pub session: String,
    /// What to write (default: by the file's name, and JSON lines where that does not end in .cast)
    #[arg(long)]
    pub format: Option<ExportFormat>,
    /// The file to write, in place of one that is there (default: standard output)
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The file that `export` wrote
    pub file: PathBuf,
    /// The session's name (default: the one it had)
    #[arg(long)]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// JSON lines: everything, and `longrein import` reads it
    Jsonl,
    /// asciicast v3: the terminal alone, for asciinema and other players
    Asciicast,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// A device's id or name
    pub device: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    pub command: TokenCommand,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, and print it: it is shown this once
    Create(TokenCreate),
    /// List the tokens, without their secrets
    List(Json),
    /// End a token now, and whatever is connected with it
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// What it may do, of read, prompt, decide, input (type into terminals) and manage (start and stop any program); each
    /// includes read
    #[arg(long = "scope", value_name = "A,B,…", value_delimiter = ',', default_value = "read")]
    pub scopes: Vec<Scope>,
    /// How long it holds: a minute to a year
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "30d")]
    pub ttl: u32,
    /// What to call it (default: a new name)
    #[arg(long)]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// The token's name
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Join {
    /// The link that `longrein pair` printed on the other host. Left out or `-`, it is read from standard input, where
    /// other users of this machine do not see it
    pub url: Option<String>,
    /// What to call that host here (default: its own name)
    #[arg(long)]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Relay {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7374")]
    pub bind: SocketAddr,
    /// Let pages from here use this relay too, besides its own; may be given several times
    #[arg(long = "origin", value_name = "URL")]
    pub origins: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// bash, elvish, fish, powershell or zsh
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Keeper {
    /// Serve an ended session's log, read-only
    #[arg(long, value_name = "ID")]
    pub read: Option<String>,
}

fn size(text: &str) -> Result<Size, String> {
    let number = |text: &str, most| text.parse::<u16>().ok().filter(|n| (1..=most).contains(n));
    let parts = text.split_once(['x', 'X']);
    match parts
        .and_then(|(cols, rows)| Some(Size { cols: number(cols, 1000)?, rows: number(rows, 500)? }.clamped()))
    {
        Some(size) => Ok(size),
        None => Err("a size is columns x rows, 2x1 to 1000x500, such as 120x40".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_takes_the_program_behind_two_dashes_with_its_own_flags() {
        let cli = Cli::try_parse_from(["longrein", "run", "--size", "120x40", "--", "ls", "--json"]).unwrap();
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert_eq!(run.command, ["ls", "--json"]);
        assert_eq!(run.size, Some(Size { cols: 120, rows: 40 }));
        assert!(Cli::try_parse_from(["longrein", "run"]).is_err());
    }

    #[test]
    fn sizes_have_bounds() {
        assert_eq!(size("1x1"), Ok(Size { cols: 2, rows: 1 }));
        assert_eq!(size("1000x500"), Ok(Size { cols: 1000, rows: 500 }));
        for wrong in ["0x24", "80x501", "80", "80x", "1001x24", "axb", "-1x5"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bind_address_and_lan_exclude_each_other() {
        for command in [&["up"][..], &["service", "install"]] {
            let args = [&["longrein"], command, &["--lan", "--bind", "127.0.0.1:1"]].concat();
            assert!(Cli::try_parse_from(args).is_err(), "{command:?}");
        }
    }
}
