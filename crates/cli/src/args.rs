//! What can be asked for on the command line.

mod approvals;
mod host;
mod sessions;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use approvals::*;
pub use host::*;
pub use sessions::*;

const EXIT: &str = "\
Exit status: 0 done; 1 failed; 2 wrong usage. `run` and `attach` exit with the program's own status (128 + n where \
signal n ended it), with 0 after detaching, with 127 where the program could not be found, with 126 where it is there \
but cannot be executed, and with 125 where Longrein itself failed, or a script comes to a chat that has ended. `restart` in a terminal does as `attach` once the \
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
    /// List what waits for a person's decision on this machine, or on another host this machine has joined; or what was decided
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
    /// Close a device's connections now, and refuse it from now on; or take back what is allowed until a session ends
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
pub struct Completions {
    /// bash, elvish, fish, powershell or zsh
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use session::message::Size;

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
    fn a_bind_address_and_lan_exclude_each_other() {
        for command in [&["up"][..], &["service", "install"]] {
            let args = [&["longrein"], command, &["--lan", "--bind", "127.0.0.1:1"]].concat();
            assert!(Cli::try_parse_from(args).is_err(), "{command:?}");
        }
    }
}
