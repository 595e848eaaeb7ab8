//! The messages' TypeScript types: `web/src/lib/session/generated/messages.ts`, made from the Rust types.
//!
//! The test fails where the file is stale; `UPDATE_BINDINGS=1 cargo test -p longrein-session bindings` writes it.

use crate::id::{ApprovalId, DeviceId, InvitationId, SessionId, StreamId};
use crate::message::{
    Act, Agent, AgentState, Approval, ApprovalState, Asked, Awake, Bearer, Before, Change, Chat, Choice,
    Create, Created, Cursor, Decided, Decider, Decision, Decisions, Device, Doing, EndedBy, ErrorKind, Event,
    Failure, Grant, Image, Invited, LostBy, Method, Notice, Open, Outcome, Peer, Question, Request, Restart,
    Retimed, Risk, RunState, Scope, Setup, Size, Status, Step, StepState, Summary, ToClient, ToHost, Tool,
    ToolKind, Ttl,
};
use crate::role::Role;
use crate::scope::Scope as TokenScope;
use std::fmt::Write as _;
use std::path::Path;
use ts_rs::{Config, TS};

const FILE: &str = "../../web/src/lib/session/generated/messages.ts";

fn declare<T: TS>(config: &Config, out: &mut String) {
    out.push('\n');
    if let Some(docs) = T::docs() {
        out.push_str(&docs);
    }
    writeln!(out, "export {}", T::decl(config)).expect("writing to a string cannot fail");
}

fn render() -> String {
    // Every 64-bit number of the protocol stays below 2^53: log positions, command numbers, Unix milliseconds.
    let config = Config::new().with_large_int("number");
    let mut out = String::from(
        "// Made from crates/session by `UPDATE_BINDINGS=1 cargo test -p longrein-session bindings`. Not edited by hand.\n",
    );
    declare::<SessionId>(&config, &mut out);
    declare::<DeviceId>(&config, &mut out);
    declare::<StreamId>(&config, &mut out);
    declare::<InvitationId>(&config, &mut out);
    declare::<ApprovalId>(&config, &mut out);
    declare::<Role>(&config, &mut out);
    declare::<Size>(&config, &mut out);
    declare::<Cursor>(&config, &mut out);
    declare::<Peer>(&config, &mut out);
    declare::<Ttl>(&config, &mut out);
    declare::<Risk>(&config, &mut out);
    declare::<Choice>(&config, &mut out);
    declare::<Change>(&config, &mut out);
    declare::<ToolKind>(&config, &mut out);
    declare::<Tool>(&config, &mut out);
    declare::<Image>(&config, &mut out);
    declare::<Outcome>(&config, &mut out);
    declare::<StepState>(&config, &mut out);
    declare::<Step>(&config, &mut out);
    declare::<Setup>(&config, &mut out);
    declare::<Chat>(&config, &mut out);
    declare::<Doing>(&config, &mut out);
    declare::<AgentState>(&config, &mut out);
    declare::<Question>(&config, &mut out);
    declare::<Scope>(&config, &mut out);
    declare::<Grant>(&config, &mut out);
    declare::<Agent>(&config, &mut out);
    declare::<Request>(&config, &mut out);
    declare::<Decider>(&config, &mut out);
    declare::<ApprovalState>(&config, &mut out);
    declare::<Approval>(&config, &mut out);
    declare::<Decision>(&config, &mut out);
    declare::<Asked>(&config, &mut out);
    declare::<Before>(&config, &mut out);
    declare::<Decided>(&config, &mut out);
    declare::<Decisions>(&config, &mut out);
    declare::<Act>(&config, &mut out);
    declare::<Create>(&config, &mut out);
    declare::<Restart>(&config, &mut out);
    declare::<Open>(&config, &mut out);
    declare::<TokenScope>(&config, &mut out);
    declare::<Bearer>(&config, &mut out);
    declare::<Created>(&config, &mut out);
    declare::<Retimed>(&config, &mut out);
    declare::<Invited>(&config, &mut out);
    declare::<Awake>(&config, &mut out);
    declare::<Status>(&config, &mut out);
    declare::<Device>(&config, &mut out);
    declare::<EndedBy>(&config, &mut out);
    declare::<LostBy>(&config, &mut out);
    declare::<RunState>(&config, &mut out);
    declare::<Summary>(&config, &mut out);
    declare::<ErrorKind>(&config, &mut out);
    declare::<Failure>(&config, &mut out);
    declare::<Event>(&config, &mut out);
    declare::<Notice>(&config, &mut out);
    declare::<Method>(&config, &mut out);
    declare::<ToHost>(&config, &mut out);
    declare::<ToClient>(&config, &mut out);
    writeln!(
        out,
        "\nexport const VERSION = {};\nexport const MAX_MESSAGE = {};\nexport const MAX_PAYLOAD = {};",
        crate::message::VERSION,
        crate::codec::MAX_MESSAGE,
        crate::codec::MAX_PAYLOAD
    )
    .expect("writing to a string cannot fail");
    out
}

#[test]
fn bindings_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let fresh = render();
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::create_dir_all(path.parent().expect("the file has a folder")).expect("folder can be made");
        std::fs::write(&path, &fresh).expect("file can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == fresh, "{} is stale: run this test with UPDATE_BINDINGS=1", path.display());
}
