//! Ties docs/protocol.md to the code: its hellos, handshake, record, words and invitations are the real ones.

use data_encoding::HEXLOWER;
use longrein_seal::{ClientHello, HostHello, Invitation, MAX_LABEL, MAX_PLAINTEXT, REKEY_RECORDS};
use serde_json::Value;

const DOC: &str = include_str!("../../../docs/protocol.md");
const HANDSHAKES: &str = include_str!("../../../vectors/handshakes.json");
const INVITATIONS: &str = include_str!("../../../vectors/invitations.json");
const RECORDS: &str = include_str!("../../../vectors/records.json");

fn block(info: &str) -> Vec<&'static str> {
    let opening = format!("```{info}");
    let lines: Vec<&str> =
        DOC.lines().skip_while(|line| *line != opening).skip(1).take_while(|line| *line != "```").collect();
    assert!(!lines.is_empty(), "no {info} in the document");
    lines
}

fn hex(info: &str) -> String {
    let hex: String = block(info).iter().flat_map(|line| line.split_whitespace()).collect();
    HEXLOWER.decode(hex.as_bytes()).unwrap();
    hex
}

#[test]
fn hellos_survive() {
    let mut kinds = [0, 0];
    for line in block("json client-hello") {
        let hello: ClientHello = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&hello).unwrap(), line);
        kinds[match hello {
            ClientHello::Pair { .. } => 0,
            ClientHello::Resume {} => 1,
        }] += 1;
    }
    assert!(kinds.iter().all(|count| *count > 0), "every hello is in the document");
    for line in block("json host-hello") {
        let hello: HostHello = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&hello).unwrap(), line);
    }
    assert!(DOC.contains(&format!("1 to {MAX_LABEL} characters")));
}

#[test]
fn the_handshake_is_that_of_the_vectors() {
    let vectors: Value = serde_json::from_str(HANDSHAKES).unwrap();
    let resume = &vectors["valid"][1];
    assert_eq!(resume["name"], "resume");
    assert_eq!(hex("hex message-1"), resume["message1"]);
    assert_eq!(hex("hex message-2"), resume["message2"]);
    let words: Vec<&str> = block("text words")[0].split(' ').collect();
    assert_eq!(resume["words"], serde_json::json!(words));
}

#[test]
fn the_record_is_that_of_the_vectors() {
    let vectors: Value = serde_json::from_str(RECORDS).unwrap();
    let first = &vectors["valid"][0];
    assert_eq!((&first["from"], &first["length"]), (&"client".into(), &0.into()));
    assert_eq!(hex("hex record"), first["body"]);
    assert_eq!(MAX_PLAINTEXT, 65_503);
    assert!(DOC.contains("at most 65,503"));
    assert_eq!(REKEY_RECORDS, 65_536);
    assert!(DOC.contains("number 65,537"));
}

#[test]
fn the_invitations_are_those_of_the_vectors() {
    let vectors: Value = serde_json::from_str(INVITATIONS).unwrap();
    for line in block("text invitation") {
        Invitation::parse(line).unwrap();
        let known = vectors["valid"].as_array().unwrap().iter().any(|vector| vector["url"] == line);
        assert!(known, "{line}");
    }
}
