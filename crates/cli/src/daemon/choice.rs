//! How the daemon was last started by hand, so that it is started the same way when a command needs it.
//!
//! Except after `longrein down`: that closes the machine to others, and only a person opens it again.

use crate::args::Reach;
use crate::hosts;
use serde::{Deserialize, Serialize};
use session::message::Failure;
use std::net::SocketAddr;
use std::path::PathBuf;
use store::Paths;

/// The arguments of the last `up`; `up` without any leaves everything to the settings.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// As on the command line.
    pub args: Vec<String>,
}

impl Choice {
    /// What says how the daemon is reached.
    pub fn of(reach: &Reach) -> Self {
        let mut args = Vec::new();
        if let Some(address) = reach.bind {
            args.extend(["--bind".to_owned(), address.to_string()]);
        }
        if let Some(url) = &reach.relay {
            args.extend(["--relay".to_owned(), url.clone()]);
        }
        args.extend(reach.origins.iter().flat_map(|origin| ["--origin".to_owned(), origin.clone()]));
        args.extend(reach.lan.then(|| "--lan".to_owned()));
        args.extend(reach.tunnel.then(|| "--tunnel".to_owned()));
        Self { args }
    }

    /// The last one; without one that can be read, the settings alone.
    pub fn load(paths: &Paths) -> Self {
        let bytes = std::fs::read(file(paths)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Takes out what lets others reach this machine's own relay, and gives it back. A relay elsewhere stays: nothing
    /// listens here for it, and devices know the host by it.
    pub fn close(&mut self) -> Vec<String> {
        let mut taken = Vec::new();
        let mut kept = Vec::new();
        let mut args = std::mem::take(&mut self.args).into_iter();
        while let Some(flag) = args.next() {
            let value = match flag.as_str() {
                "--bind" | "--relay" | "--origin" => args.next(),
                _ => None,
            };
            let opens = match (flag.as_str(), &value) {
                ("--lan" | "--tunnel", _) => true,
                ("--bind", Some(address)) => {
                    !address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
                }
                _ => false,
            };
            let to = if opens { &mut taken } else { &mut kept };
            to.extend([Some(flag), value].into_iter().flatten());
        }
        self.args = kept;
        taken
    }

    /// The arguments for a daemon that takes the place of one at `address`: a port that was left to the system is the
    /// same again.
    pub fn at(&self, address: Option<&str>) -> Vec<String> {
        let address = address.and_then(|address| address.parse::<SocketAddr>().ok());
        let mut args = self.args.clone();
        if let Some(place) = args.iter().position(|flag| flag == "--bind")
            && let (Some(bind), Some(address)) = (args.get_mut(place + 1), address)
            && bind.parse().is_ok_and(|bind: SocketAddr| bind.port() == 0 && bind.ip() == address.ip())
        {
            *bind = address.to_string();
        }
        args
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

    fn up(args: &[&str]) -> Reach {
        let cli = Cli::try_parse_from([&["longrein", "up"], args].concat()).unwrap();
        let Command::Up(up) = cli.command else { panic!("not up") };
        up.reach
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

    #[test]
    fn a_port_that_was_left_to_the_system_is_the_same_again() {
        let at = |args: &[&str], address| Choice::of(&up(args)).at(address);
        assert_eq!(at(&["--bind", "127.0.0.1:0"], Some("127.0.0.1:4000")), ["--bind", "127.0.0.1:4000"]);
        assert_eq!(at(&["--bind", "127.0.0.1:80"], Some("127.0.0.1:4000")), ["--bind", "127.0.0.1:80"]);
        assert_eq!(at(&["--bind", "[::1]:0"], Some("127.0.0.1:4000")), ["--bind", "[::1]:0"]);
        assert_eq!(at(&["--tunnel"], Some("127.0.0.1:4000")), ["--tunnel"]);
    }

    #[test]
    fn what_opens_the_machine_to_others_is_taken_out_and_nothing_else() {
        for (given, kept) in [
            (&["--lan", "--tunnel"][..], &[][..]),
            (&["--bind", "0.0.0.0:7373", "--origin", "http://a"], &["--origin", "http://a"]),
            (&["--bind", "192.0.2.7:7373"], &[]),
            (&["--bind", "[::]:7373"], &[]),
            (&["--bind", "127.0.0.1:9000", "--tunnel"], &["--bind", "127.0.0.1:9000"]),
            (&["--bind", "[::1]:9000"], &["--bind", "[::1]:9000"]),
            (&["--relay", "https://r.example"], &["--relay", "https://r.example"]),
            (&[], &[]),
        ] {
            let mut choice = Choice::of(&up(given));
            let taken = choice.close();
            assert_eq!(choice.args, kept, "{given:?}");
            assert_eq!(taken.len() + kept.len(), given.len(), "{given:?}");
            assert!(choice.close().is_empty());
        }
    }
}
