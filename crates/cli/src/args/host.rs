//! Of the daemon, and of who may reach it.

use super::Json;
use crate::duration;
use clap::{Args, Subcommand};
use session::scope::Scope;
use std::net::SocketAddr;

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
pub struct Revoke {
    /// A device's id or name
    #[arg(required_unless_present = "grant")]
    pub device: Option<String>,
    /// Take back what was allowed until a session ends instead; `longrein approvals --granted` lists it. HOST/ID for one of
    /// another host
    #[arg(long, value_name = "ID", conflicts_with = "device")]
    pub grant: Option<String>,
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
pub struct Keeper {
    /// Serve an ended session's log, read-only
    #[arg(long, value_name = "ID")]
    pub read: Option<String>,
}
