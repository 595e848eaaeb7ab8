//! Ties docs/protocol.md to the code: every message in it decodes and encodes to the same text, and none is missing.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use longrein_session::codec::{self, MAX_MESSAGE, MAX_PAYLOAD};
use longrein_session::message::{Act, Event, Method, Notice, RunState, ToClient, ToHost};
use longrein_session::replay::{MAX_WINDOW, MIN_WINDOW, SKIP_BEHIND};
use longrein_session::role::{Role, allows, is_local_only};
use serde::Serialize;
use serde::de::DeserializeOwned;
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

fn survives<M: Serialize + DeserializeOwned>(line: &str) -> M {
    let message: M = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(serde_json::to_string(&message).unwrap(), line);
    message
}

/// A message's name, and that of what is nested in it. Names are added here with their variants, and to `ALL_*`.
fn to_host_names(message: &ToHost) -> [&'static str; 2] {
    match message {
        ToHost::Hello { .. } => ["hello", ""],
        ToHost::Watch {} => ["watch", ""],
        ToHost::Attach { .. } => ["attach", ""],
        ToHost::Detach { .. } => ["detach", ""],
        ToHost::Ack { .. } => ["ack", ""],
        ToHost::Command { act, .. } => [
            "command",
            match act {
                Act::Input => "input",
                Act::Resize { .. } => "resize",
                Act::TakeSize => "take_size",
                Act::GiveSize => "give_size",
                Act::Interrupt => "interrupt",
                Act::Stop => "stop",
                Act::Ttl(_) => "ttl",
                Act::Decide { .. } => "decide",
                Act::Revoke { .. } => "revoke",
                Act::Prompt { .. } => "prompt",
                Act::Upload { .. } => "upload",
                Act::Configure { .. } => "configure",
                Act::Refused { .. } => "refused",
            },
        ],
        ToHost::Call { method, .. } => [
            "call",
            match method {
                Method::SessionCreate(_) => "session.create",
                Method::SessionList { .. } => "session.list",
                Method::SessionRemove { .. } => "session.remove",
                Method::SessionAdopt { .. } => "session.adopt",
                Method::SessionStop { .. } => "session.stop",
                Method::SessionTtl { .. } => "session.ttl",
                Method::SessionRestart(_) => "session.restart",
                Method::SessionPrompt { .. } => "session.prompt",
                Method::SessionInput { .. } => "session.input",
                Method::SessionInterrupt { .. } => "session.interrupt",
                Method::ConversationOpen(_) => "conversation.open",
                Method::ConversationForget { .. } => "conversation.forget",
                Method::TokenCreate { .. } => "token.create",
                Method::TokenList {} => "token.list",
                Method::TokenRevoke { .. } => "token.revoke",
                Method::ApprovalRequest { .. } => "approval.request",
                Method::ApprovalDecide { .. } => "approval.decide",
                Method::ApprovalHistory { .. } => "approval.history",
                Method::HostStatus {} => "host.status",
                Method::HostDown {} => "host.down",
                Method::PairCreate { .. } => "pair.create",
                Method::PairConfirm { .. } => "pair.confirm",
                Method::DeviceList { .. } => "device.list",
                Method::DeviceRevoke { .. } => "device.revoke",
                Method::DeviceRename { .. } => "device.rename",
            },
        ],
        ToHost::Ask { .. } => ["ask", ""],
        ToHost::Past { .. } => ["past", ""],
        ToHost::Hook { .. } => ["hook", ""],
        ToHost::Notify { .. } => ["notify", ""],
        ToHost::Request { .. } => ["request", ""],
        ToHost::Ping { .. } => ["ping", ""],
        ToHost::Pong { .. } => ["pong", ""],
    }
}

const ALL_TO_HOST: [&str; 52] = [
    "session.prompt",
    "session.input",
    "session.interrupt",
    "conversation.open",
    "conversation.forget",
    "token.create",
    "token.list",
    "token.revoke",
    "notify",
    "revoke",
    "prompt",
    "upload",
    "configure",
    "past",
    "hook",
    "ask",
    "request",
    "decide",
    "approval.request",
    "approval.decide",
    "approval.history",
    "hello",
    "watch",
    "attach",
    "detach",
    "ack",
    "command",
    "call",
    "ping",
    "pong",
    "input",
    "resize",
    "take_size",
    "give_size",
    "interrupt",
    "stop",
    "ttl",
    "refused",
    "session.create",
    "session.list",
    "session.remove",
    "session.adopt",
    "session.stop",
    "session.ttl",
    "session.restart",
    "host.status",
    "host.down",
    "pair.create",
    "pair.confirm",
    "device.list",
    "device.revoke",
    "device.rename",
];

fn to_client_names(message: &ToClient) -> [&'static str; 2] {
    match message {
        ToClient::Welcome { .. } => ["welcome", ""],
        ToClient::State { .. } => ["state", ""],
        ToClient::Changed { summary } => [
            "changed",
            match summary.run {
                RunState::Running => "running",
                RunState::Ended { .. } => "ended",
                RunState::Lost { .. } => "lost",
            },
        ],
        ToClient::Removed { .. } => ["removed", ""],
        ToClient::Attached { .. } => ["attached", ""],
        ToClient::Detached { .. } => ["detached", ""],
        ToClient::Event { event, .. } => [
            "event",
            match event {
                Event::Output => "output",
                Event::Resize { .. } => "resize",
                Event::Title { .. } => "title",
                Event::Exit { .. } => "exit",
                Event::Banner { .. } => "banner",
                Event::Ending { .. } => "ending",
                Event::Asked { .. } => "asked",
                Event::Decided { .. } => "decided",
                Event::Revoked { .. } => "revoked_grant",
                Event::Chat { .. } => "chat",
                Event::Partial { .. } => "partial",
            },
        ],
        ToClient::Past { .. } => ["past", ""],
        ToClient::PastEnd { .. } => ["past_end", ""],
        ToClient::Hooked { .. } => ["hooked", ""],
        ToClient::Snapshot { .. } => ["snapshot", ""],
        ToClient::Applied { .. } => ["applied", ""],
        ToClient::Refused { .. } => ["refused", ""],
        ToClient::Reply { .. } => ["reply", ""],
        ToClient::Notice { notice } => [
            "notice",
            match notice {
                Notice::Paired { .. } => "paired",
                Notice::ConfirmPairing { .. } => "confirm_pairing",
                Notice::InvitationReused { .. } => "invitation_reused",
                Notice::Revoked { .. } => "revoked",
            },
        ],
        ToClient::Asked { .. } => ["asked", "answer"],
        ToClient::Decided { .. } => ["decided", "outcome"],
        ToClient::Request { .. } => ["request", ""],
        ToClient::Ping { .. } => ["ping", ""],
        ToClient::Pong { .. } => ["pong", ""],
    }
}

const ALL_TO_CLIENT: [&str; 38] = [
    "revoked_grant",
    "chat",
    "partial",
    "past",
    "past_end",
    "hooked",
    "asked",
    "answer",
    "decided",
    "outcome",
    "request",
    "welcome",
    "state",
    "changed",
    "removed",
    "attached",
    "detached",
    "event",
    "snapshot",
    "applied",
    "refused",
    "reply",
    "notice",
    "ping",
    "pong",
    "running",
    "ended",
    "lost",
    "output",
    "resize",
    "title",
    "exit",
    "banner",
    "ending",
    "paired",
    "confirm_pairing",
    "invitation_reused",
    "revoked",
];

fn all(names: &[&'static str]) -> BTreeSet<&'static str> {
    names.iter().copied().collect()
}

#[test]
fn every_message_of_a_client_is_in_the_document() {
    let mut seen = BTreeSet::new();
    for line in blocks("json to-host") {
        let message: ToHost = survives(line);
        seen.extend(to_host_names(&message).into_iter().filter(|name| !name.is_empty()));
        for role in [Role::Viewer, Role::Approver, Role::Operator, Role::Owner] {
            assert_eq!(allows(role, &message), role >= documented_role(&message), "{line} for {role:?}");
        }
    }
    assert_eq!(seen, all(&ALL_TO_HOST));
}

/// The least role in the document's tables.
fn documented_role(message: &ToHost) -> Role {
    let [name, nested] = to_host_names(message);
    if let ToHost::Command { act: Act::Decide { .. } | Act::Revoke { .. }, .. } = message {
        assert!(DOC.contains("approver for `decide` and `revoke`"));
        return Role::Approver;
    }
    let named = if name == "call" { nested } else { name };
    let row = DOC.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{named}`")));
    let row = row.unwrap_or_else(|| panic!("no row for {named}"));
    if let ToHost::Call { method, .. } = message {
        assert_eq!(row.contains("local programs |"), is_local_only(method), "{row}");
        let column = row.split('|').nth(2).unwrap_or("").trim();
        return match column.split([';', ',']).next() {
            Some("viewer") => Role::Viewer,
            Some("approver") => Role::Approver,
            Some("operator") => Role::Operator,
            Some("owner" | "local programs") => Role::Owner,
            _ => panic!("no role in {row}"),
        };
    }
    match row.trim_end_matches('|').rsplit('|').next().map(str::trim) {
        Some("viewer") => Role::Viewer,
        Some("operator; approver for `decide` and `revoke`") => Role::Operator,
        Some("owner") => Role::Owner,
        _ => panic!("no role in {row}"),
    }
}

#[test]
fn every_message_to_a_client_is_in_the_document() {
    let mut seen = BTreeSet::new();
    for line in blocks("json to-client") {
        let message: ToClient = survives(line);
        seen.extend(to_client_names(&message).into_iter().filter(|name| !name.is_empty()));
    }
    assert_eq!(seen, all(&ALL_TO_CLIENT));
}

#[test]
fn the_bytes_of_a_message_are_those_in_the_document() {
    let hex: String = blocks("hex to-client-message")
        .iter()
        .flat_map(|line| line.split('#').next().unwrap_or("").split_whitespace())
        .collect();
    let bytes = Bytes::from(HEXLOWER.decode(hex.as_bytes()).unwrap());
    let (header, payload) = codec::decode::<ToClient>(&bytes).unwrap();
    assert_eq!(to_client_names(&header), ["event", "output"]);
    assert_eq!(&payload[..], b"hi");
    let mut out = Vec::new();
    codec::encode(&header, &payload, &mut out);
    assert_eq!(out, bytes);
}

#[test]
fn bounds_are_in_the_document() {
    assert_eq!((MAX_MESSAGE, MAX_PAYLOAD), (64_000, 32_768));
    assert!(DOC.contains("A message has at most 64,000 bytes and a payload at most\n32,768."));
    assert_eq!((MIN_WINDOW, MAX_WINDOW, SKIP_BEHIND), (32_768, 1_048_576, 1_048_576));
    assert!(DOC.contains("32,768 to 1,048,576"));
    assert!(DOC.contains("more than 1,048,576 bytes behind for longer than 250 ms"));
}
