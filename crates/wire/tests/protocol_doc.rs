//! Ties docs/protocol.md to the code: its frames decode and encode to the same bytes, and no frame is missing there.

use data_encoding::HEXLOWER;
use longrein_wire::limits::{
    DEAD_AFTER, FOREGROUND, HEARTBEAT, MAX_ADDRESS, MAX_DATA, MAX_FRAME, MAX_QUEUED,
};
use longrein_wire::{ClientFrame, CloseCode, HostFrame, RelaySecret, Rid};
use std::collections::BTreeSet;

const DOC: &str = include_str!("../../../docs/protocol.md");

/// The lines of every block with this info string.
fn blocks(info: &str) -> Vec<&'static str> {
    let opening = format!("```{info}");
    let mut lines = DOC.lines();
    let mut found = Vec::new();
    while lines.by_ref().any(|line| line == opening) {
        found.extend(lines.by_ref().take_while(|line| *line != "```"));
    }
    assert!(!found.is_empty(), "no {info} in the document");
    found
}

fn bytes(line: &str) -> Vec<u8> {
    let hex: String = line.split('#').next().unwrap_or("").split_whitespace().collect();
    HEXLOWER.decode(hex.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn host_name(frame: &HostFrame<'_>) -> &'static str {
    match frame {
        HostFrame::Register(_) => "REGISTER",
        HostFrame::Registered(_) => "REGISTERED",
        HostFrame::Open { .. } => "OPEN",
        HostFrame::Data { .. } => "DATA",
        HostFrame::Close { .. } => "CLOSE",
        HostFrame::Ping(_) => "PING",
        HostFrame::Pong(_) => "PONG",
        HostFrame::Restarting(_) => "RESTARTING",
    }
}

fn client_name(frame: &ClientFrame<'_>) -> &'static str {
    match frame {
        ClientFrame::Data(_) => "DATA",
        ClientFrame::Close(_) => "CLOSE",
        ClientFrame::Ping(_) => "PING",
        ClientFrame::Pong(_) => "PONG",
        ClientFrame::Restarting(_) => "RESTARTING",
        ClientFrame::Presence { .. } => "PRESENCE",
    }
}

#[test]
fn every_frame_is_in_the_document() {
    let mut seen = BTreeSet::new();
    for line in blocks("hex host-frame") {
        let bytes = bytes(line);
        let frame = HostFrame::decode(&bytes).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(frame.to_vec(), bytes);
        assert!(line.contains(host_name(&frame)), "{line} is a {}", host_name(&frame));
        seen.insert(host_name(&frame));
    }
    // The list grows with the match above.
    let all = ["REGISTER", "REGISTERED", "OPEN", "DATA", "CLOSE", "PING", "PONG", "RESTARTING"];
    assert_eq!(seen, BTreeSet::from(all));

    let mut seen = BTreeSet::new();
    for line in blocks("hex client-frame") {
        let bytes = bytes(line);
        let frame = ClientFrame::decode(&bytes).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(frame.to_vec(), bytes);
        assert!(line.contains(client_name(&frame)), "{line} is a {}", client_name(&frame));
        seen.insert(client_name(&frame));
    }
    assert_eq!(seen, BTreeSet::from(["DATA", "CLOSE", "PING", "PONG", "RESTARTING", "PRESENCE"]));
}

#[test]
fn the_documents_slot_is_that_of_its_secret() {
    let lines = blocks("hex host-frame");
    let (register, registered) = (bytes(lines[0]), bytes(lines[1]));
    let secret = RelaySecret(register[5..].try_into().unwrap());
    assert_eq!(secret.rid(), Rid(registered[5..].try_into().unwrap()));
}

fn close_name(code: CloseCode) -> Option<&'static str> {
    match code {
        CloseCode::Normal => Some("normal"),
        CloseCode::Replaced => Some("replaced"),
        CloseCode::Overflow => Some("overflow"),
        CloseCode::Malformed => Some("malformed"),
        CloseCode::Timeout => Some("timeout"),
        CloseCode::HostOffline => Some("host offline"),
        CloseCode::Refused => Some("refused"),
        CloseCode::Limited => Some("limited"),
        CloseCode::Restarting => Some("restarting"),
        CloseCode::Other(_) => None,
    }
}

#[test]
fn every_close_code_and_bound_is_in_the_document() {
    for number in 0..1000 {
        if let Some(name) = close_name(CloseCode::from_u16(number)) {
            assert!(DOC.contains(&format!("| {number} | {name} |")), "{number} {name}");
        }
    }
    let thousands = |number: usize| {
        let digits = number.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.into_iter().rev().collect::<Vec<_>>().join(",")
    };
    assert!(DOC.contains(&format!("| frame | {} bytes |", thousands(MAX_FRAME))));
    assert!(DOC.contains(&format!("| body of DATA | {} bytes |", thousands(MAX_DATA))));
    assert!(DOC.contains(&format!("each way | {} bytes", thousands(MAX_QUEUED))));
    assert!(DOC.contains(&format!("at most {MAX_ADDRESS} bytes")));
    let (often, seldom, dead) = (FOREGROUND.as_secs(), HEARTBEAT.as_secs(), DEAD_AFTER.as_secs());
    assert!(DOC.contains(&format!("| after {seldom} s, less up to a quarter as jitter;")));
    assert!(DOC.contains(&format!("may use {often} s |")));
    assert!(DOC.contains(&format!("| after {dead} s, or three intervals |")));
    let both_ends = |interval: u64| 4 * interval;
    assert!(DOC.contains(&format!("notices within {} s, or {dead} s in the background", 3 * often)));
    assert!(DOC.contains(&format!("notices within {} s, or {} s.", both_ends(often), both_ends(seldom))));
}
