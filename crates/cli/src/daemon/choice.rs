//! How the daemon was last started by hand, so that it is started the same way when a command needs it.

use crate::args::Up;
use crate::hosts;
use serde::{Deserialize, Serialize};
use session::message::Failure;
use std::path::PathBuf;
use store::Paths;

/// The arguments of the last `up`; `up` without any leaves everything to the settings.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// As on the command line.
    pub args: Vec<String>,
}

impl Choice {
    /// What of an `up` says how the daemon is reached.
    pub fn of(up: &Up) -> Self {
        let mut args = Vec::new();
        if let Some(address) = up.bind {
            args.extend(["--bind".to_owned(), address.to_string()]);
        }
        if let Some(url) = &up.relay {
            args.extend(["--relay".to_owned(), url.clone()]);
        }
        args.extend(up.origins.iter().flat_map(|origin| ["--origin".to_owned(), origin.clone()]));
        args.extend(up.lan.then(|| "--lan".to_owned()));
        args.extend(up.tunnel.then(|| "--tunnel".to_owned()));
        Self { args }
    }

    /// The last one; without one that can be read, the settings alone.
    pub fn load(paths: &Paths) -> Self {
        let bytes = std::fs::read(file(paths)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// For next time.
    pub fn save(&self, paths: &Paths) -> Result<(), Failure> {
        let json = serde_json::json!(self).to_string();
        store::write_private(&file(paths), json.as_bytes()).map_err(hosts::stored)
    }
}

fn file(paths: &Paths) -> PathBuf {
    paths.state.join("up.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn up(args: &[&str]) -> Up {
        let cli = Cli::try_parse_from([&["longrein", "up"], args].concat()).unwrap();
        let Command::Up(up) = cli.command else { panic!("not up") };
        up
    }

    #[test]
    fn the_same_arguments_come_out_again() {
        for args in [
            &["--bind", "127.0.0.1:9000", "--origin", "http://a", "--origin", "http://b"][..],
            &["--relay", "https://r.example"],
            &["--lan", "--tunnel"],
            &[],
        ] {
            assert_eq!(Choice::of(&up(args)).args, args);
        }
        assert!(Choice::of(&up(&["--foreground", "--json"])).args.is_empty());
    }
}
