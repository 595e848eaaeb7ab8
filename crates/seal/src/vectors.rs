//! Writes and checks `vectors/`, which the TypeScript mirror runs too; and runs the published Noise vectors.
//!
//! `UPDATE_VECTORS=1 cargo test -p longrein-seal vectors` writes the files anew; otherwise they must be as they are.

use crate::body::kind;
use crate::noise::{self, Entropy, aes_key, encrypt, nonce};
use crate::{
    Channel, ClientHello, HandshakeError, HostHello, Initiator, Invitation, InvitationError, MAX_PLAINTEXT,
    OpenError, Pending, Psk, Refusal, StaticSecret, Token, words_of,
};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use rand_core::{TryCryptoRng, TryRng};
use ring::aead::Aad;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use wire::Rid;
use zeroize::Zeroizing;

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn unhex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn key(value: &Value) -> [u8; 32] {
    unhex(value).try_into().unwrap()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name)
}

fn load(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}

/// Compares with the file, or writes it where that was asked for.
fn check(name: &str, value: &Value) {
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(value).unwrap() + "\n";
        std::fs::write(path(name), text).unwrap();
    }
    assert_eq!(&load(name), value, "vectors/{name} is out of date; see crates/seal/src/vectors.rs");
}

/// Gives the same byte for ever: keys that anybody can write down.
struct Fixed(u8);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        dest.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

const RID: Rid = Rid([0x11; 16]);
const HOST: [u8; 32] = [0x22; 32];
const DEVICE: [u8; 32] = [0x33; 32];
const TOKEN: [u8; 32] = [0x44; 32];
const SECRET: [u8; 32] = [0x55; 32];
const CLIENT_EPHEMERAL: u8 = 0x66;
const HOST_EPHEMERAL: u8 = 0x77;

fn pair_hello() -> ClientHello {
    ClientHello::Pair { token: Token::from_bytes(TOKEN).id(), label: "Ada’s phone".into(), bundle: None }
}

fn pair_reply() -> HostHello {
    HostHello {
        versions: vec![1],
        time: 1_790_000_000_000,
        features: vec![],
        device: Some("abcdefghijklmnop".into()),
        secret: Some(Psk::from_bytes(SECRET)),
        confirm: true,
    }
}

fn resume_reply() -> HostHello {
    HostHello {
        versions: vec![1],
        time: 1_790_000_000_000,
        features: vec!["files".into()],
        device: None,
        secret: None,
        confirm: false,
    }
}

struct Run {
    message1: Vec<u8>,
    message2: Vec<u8>,
    client: Channel,
    host: Channel,
}

fn run(psk: &Psk, hello: &ClientHello, reply: &HostHello, now: Instant) -> Run {
    let (host, device) = (StaticSecret::from_bytes(HOST), StaticSecret::from_bytes(DEVICE));
    let (initiator, message1) =
        Initiator::start(&device, &host.public(), RID, psk, hello, &mut Fixed(CLIENT_EPHEMERAL)).unwrap();
    let pending = Pending::read(&host, RID, &message1).unwrap();
    assert_eq!(pending.client(), device.public());
    assert_eq!(pending.hello(), hello);
    let (host, message2) = pending.accept(psk, reply, &mut Fixed(HOST_EPHEMERAL), now).unwrap();
    let (client, read) = initiator.finish(&message2, now).unwrap();
    assert_eq!(&read, reply);
    assert_eq!(client.words(), host.words());
    Run { message1, message2, client, host }
}

fn resumed(now: Instant) -> Run {
    run(&Psk::from_bytes(SECRET), &ClientHello::Resume {}, &resume_reply(), now)
}

fn handshake_error(error: HandshakeError) -> &'static str {
    match error {
        HandshakeError::Malformed => "malformed",
        HandshakeError::Forged => "forged",
        HandshakeError::WeakKey => "weak_key",
        HandshakeError::BadHello => "bad_hello",
        HandshakeError::Refused(Refusal::Refused) => "refused",
        HandshakeError::Refused(Refusal::Busy) => "busy",
        HandshakeError::Refused(Refusal::Other(_)) => "refused_otherwise",
        HandshakeError::Internal => "internal",
    }
}

fn open_error(error: OpenError) -> &'static str {
    match error {
        OpenError::Malformed => "malformed",
        OpenError::Sequence { .. } => "sequence",
        OpenError::Forged => "forged",
        OpenError::KeyOverused => "key_overused",
        OpenError::Padding => "padding",
        OpenError::Expired => "expired",
        OpenError::Closed => "closed",
    }
}

/// What each side of the handshake must refuse. The host's cases are of its Rust side only.
fn handshake_failures(resumed: &Run) -> Vec<Value> {
    let (host, device) = (StaticSecret::from_bytes(HOST), StaticSecret::from_bytes(DEVICE));
    let mut cases = Vec::new();
    let flip = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let zero_key = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[1..33].fill(0);
        bytes
    };

    let first = &resumed.message1;
    for (name, body) in [
        ("empty", vec![]),
        ("type byte alone", first[..1].to_vec()),
        ("cut", first[..first.len() - 1].to_vec()),
        ("another type", flip(first, 0)),
        ("ephemeral key flipped", flip(first, 1)),
        ("static key flipped", flip(first, 33)),
        ("payload flipped", flip(first, first.len() - 1)),
        ("ephemeral key of small order", zero_key(first)),
        ("a record", [&[3][..], &[0; 64]].concat()),
    ] {
        let error = Pending::read(&host, RID, &body).unwrap_err();
        cases.push(
            json!({ "side": "host", "name": name, "body": hex(body), "error": handshake_error(error) }),
        );
    }

    let second = &resumed.message2;
    for (name, body) in [
        ("empty", vec![]),
        ("cut", second[..second.len() - 1].to_vec()),
        ("another type", flip(second, 0)),
        ("ephemeral key flipped", flip(second, 1)),
        ("payload flipped", flip(second, second.len() - 1)),
        ("ephemeral key of small order", zero_key(second)),
        ("refused", Refusal::Refused.to_body().to_vec()),
        ("busy", Refusal::Busy.to_body().to_vec()),
        ("refused for a reason to come", Refusal::Other(9).to_body().to_vec()),
        ("refusal with something behind it", vec![4, 1, 0]),
    ] {
        let psk = Psk::from_bytes(SECRET);
        let hello = ClientHello::Resume {};
        let draw = &mut Fixed(CLIENT_EPHEMERAL);
        let (initiator, _) = Initiator::start(&device, &host.public(), RID, &psk, &hello, draw).unwrap();
        let error = initiator.finish(&body, Instant::now()).unwrap_err();
        cases.push(
            json!({ "side": "client", "name": name, "body": hex(body), "error": handshake_error(error) }),
        );
    }
    cases
}

#[test]
fn handshakes() {
    let now = Instant::now();
    let token = Token::from_bytes(TOKEN);
    let (host, device) = (StaticSecret::from_bytes(HOST), StaticSecret::from_bytes(DEVICE));
    let paired = run(&token.psk(), &pair_hello(), &pair_reply(), now);
    let resumed = resumed(now);
    let transcript = |name: &str, psk: &Psk, hello: &ClientHello, reply: &HostHello, run: &Run| {
        json!({
            "name": name,
            "psk": hex(psk.as_bytes()),
            "hello": hello,
            "reply": reply,
            "message1": hex(&run.message1),
            "message2": hex(&run.message2),
            "words": run.client.words(),
        })
    };
    check(
        "handshakes.json",
        &json!({
            "keys": {
                "rid": hex(RID.0),
                "host_secret": hex(HOST),
                "host_public": hex(host.public().0),
                "device_secret": hex(DEVICE),
                "device_public": hex(device.public().0),
                "client_ephemeral": hex([CLIENT_EPHEMERAL; 32]),
                "host_ephemeral": hex([HOST_EPHEMERAL; 32]),
                "token": hex(TOKEN),
                "token_id": hex(token.id().0),
                "token_psk": hex(token.psk().as_bytes()),
            },
            "valid": [
                transcript("pair", &token.psk(), &pair_hello(), &pair_reply(), &paired),
                transcript("resume", &Psk::from_bytes(SECRET), &ClientHello::Resume {}, &resume_reply(), &resumed),
            ],
            "must_fail_with_the_keys_of_resume": handshake_failures(&resumed),
        }),
    );
}

/// A plaintext that is easy to write down: byte i is i modulo 251.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

fn sealed(channel: &mut Channel, plaintext: &[u8], now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    channel.seal(plaintext, now, &mut out).unwrap();
    out
}

/// Records both ways: every padding boundary, the largest, and key changes by time and by count.
fn records_that_open(start: Instant) -> Vec<Value> {
    let mut run = resumed(start);
    let mut steps = Vec::new();
    let mut step = |up: bool, length: usize, after: Duration, repeat: u32| {
        let (from, to) = if up { (&mut run.client, &mut run.host) } else { (&mut run.host, &mut run.client) };
        let plaintext = pattern(length);
        let mut body = Vec::new();
        for _ in 0..repeat {
            body = sealed(from, &plaintext, start + after);
            assert_eq!(to.open(body.clone().into(), start + after), Ok(plaintext.clone().into()));
        }
        let body =
            if body.len() > 2048 { ("sha256", hex(Sha256::digest(&body))) } else { ("body", hex(&body)) };
        steps.push(json!({
            "from": if up { "client" } else { "host" },
            "length": length,
            "at": u64::try_from(after.as_millis()).unwrap(),
            "repeat": repeat,
            body.0: body.1,
        }));
    };
    let (soon, late) = (Duration::from_secs(1), Duration::from_mins(10));
    for length in [0, 1, 62, 63, 254, 255, 1022, 1023, MAX_PLAINTEXT] {
        step(true, length, soon, 1);
        step(false, length, soon, 1);
    }
    // The key is ten minutes old.
    step(true, 5, late, 1);
    step(true, 5, late, 1);
    step(false, 5, late, 1);
    // And then it has sealed 2^16 records.
    step(true, 0, late, (1 << 16) - 2);
    step(true, 3, late, 1);
    step(true, 3, late, 1);
    steps
}

/// Seals as a peer would that does not keep to the rules.
fn unruly(channel: &Channel, kind: u8, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let tag = encrypt(&channel.sending.key, channel.sending.seq, &[kind], &mut text);
    [&[kind][..], &channel.sending.seq.to_le_bytes(), &text, &tag].concat()
}

fn records_that_do_not(start: Instant) -> Vec<Value> {
    let mut cases = Vec::new();
    let mut case = |name: &str, before: usize, error: &str, make: &dyn Fn(&mut Run) -> Vec<u8>| {
        let mut run = resumed(start);
        let before: Vec<String> = (0..before)
            .map(|_| {
                let body = sealed(&mut run.host, b"fine", start);
                assert_eq!(run.client.open(body.clone().into(), start), Ok(Bytes::from_static(b"fine")));
                hex(body)
            })
            .collect();
        let body = make(&mut run);
        let due = run.client.receiving.seq;
        assert_eq!(run.client.open(body.clone().into(), start).map_err(open_error), Err(error), "{name}");
        assert_eq!(run.client.receiving.seq, due, "{name} moved the counter");
        let after = run.client.open(body.clone().into(), start);
        assert_eq!(after, Err(OpenError::Closed), "{name} left the channel open");
        cases.push(json!({ "name": name, "before": before, "body": hex(body), "error": error }));
    };
    let fine = |run: &mut Run| sealed(&mut run.host, b"fine", start);
    let changed = |at: usize| {
        move |run: &mut Run| {
            let mut body = fine(run);
            let at = at.min(body.len() - 1);
            body[at] ^= 0x80;
            body
        }
    };
    case("empty", 0, "malformed", &|_| vec![]);
    case("type byte alone", 0, "malformed", &|_| vec![3]);
    case("a hello", 0, "malformed", &|run| run.message1.clone());
    case("a refusal", 0, "malformed", &|_| Refusal::Refused.to_body().to_vec());
    case("unknown type", 0, "malformed", &changed(0));
    case("cut to its head", 0, "malformed", &|run| fine(run)[..9].to_vec());
    case("cut by a byte", 0, "forged", &|run| {
        let mut body = fine(run);
        body.pop();
        body
    });
    case("number changed", 0, "sequence", &changed(1));
    case("first byte changed", 1, "forged", &changed(9));
    case("tag changed", 1, "forged", &changed(usize::MAX));
    case("said to be after a key change that was not", 0, "forged", &|run| {
        let mut body = fine(run);
        body[0] = kind::REKEYED_RECORD;
        body
    });
    case("key change hidden", 0, "forged", &|run| {
        let mut body = sealed(&mut run.host, b"fine", start + Duration::from_mins(10));
        assert_eq!(body[0], kind::REKEYED_RECORD);
        body[0] = kind::RECORD;
        body
    });
    case("replayed", 1, "sequence", &|_| {
        let mut again = resumed(start);
        fine(&mut again)
    });
    case("one was skipped", 1, "sequence", &|run| {
        fine(run);
        fine(run)
    });
    case("sent back", 0, "forged", &|run| sealed(&mut run.client, b"fine", start));
    case("padding that is not zeros", 0, "padding", &|run| {
        let mut text = [0; 64];
        text[63] = 1;
        unruly(&run.host, kind::RECORD, &text)
    });
    case("longer than it is", 0, "padding", &|run| {
        let mut text = [0; 64];
        text[1] = 63;
        unruly(&run.host, kind::RECORD, &text)
    });
    case("no room for a length", 0, "malformed", &|run| unruly(&run.host, kind::RECORD, &[0]));
    cases
}

#[test]
fn records() {
    let start = Instant::now();
    check(
        "records.json",
        &json!({
            "about": "Over the channel of handshakes.json's `resume`. Plaintext byte i is i modulo 251, `at` is in milliseconds since the handshake, `repeat` seals the same plaintext so often and shows the last. A body over 2048 bytes is given by its SHA-256.",
            "valid": records_that_open(start),
            "must_fail_at_the_client": records_that_do_not(start),
        }),
    );
}

fn invitation(relay: Option<&str>) -> Invitation {
    let host = StaticSecret::from_bytes(HOST).public();
    Invitation { rid: RID, host, token: Token::from_bytes(TOKEN), relay: relay.map(Into::into) }
}

#[test]
fn invitations() {
    let local = "http://127.0.0.1:7777/";
    let valid: Vec<Value> = [
        ("on the relay's own page", local, None, "http://127.0.0.1:7777"),
        (
            "relay named though it is the page's",
            local,
            Some("http://127.0.0.1:7777"),
            "http://127.0.0.1:7777",
        ),
        (
            "another relay",
            "https://app.example/x?y",
            Some("wss://relay.example:8443"),
            "https://relay.example:8443",
        ),
        (
            "default port and capitals",
            "HTTPS://App.Example:443",
            Some("https://app.example"),
            "https://app.example",
        ),
        ("an IPv6 page", "http://[fd00::1]:7777", None, "http://[fd00::1]:7777"),
    ]
    .into_iter()
    .map(|(name, base, relay, expected)| {
        let url = invitation(relay).to_url(base).unwrap();
        let read = Invitation::parse(&url).unwrap();
        assert_eq!(read, invitation(Some(expected)), "{name}");
        json!({
            "name": name, "base": base, "named_relay": relay, "url": url, "relay": expected,
            "rid": hex(read.rid.0), "host": hex(read.host.0), "token": hex(read.token.as_bytes()),
        })
    })
    .collect();

    let good = invitation(None).to_url(local).unwrap();
    let code = good.split_once("#i=").unwrap().1;
    let version = "C".to_owned() + &code[1..];
    let must_fail: Vec<Value> = [
        ("not a link", "hello".to_owned()),
        ("empty", String::new()),
        ("another scheme", format!("ftp://127.0.0.1/#i={code}")),
        ("a user name in it", format!("https://you@127.0.0.1/#i={code}")),
        ("no fragment", local.to_owned()),
        ("empty fragment", format!("{local}#")),
        ("another fragment", format!("{local}#about")),
        ("cut by one", good[..good.len() - 1].to_owned()),
        ("cut by four", good[..good.len() - 4].to_owned()),
        ("four too many", format!("{good}AAAA")),
        ("a character changed to none of base64url's", good.replacen('R', "+", 1)),
        ("a line break inside", format!("{}\n{}", &good[..60], &good[60..])),
        ("a later version", format!("{local}#i={version}")),
        ("two codes", format!("{good}&i={code}")),
        ("two relays", format!("{good}&r=https%3A%2F%2Fa.example&r=https%3A%2F%2Fb.example")),
        ("a relay that is a page", format!("{good}&r=https%3A%2F%2Fa.example%2Fpath")),
        ("a relay by another scheme", format!("{good}&r=file%3A%2F%2Fa.example")),
        ("a broken escape", format!("{good}&r=https%3A%2F%2Fa.example%2")),
        ("far too long", format!("{good}&x={}", "a".repeat(3000))),
    ]
    .into_iter()
    .map(|(name, url)| {
        let error = match Invitation::parse(&url).expect_err(name) {
            InvitationError::NotALink => "not_a_link",
            InvitationError::Missing => "missing",
            InvitationError::Damaged => "damaged",
            InvitationError::Version(_) => "version",
        };
        json!({ "name": name, "url": url, "error": error })
    })
    .collect();
    check("invitations.json", &json!({ "valid": valid, "must_fail": must_fail }));
}

#[test]
fn words() {
    let cases: Vec<Value> = [[0; 32], [0xff; 32], HOST, SECRET]
        .into_iter()
        .map(|hash| json!({ "hash": hex(hash), "words": words_of(&hash) }))
        .collect();
    check("words.json", &json!({ "valid": cases }));
}

/// The published vectors of the suite, through our own primitives.
#[test]
fn published_noise_vectors() {
    let file = load("noise.json");
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 1);
    for vector in vectors {
        assert_eq!(vector["protocol_name"], noise::PATTERN);
        let side = |who: &str, remote: Option<&[u8; 32]>| {
            let entropy =
                Entropy::new(OnceLock::from(Zeroizing::new(key(&vector[format!("{who}_ephemeral")]))));
            let secret = StaticSecret::from_bytes(key(&vector[format!("{who}_static")]));
            let psk = key(&vector[format!("{who}_psks")][0]);
            noise::build(&secret, remote, Some(&psk), &unhex(&vector[format!("{who}_prologue")]), entropy)
                .unwrap()
        };
        let mut initiator = side("init", Some(&key(&vector["init_remote_static"])));
        let mut responder = side("resp", None);
        let messages = vector["messages"].as_array().unwrap();
        let (mut out, mut back) = ([0; 1024], [0; 1024]);
        for (n, message) in messages[..2].iter().enumerate() {
            let (from, to) =
                if n == 0 { (&mut initiator, &mut responder) } else { (&mut responder, &mut initiator) };
            let length = from.write_message(&unhex(&message["payload"]), &mut out).unwrap();
            assert_eq!(hex(&out[..length]), message["ciphertext"]);
            let length = to.read_message(&out[..length], &mut back).unwrap();
            assert_eq!(hex(&back[..length]), message["payload"]);
        }
        assert_eq!(hex(initiator.get_handshake_hash()), vector["handshake_hash"]);
        assert_eq!(hex(responder.get_handshake_hash()), vector["handshake_hash"]);
        assert_eq!(initiator.dangerously_get_raw_split(), responder.dangerously_get_raw_split());
        let (up, down) = initiator.dangerously_get_raw_split();
        for (n, message) in messages[2..].iter().enumerate() {
            // The responder spoke last, so the initiator goes on.
            let key = aes_key(if n % 2 == 0 { &up } else { &down });
            let counter = u64::try_from(n / 2).unwrap();
            let mut text = unhex(&message["payload"]);
            let tag = encrypt(&key, counter, &[], &mut text);
            text.extend_from_slice(&tag);
            assert_eq!(hex(&text), message["ciphertext"]);
            let opened = key.open_in_place(nonce(counter), Aad::empty(), &mut text).unwrap();
            assert_eq!(hex(opened), message["payload"]);
        }
    }
}
