//! Every frame's bytes, and everything that is not a frame. Writes and checks `vectors/frames.json`.
//!
//! `UPDATE_VECTORS=1 cargo test -p longrein-wire` writes the file anew; otherwise it must be as it is.

use data_encoding::HEXLOWER;
use longrein_wire::limits::{MAX_ADDRESS, MAX_DATA, MAX_FRAME};
use longrein_wire::{ClientFrame, CloseCode, Conn, DecodeError, HostFrame, RelaySecret, Rid, Ticket};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::PathBuf;

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn host_fields(frame: &HostFrame<'_>) -> Value {
    match frame {
        HostFrame::Register(secret) => json!({ "type": "register", "secret": hex(&secret.0) }),
        HostFrame::Registered(rid) => json!({ "type": "registered", "rid": hex(&rid.0) }),
        HostFrame::Open { conn, address } => json!({ "type": "open", "conn": conn.0, "address": address }),
        HostFrame::Data { conn, body } => json!({ "type": "data", "conn": conn.0, "body": hex(body) }),
        HostFrame::Close { conn, code } => json!({ "type": "close", "conn": conn.0, "code": code.to_u16() }),
        HostFrame::Ping(id) => json!({ "type": "ping", "id": hex(id) }),
        HostFrame::Pong(id) => json!({ "type": "pong", "id": hex(id) }),
        HostFrame::Restarting(ms) => json!({ "type": "restarting", "ms": ms }),
    }
}

fn client_fields(frame: &ClientFrame<'_>) -> Value {
    match frame {
        ClientFrame::Data(body) => json!({ "type": "data", "body": hex(body) }),
        ClientFrame::Close(code) => json!({ "type": "close", "code": code.to_u16() }),
        ClientFrame::Ping(id) => json!({ "type": "ping", "id": hex(id) }),
        ClientFrame::Pong(id) => json!({ "type": "pong", "id": hex(id) }),
        ClientFrame::Restarting(ms) => json!({ "type": "restarting", "ms": ms }),
        ClientFrame::Presence { online, last_seen } => {
            json!({ "type": "presence", "online": online, "last_seen": last_seen })
        }
    }
}

fn host_frames() -> Vec<HostFrame<'static>> {
    vec![
        HostFrame::Register(RelaySecret([0xa5; 32])),
        HostFrame::Registered(RelaySecret([0xa5; 32]).rid()),
        HostFrame::Open { conn: Conn(1), address: "192.0.2.7" },
        HostFrame::Open { conn: Conn(0xffff_ffff), address: "" },
        HostFrame::Data { conn: Conn(0x0102_0304), body: b"opaque" },
        HostFrame::Close { conn: Conn(2), code: CloseCode::Overflow },
        HostFrame::Close { conn: Conn(2), code: CloseCode::Other(999) },
        HostFrame::Ping([1, 2, 3, 4, 5, 6, 7, 8]),
        HostFrame::Pong([1, 2, 3, 4, 5, 6, 7, 8]),
        HostFrame::Restarting(250),
    ]
}

fn client_frames() -> Vec<ClientFrame<'static>> {
    vec![
        ClientFrame::Data(b"opaque"),
        ClientFrame::Close(CloseCode::Normal),
        ClientFrame::Close(CloseCode::Other(999)),
        ClientFrame::Ping([1, 2, 3, 4, 5, 6, 7, 8]),
        ClientFrame::Pong([1, 2, 3, 4, 5, 6, 7, 8]),
        ClientFrame::Restarting(250),
        ClientFrame::Presence { online: true, last_seen: 1_790_000_000_000 },
        ClientFrame::Presence { online: false, last_seen: 0 },
    ]
}

/// The bytes as written down by hand, so that a change of the code cannot pass unseen.
#[test]
fn bytes_of_every_frame() {
    let secret = "a5".repeat(32);
    let host: Vec<String> = host_frames().iter().map(|frame| hex(&frame.to_vec())).collect();
    assert_eq!(
        host,
        [
            &format!("0100000000{secret}"),
            "0200000000d6b59e4a782ecb4e03c3ac2064ffc280",
            "10000000013139322e302e322e37",
            "10ffffffff",
            "11010203046f7061717565",
            "12000000020002",
            "120000000203e7",
            "20000000000102030405060708",
            "21000000000102030405060708",
            "2200000000000000fa",
        ]
    );
    let client: Vec<String> = client_frames().iter().map(|frame| hex(&frame.to_vec())).collect();
    assert_eq!(
        client,
        [
            "116f7061717565",
            "120000",
            "1203e7",
            "200102030405060708",
            "210102030405060708",
            "22000000fa",
            "3001000001a0c4506c00",
            "30000000000000000000",
        ]
    );
}

/// Not frames, on the host's side and on the client's.
fn bad_frames() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let long = |head: &[u8], length: usize| [head, &vec![b'x'; length]].concat();
    vec![
        ("host", "empty", vec![]),
        ("host", "a head cut short", vec![0x11, 0, 0, 0]),
        ("host", "unknown type", vec![0x7f, 0, 0, 0, 1]),
        ("host", "a client's frame", vec![0x30, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("host", "no data", vec![0x11, 0, 0, 0, 1]),
        ("host", "too large", long(&[0x11, 0, 0, 0, 1], MAX_DATA + 1)),
        ("host", "a secret cut short", long(&[0x01, 0, 0, 0, 0], 31)),
        ("host", "a secret too long", long(&[0x01, 0, 0, 0, 0], 33)),
        ("host", "register of a connection", long(&[0x01, 0, 0, 0, 1], 32)),
        ("host", "registered with too little", long(&[0x02, 0, 0, 0, 0], 15)),
        ("host", "an address too long", long(&[0x10, 0, 0, 0, 1], MAX_ADDRESS + 1)),
        ("host", "an address that is not UTF-8", vec![0x10, 0, 0, 0, 1, 0xff]),
        ("host", "a close without a code", vec![0x12, 0, 0, 0, 1]),
        ("host", "a close with a byte too many", vec![0x12, 0, 0, 0, 1, 0, 0, 0]),
        ("host", "a short ping", long(&[0x20, 0, 0, 0, 0], 7)),
        ("host", "a ping of a connection", long(&[0x20, 0, 0, 0, 1], 8)),
        ("host", "a long pong", long(&[0x21, 0, 0, 0, 0], 9)),
        ("host", "restarting without a time", vec![0x22, 0, 0, 0, 0]),
        ("client", "empty", vec![]),
        ("client", "unknown type", vec![0x7f]),
        ("client", "a host's frame", long(&[0x01], 36)),
        ("client", "no data", vec![0x11]),
        ("client", "too much data", long(&[0x11], MAX_DATA + 1)),
        ("client", "too large", long(&[0x11], MAX_FRAME)),
        ("client", "a close cut short", vec![0x12, 0]),
        ("client", "a short ping", long(&[0x20], 7)),
        ("client", "a long pong", long(&[0x21], 9)),
        ("client", "restarting cut short", vec![0x22, 0, 0, 0]),
        ("client", "presence cut short", long(&[0x30, 1], 7)),
        ("client", "presence neither on nor off", vec![0x30, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
    ]
}

fn error_name(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Truncated => "truncated",
        DecodeError::TooLarge => "too_large",
        DecodeError::UnknownType(_) => "unknown_type",
        DecodeError::BadBody => "bad_body",
    }
}

#[test]
fn vectors() {
    let host: Vec<Value> = host_frames()
        .iter()
        .map(|frame| {
            let bytes = frame.to_vec();
            assert_eq!(HostFrame::decode(&bytes).as_ref(), Ok(frame));
            json!({ "frame": hex(&bytes), "fields": host_fields(frame) })
        })
        .collect();
    let client: Vec<Value> = client_frames()
        .iter()
        .map(|frame| {
            let bytes = frame.to_vec();
            assert_eq!(ClientFrame::decode(&bytes).as_ref(), Ok(frame));
            json!({ "frame": hex(&bytes), "fields": client_fields(frame) })
        })
        .collect();
    let must_fail: Vec<Value> = bad_frames()
        .into_iter()
        .map(|(side, name, bytes)| {
            let error = match side {
                "host" => HostFrame::decode(&bytes).expect_err(name),
                _ => ClientFrame::decode(&bytes).expect_err(name),
            };
            // Long ones are their first bytes and how many more of `x`.
            let head = bytes.iter().rposition(|byte| *byte != b'x').map_or(0, |at| at + 1);
            let (frame, more) = (hex(&bytes[..head]), bytes.len() - head);
            json!({ "side": side, "name": name, "frame": frame, "then_x": more, "error": error_name(error) })
        })
        .collect();
    let value = json!({ "host": host, "client": client, "must_fail": must_fail });
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/frames.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&value).unwrap() + "\n").unwrap();
    }
    let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written, value, "vectors/frames.json is out of date");
}

#[test]
fn close_codes_survive_and_fit_a_websocket() {
    for number in 0..=u16::MAX {
        let code = CloseCode::from_u16(number);
        assert_eq!(code.to_u16(), number);
        assert!((4000..5000).contains(&code.websocket()));
    }
    assert_eq!(CloseCode::Replaced.websocket(), 4001);
}

#[test]
fn secrets_and_tickets_are_not_printed() {
    let shown = format!("{:?} {:?}", RelaySecret([0xab; 32]), Ticket([0xab; 32]));
    assert_eq!(shown, "RelaySecret(…) Ticket(…)");
    let frame = format!("{:?}", HostFrame::Register(RelaySecret([0xab; 32])));
    assert_eq!(frame, "Register(RelaySecret(…))");
}

#[test]
fn ids_survive_their_text_and_refuse_any_other() {
    let rid = RelaySecret([3; 32]).rid();
    assert_eq!(rid.to_string().parse(), Ok(rid));
    let ticket = Ticket([5; 32]);
    assert_eq!(ticket.encode().parse::<Ticket>().unwrap().hash(), ticket.hash());
    for text in
        ["", "AAAA", &"A".repeat(21), &"A".repeat(23), "AAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAA/"]
    {
        assert!(text.parse::<Rid>().is_err(), "{text}");
        assert!(text.parse::<Ticket>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(
        kind in prop_oneof![Just(1u8), Just(2), 0x10u8..0x13, 0x20u8..0x23, Just(0x30), any::<u8>()],
        conn in prop_oneof![Just(0u32), any::<u32>()],
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let host = [&[kind][..], &conn.to_be_bytes(), &body].concat();
        if let Ok(frame) = HostFrame::decode(&host) {
            prop_assert_eq!(frame.to_vec(), host);
        }
        let client = [&[kind][..], &body].concat();
        if let Ok(frame) = ClientFrame::decode(&client) {
            prop_assert_eq!(frame.to_vec(), client);
        }
    }

    #[test]
    fn cut_and_changed_frames_never_panic(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bits: u8,
    ) {
        let mut frames: Vec<Vec<u8>> = host_frames().iter().map(HostFrame::to_vec).collect();
        frames.extend(client_frames().iter().map(ClientFrame::to_vec));
        let mut bytes = which.get(&frames).clone();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        for bytes in [&bytes[..], &bytes[..at]] {
            let _ = HostFrame::decode(bytes);
            let _ = ClientFrame::decode(bytes);
        }
    }
}
