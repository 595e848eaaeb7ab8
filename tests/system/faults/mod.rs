//! What real networks and real machines do, to real processes: nothing may be missing, and nothing may come twice.
//!
//! A session prints numbers and repeats what is typed; clients in networks of their own type numbers and look at what
//! comes. Unlike its neighbours these tests know the client library, to see every byte instead of a picture of it.
//! `cargo xtask soak` runs them for long: the environment variable `LONGREIN_SOAK` says how much.

mod disconnects;
mod distances;
mod floods;
mod net;
mod outages;
mod walker;

use crate::support::{Home, Relay, eventually};
use client::{KnownHost, KnownHosts, Route};
use net::Place;
use std::process::Stdio;
use store::Paths;
use walker::Walker;

/// Prints numbers from the first line that it gets on, and repeats every later one.
const PROGRAM: &str = r#"
stty -echo -onlcr; echo ready; read -r go
(n=0; while :; do n=$((n+1)); echo "o:$n"; sleep 0.02; done) & counts=$!
while read -r line; do [ "$line" = end ] && break; echo "$line"; done
kill $counts; wait $counts 2>/dev/null; exit 7"#;

/// How much of everything: 1 in every test run, more for a soak.
fn scale() -> u64 {
    std::env::var("LONGREIN_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// A host, its relay, and what is known of them.
struct Stage {
    host: Home,
    at: Place,
    relay: Relay,
    session: String,
}

impl Stage {
    fn new() -> Self {
        Self::of(PROGRAM)
    }

    /// With another program in the session.
    fn of(program: &str) -> Self {
        let (host, at) = (Home::new(), Place::new("host", 1));
        let relay = Relay::start_at(net::MIDDLE);
        let stage = Self { host, at, relay, session: String::new() };
        stage.up();
        let session = stage.host.session(&["bash", "-c", program]);
        eventually("the program runs", || stage.host.ok(&["logs", &session]).contains("ready").then_some(()));
        Self { session, ..stage }
    }

    /// Numbers go both ways from now on.
    fn go(walkers: &[Walker]) {
        walkers[0].say("go\n");
        for walker in walkers {
            walker.moves_on("o");
        }
        for walker in walkers {
            walker.types(true);
        }
    }

    /// Starts the daemon in its place.
    fn up(&self) {
        self.start(&["up"]);
    }

    /// Puts a new daemon in the place of the one that runs.
    fn replace(&self) {
        self.start(&["up", "--replace"]);
    }

    fn start(&self, how: &[&str]) {
        let command = self.host.command(&[how, &["--relay", &self.relay.url()]].concat());
        let output = self.at.command(&command).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A new device in this place, attached.
    fn walker(&self, name: &'static str, place: Place) -> Walker {
        Walker::start(name, place, Route::Host(Box::new(self.device(name, place))), &self.session)
    }

    /// A new device in this place, and what it knows of the host.
    fn device(&self, name: &'static str, place: Place) -> KnownHost {
        let link = eventually("the relay has the host", || {
            let ran = self.host.run(&["pair", "--json"]);
            (ran.status == 0).then(|| ran.json()["url"].as_str().unwrap().to_owned())
        });
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        paths.create().unwrap();
        let pairing = std::thread::spawn(move || {
            place.enter();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(client::pair(&KnownHosts::new(&paths), &link, name, None, |_| {})).unwrap().host
        });
        pairing.join().unwrap()
    }

    /// Types no more, and waits until every walker has seen all that was typed, and the end.
    fn finish(walkers: &[Walker]) {
        for walker in walkers {
            walker.types(false);
        }
        let first = &walkers[0];
        for walker in walkers {
            for typist in walkers {
                let what = format!("{} sees all that {} typed", walker.name, typist.name);
                eventually(&what, || (walker.last(typist.name) >= typist.typed()).then_some(()));
                assert_eq!(walker.last(typist.name), typist.typed(), "{what}");
            }
        }
        first.say("end\n");
        for walker in walkers {
            eventually("the end", || walker.seen().exit);
            walker.is_sound();
            assert_eq!(walker.seen().exit, Some(7));
            assert_eq!(walker.last("o"), first.last("o"));
            println!("{}: {:?}, nothing missing, nothing twice", walker.name, walker.seen().last);
        }
    }
}
