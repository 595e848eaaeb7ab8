//! Clients that say nothing, or the wrong thing. Nobody else notices.

use crate::support::{Daemon, Device, Raw, Talk, soon};
use link::sealed;
use serde_json::json;
use session::codec;
use session::message::{ErrorKind, Method, ToClient, ToHost};
use std::time::Instant;
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::{CloseCode, Conn, HostFrame};

#[tokio::test]
async fn garbage_closes_its_own_connection_and_no_other() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    let mut noise = 1u64;
    for length in [1usize, 2, 33, 96, 97, 500, 4096, 60_000] {
        for kind in [0x00u8, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xff] {
            let mut body = vec![kind];
            body.resize_with(length, || {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                noise.to_be_bytes()[0]
            });
            let (bodies, code) = daemon.knock().await.refused(&body).await;
            assert_eq!((bodies.len(), code), (0, CloseCode::Malformed), "kind {kind}, {length} bytes");
        }
    }
    talk.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn silent_connections_make_way_and_cost_nobody_their_place() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    let mut silent: Vec<Raw> = Vec::new();
    for _ in 0..100 {
        silent.push(daemon.knock().await);
    }
    assert_eq!(silent[0].body().await, Err(CloseCode::Limited));
    // All seats are taken by the silent, and a device still gets in.
    let (_other, mut other) = daemon.pair("Desk").await;
    other.order(Method::HostStatus {}).await.unwrap();
    talk.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn a_relay_that_only_opens_connections_and_reads_nothing_loses_its_link() {
    let (gave, mut given) = mpsc::unbounded_channel();
    let _daemon = Daemon::start_at(TempDir::new().unwrap(), "http://localhost/".into(), move |secret| {
        let (out, from_host) = mpsc::channel(1);
        let (to_host, queue) = mpsc::channel(1);
        to_host.try_send(HostFrame::Registered(secret.rid()).to_vec().into()).unwrap();
        // The test may have seen enough.
        let _ = gave.send((to_host, from_host));
        Ok((out, queue))
    })
    .await;
    let (to_host, _unread) = soon("a link", given.recv()).await.unwrap();
    let opens = async {
        for conn in 1.. {
            let open = HostFrame::Open { conn: Conn(conn), address: "127.0.0.1" };
            if to_host.send(open.to_vec().into()).await.is_err() {
                return conn;
            }
        }
        unreachable!()
    };
    let opened = soon("the end of the link", opens).await;
    assert!((1024..1100).contains(&opened), "{opened}");
    // It is made again.
    soon("another link", given.recv()).await.unwrap();
}

#[tokio::test]
async fn a_record_that_does_not_open_ends_its_channel_alone() {
    let daemon = Daemon::start().await;
    let (device, mut talk) = daemon.pair("Phone").await;
    for spoil in [0usize, 1, 20] {
        let mut raw = daemon.knock().await;
        let (initiator, hello) = device.resume_hello(daemon.rid);
        raw.sender.send(&hello).await.unwrap();
        let (mut channel, _) = initiator.finish(&raw.body().await.unwrap(), Instant::now()).unwrap();
        let mut record = Vec::new();
        channel.seal(b"hello", Instant::now(), &mut record).unwrap();
        record[spoil] ^= 0x80;
        raw.sender.send(&record).await.unwrap();
        assert_eq!(raw.body().await, Err(CloseCode::Malformed), "byte {spoil}");
    }
    talk.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn a_channel_that_does_not_begin_with_a_hello_is_closed() {
    let daemon = Daemon::start().await;
    let invitation = daemon.invite(false).await;
    let mut device = Device::new(invitation.host);
    let (channel, _, raw) = device.shake(&daemon, &invitation, "Phone").await;
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut talk = Talk::new(sender, receiver);
    talk.say(&ToHost::Watch {}, b"").await;
    assert!(matches!(talk.end().await, link::Error::Closed(CloseCode::Malformed)));
    // Nothing was spent by it.
    let (_talk, _) = Device::new(invitation.host).pair(&daemon, &invitation, "Phone").await;
}

#[tokio::test]
async fn a_request_of_a_later_version_is_refused_by_itself() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    let mut message = Vec::new();
    codec::encode(&json!({ "t": "call", "id": 41, "method": "moon.land", "params": {} }), b"", &mut message);
    talk.sender.forward(&message).await.unwrap();
    talk.sender.flush().await.unwrap();
    match talk.next().await {
        ToClient::Reply { id: 41, error: Some(why), .. } => assert_eq!(why.kind, ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
    talk.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn endless_nonsense_ends_its_channel() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    let mut message = Vec::new();
    codec::encode(&json!({ "t": "sing" }), b"", &mut message);
    for _ in 0..100 {
        // It may be closed before the last one is sent.
        let _ = talk.sender.forward(&message).await;
        let _ = talk.sender.flush().await;
    }
    assert!(matches!(talk.end().await, link::Error::Closed(CloseCode::Malformed)));
}

#[tokio::test]
async fn a_message_longer_than_it_is_ends_its_channel() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    talk.sender.forward(&[0xff; 100]).await.unwrap();
    talk.sender.flush().await.unwrap();
    assert!(matches!(talk.end().await, link::Error::Closed(CloseCode::Malformed)));
}
