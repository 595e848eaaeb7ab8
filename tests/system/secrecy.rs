//! What must not be seen is not there: not at the relay, not in a log.

use crate::support::{Forwarder, Home, Http, Relay};

/// Typed, shown, or both.
const TYPED: &str = "typed-Xylophone-4711";
const SHOWN: &str = "shown-Marzipan-0815";

fn contains(heap: &[u8], needle: &[u8]) -> bool {
    heap.windows(needle.len()).any(|window| window == needle)
}

/// A session of the host, whose name there is `desk`, in which the guest types and is shown something. Gives its id.
fn type_and_show(host: &Home, guest: &Home) -> String {
    let id = host.session(&["/bin/sh", "-c", "read word; echo shown-Mar''zipan-0815; read x"]);
    let mut there = guest.terminal(&["attach", &format!("desk/{id}")]);
    there.keys(&format!("{TYPED}\r"));
    there.wait(SHOWN);
    there.keys("\r");
    there.end();
    id
}

#[test]
fn a_capture_of_everything_through_a_relay_has_nothing_that_was_typed_or_shown() {
    let host = Home::new();
    let guest = Home::new();
    let relay = Relay::start();
    // On both sides of the relay, so that what only one of them sends is seen too.
    let at_host = Forwarder::to(relay.address);
    let at_guest = Forwarder::to(relay.address);
    host.ok(&["up", "--relay", &format!("http://{}", at_host.address)]);
    let link = host.link().replace(&at_host.address.to_string(), &at_guest.address.to_string());
    guest.ok(&["join", &link, "--name", "desk"]);
    let id = type_and_show(&host, &guest);
    let device = host.json(&["devices", "--json"])[0].clone();
    let words = device["words"].as_str().unwrap().to_owned();
    let token = link.split_once("#i=").unwrap().1.to_owned();
    for (side, recorded) in [("host", at_host.recorded()), ("guest", at_guest.recorded())] {
        assert!(recorded.len() > 2_000, "{side}: only {} bytes were recorded", recorded.len());
        let label = device["label"].as_str().unwrap();
        for secret in [TYPED, SHOWN, &id, &words, label, &token, "/bin/sh", "snapshot"] {
            assert!(!contains(&recorded, secret.as_bytes()), "{side}: {secret:?} was seen");
        }
    }
}

#[test]
fn no_log_holds_what_was_typed_or_shown_or_a_key() {
    let host = Home::new();
    let guest = Home::new();
    // As much as can be had.
    let up = host.command(&["up", "--bind", "127.0.0.1:0"]).env("LONGREIN_LOG", "trace").output().unwrap();
    assert!(up.status.success(), "{up:?}");
    let link = host.link();
    guest.ok(&["join", &link, "--name", "desk"]);
    type_and_show(&host, &guest);
    let bearer = host.ok(&["token", "create"]).trim().to_owned();
    let address = host.json(&["status", "--json"])["address"].as_str().unwrap().to_owned();
    assert_eq!(Http::new(&address, &bearer).get("/api/sessions").status, 200);
    host.ok(&["down"]);
    let token = link.split_once("#i=").unwrap().1;
    let logs = host.logs();
    assert!(logs.iter().any(|(path, _)| path.ends_with("daemon.log")), "{logs:?}");
    for (path, log) in logs {
        for secret in [TYPED, SHOWN, token, &bearer] {
            assert!(!contains(&log, secret.as_bytes()), "{} holds {secret:?}", path.display());
        }
        assert!(!contains(&log, b" ERROR "), "{}: {}", path.display(), String::from_utf8_lossy(&log));
    }
}
