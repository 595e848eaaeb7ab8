//! Enrolling devices, and shutting them out.

use crate::support::{Daemon, Device, Talk, soon, within_a_second};
use link::sealed;
use session::id::{DeviceId, SessionId};
use session::message::{self, ErrorKind, Method, Notice, ToClient, ToHost};
use session::role::Role;
use std::time::Instant;
use tempfile::TempDir;
use wire::CloseCode;

async fn devices(daemon: &Daemon) -> Vec<message::Device> {
    daemon.local().await.call(Method::DeviceList { after: None }).await.unwrap()
}

fn notice(message: ToClient) -> Option<Notice> {
    match message {
        ToClient::Notice { notice } => Some(notice),
        _ => None,
    }
}

#[tokio::test]
async fn a_device_pairs_is_shown_with_its_words_and_comes_back() {
    let daemon = Daemon::start().await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    let invitation = daemon.invite(false).await;
    let mut device = Device::new(invitation.host);
    let (talk, words) = device.pair(&daemon, &invitation, "Phone").await;
    let Some(ToClient::Welcome { host, device: id, role, .. }) = talk.welcome.clone() else { panic!() };
    assert_eq!((host.as_str(), id, role), ("stable", device.id.clone(), Role::Owner));
    let Notice::Paired { device: shown, .. } = owner.find(notice).await else { panic!("another notice") };
    assert_eq!((shown.label.as_str(), shown.words.as_str()), ("Phone", words.as_str()));
    drop(talk);
    let home = daemon.stop().await;
    let daemon = Daemon::start_in(home).await;
    let mut talk = device.resume(&daemon).await;
    let all: Vec<message::Device> = talk.call(Method::DeviceList { after: None }).await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(all[0].online && Some(&all[0].id) == device.id.as_ref());
}

#[tokio::test]
async fn notices_say_which_invitation_they_are_about() {
    let daemon = Daemon::start().await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    let (first, first_name) = daemon.invite_named(false).await;
    let (second, second_name) = daemon.invite_named(false).await;
    assert_ne!(first_name, second_name);
    for (invitation, name) in [(second, second_name), (first, first_name)] {
        let mut device = Device::new(invitation.host);
        let _talk = device.pair(&daemon, &invitation, "Phone").await;
        let Notice::Paired { invitation: by, device: shown } = owner.find(notice).await else { panic!() };
        assert_eq!((by, Some(shown.id)), (name, device.id));
    }
}

#[tokio::test]
async fn used_unknown_and_revoked_are_refused_in_the_same_way() {
    let daemon = Daemon::start().await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    let invitation = daemon.invite(false).await;
    let mut paired = Device::new(invitation.host);
    let (talk, _) = paired.pair(&daemon, &invitation, "Phone").await;
    drop(talk);
    let stranger = Device::new(invitation.host);

    let used = daemon.knock().await.refused(&stranger.pair_hello(daemon.rid, &invitation, "Thief").1).await;
    let mut unknown = invitation.clone();
    unknown.token = seal::Token::from_bytes([9; 32]);
    let unknown = daemon.knock().await.refused(&stranger.pair_hello(daemon.rid, &unknown, "Thief").1).await;
    let never = daemon.knock().await.refused(&stranger.resume_hello(daemon.rid).1).await;
    owner.order(Method::DeviceRevoke { device: paired.id.clone().unwrap() }).await.unwrap();
    let revoked = daemon.knock().await.refused(&paired.resume_hello(daemon.rid).1).await;
    assert_eq!(used, (vec![vec![0x04, 1]], CloseCode::Refused));
    assert_eq!(used, unknown);
    assert_eq!(used, never);
    assert_eq!(used, revoked);
    assert!(devices(&daemon).await.is_empty());
}

#[tokio::test]
async fn the_owner_hears_that_a_used_code_was_tried_again() {
    let daemon = Daemon::start().await;
    let (invitation, name) = daemon.invite_named(false).await;
    let mut device = Device::new(invitation.host);
    let _talk = device.pair(&daemon, &invitation, "Phone").await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    assert!(matches!(owner.next().await, ToClient::State { .. }));
    let thief = Device::new(invitation.host);
    for _ in 0..3 {
        daemon.knock().await.refused(&thief.pair_hello(daemon.rid, &invitation, "Thief").1).await;
    }
    assert_eq!(owner.find(notice).await, Notice::InvitationReused { invitation: name });
    // Nobody has proved anything by it, so it is said once.
    let db = store::HostDb::open(&daemon.paths().host_db()).unwrap();
    let lines = db.audit_after(0, 100).unwrap();
    assert_eq!(lines.iter().filter(|line| line.what == "invitation.reused").count(), 1);
}

#[tokio::test]
async fn a_hello_alone_spends_nothing_and_its_replay_is_harmless() {
    let daemon = Daemon::start().await;
    let invitation = daemon.invite(false).await;
    let mut device = Device::new(invitation.host);
    let (initiator, hello) = device.pair_hello(daemon.rid, &invitation, "Phone");

    // Whoever carries the bytes replays them: before, while and after.
    let mut early = daemon.knock().await;
    early.sender.send(&hello).await.unwrap();
    early.body().await.unwrap();
    let mut raw = daemon.knock().await;
    raw.sender.send(&hello).await.unwrap();
    let (channel, said) = initiator.finish(&raw.body().await.unwrap(), Instant::now()).unwrap();
    assert!(devices(&daemon).await.is_empty(), "a hello enrolled somebody");
    device.secret = said.secret;
    device.id = said.device.map(|id| id.parse().unwrap());
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut talk = Talk::greet(sender, receiver).await;
    assert_eq!(daemon.knock().await.refused(&hello).await.1, CloseCode::Refused);

    // The early one cannot say anything: it does not have the keys.
    early.sender.send(&[3; 200]).await.unwrap();
    assert_eq!(early.body().await, Err(CloseCode::Malformed));
    assert_eq!(devices(&daemon).await.len(), 1);

    // The same for a device that comes back: its channel is not displaced by a replay.
    let mut raw = daemon.knock().await;
    let (initiator, hello) = device.resume_hello(daemon.rid);
    raw.sender.send(&hello).await.unwrap();
    let (channel, _) = initiator.finish(&raw.body().await.unwrap(), Instant::now()).unwrap();
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut again = Talk::greet(sender, receiver).await;
    let mut replay = daemon.knock().await;
    replay.sender.send(&hello).await.unwrap();
    replay.body().await.unwrap();
    again.order(Method::HostStatus {}).await.unwrap();
    talk.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn two_who_race_for_one_code_are_one_device() {
    let daemon = Daemon::start().await;
    let invitation = daemon.invite(false).await;
    let (mut first, mut second) = (Device::new(invitation.host), Device::new(invitation.host));
    let (one, _, one_raw) = first.shake(&daemon, &invitation, "One").await;
    let (two, _, two_raw) = second.shake(&daemon, &invitation, "Two").await;
    let (sender, receiver) = sealed::messages(two, two_raw.sender, two_raw.receiver);
    let _winner = Talk::greet(sender, receiver).await;
    let (sender, receiver) = sealed::messages(one, one_raw.sender, one_raw.receiver);
    let mut loser = Talk::new(sender, receiver);
    loser.hello().await;
    assert!(matches!(loser.end().await, link::Error::Closed(CloseCode::Refused)));
    let all = devices(&daemon).await;
    assert_eq!(all.iter().map(|device| device.label.as_str()).collect::<Vec<_>>(), ["Two"]);
}

#[tokio::test]
async fn revoking_ends_a_devices_channels_within_a_second_and_for_good() {
    let daemon = Daemon::start().await;
    let (device, mut talk) = daemon.pair("Phone").await;
    let mut second = device.resume(&daemon).await;
    let (_other, mut other) = daemon.pair("Desk").await;
    let mut owner = daemon.local().await;
    let revoked = async {
        owner.order(Method::DeviceRevoke { device: device.id.clone().unwrap() }).await.unwrap();
        for talk in [&mut talk, &mut second] {
            assert!(matches!(talk.end().await, link::Error::Closed(CloseCode::Refused)));
        }
    };
    within_a_second("closing the channels", revoked).await;
    other.order(Method::HostStatus {}).await.unwrap();
    let again = owner.order(Method::DeviceRevoke { device: device.id.clone().unwrap() }).await;
    assert_eq!(again.unwrap_err().kind, ErrorKind::NotFound);
    let home = daemon.stop().await;
    let daemon = Daemon::start_in(home).await;
    let refused = daemon.knock().await.refused(&device.resume_hello(daemon.rid).1).await;
    assert_eq!(refused.1, CloseCode::Refused);
}

#[tokio::test]
async fn an_invitation_ends_with_the_device_that_made_it() {
    let daemon = Daemon::start().await;
    let (phone, mut talk) = daemon.pair("Phone").await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    let mut codes = Vec::new();
    for confirm in [false, false, true] {
        let invited: message::Invited = talk.call(Method::PairCreate { confirm }).await.unwrap();
        codes.push(seal::Invitation::parse(&invited.url).unwrap());
    }
    let mut second = Device::new(codes[1].host);
    let (channel, _, raw) = second.shake(&daemon, &codes[1], "Second").await;
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut second = Talk::new(sender, receiver);
    let mut third = Device::new(codes[2].host);
    let (channel, _, raw) = third.shake(&daemon, &codes[2], "Third").await;
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut waits = Talk::new(sender, receiver);
    waits.hello().await;
    let question = owner.find(|message| match notice(message) {
        Some(Notice::ConfirmPairing { device, .. }) => Some(device),
        _ => None,
    });
    let id = question.await;

    owner.order(Method::DeviceRevoke { device: phone.id.unwrap() }).await.unwrap();
    let first = Device::new(codes[0].host);
    let refused = daemon.knock().await.refused(&first.pair_hello(daemon.rid, &codes[0], "First").1).await;
    assert_eq!(refused, (vec![vec![0x04, 1]], CloseCode::Refused));
    second.hello().await;
    assert!(matches!(second.end().await, link::Error::Closed(CloseCode::Refused)));
    owner.order(Method::PairConfirm { device: id, allow: true }).await.unwrap();
    assert!(matches!(waits.end().await, link::Error::Closed(CloseCode::Refused)));
    assert!(devices(&daemon).await.is_empty());

    let db = store::HostDb::open(&daemon.paths().host_db()).unwrap();
    let made = db.audit_after(0, 100).unwrap().into_iter().filter(|line| line.what == "pair.create");
    let by: Vec<_> = made.map(|line| line.detail["by"].as_str().unwrap().to_owned()).collect();
    assert_eq!(by, ["someone at the host", "Phone", "Phone", "Phone"]);
}

#[tokio::test]
async fn with_confirm_nobody_gets_in_without_a_persons_yes() {
    let daemon = Daemon::start().await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    let (invitation, name) = daemon.invite_named(true).await;
    let mut device = Device::new(invitation.host);
    let (channel, said, raw) = device.shake(&daemon, &invitation, "Phone").await;
    assert!(said.confirm);
    let words = channel.words().join(" ");
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut talk = Talk::new(sender, receiver);
    talk.hello().await;
    talk.say(&ToHost::Call { id: 1, method: Method::HostStatus {} }, b"").await;
    talk.say(&ToHost::Ping { sent: 7, every: None }, b"").await;
    assert_eq!(talk.next().await, ToClient::Pong { sent: 7 }, "the first answer while a person thinks");
    let asked = owner.find(notice).await;
    let id = device.id.clone().unwrap();
    let question =
        Notice::ConfirmPairing { invitation: name, device: id.clone(), label: "Phone".into(), words };
    assert_eq!(asked, question);
    assert!(devices(&daemon).await.is_empty());

    // Whoever looks later sees the question too.
    let mut late = daemon.local().await;
    late.say(&ToHost::Watch {}, b"").await;
    assert_eq!(late.find(notice).await, question);

    late.order(Method::PairConfirm { device: id.clone(), allow: true }).await.unwrap();
    assert!(matches!(talk.next().await, ToClient::Welcome { .. }));
    assert!(
        matches!(talk.next().await, ToClient::Reply { id: 1, ok: Some(_), .. }),
        "what was sent ahead counts"
    );
    assert_eq!(devices(&daemon).await.len(), 1);
    let nobody = late.order(Method::PairConfirm { device: id, allow: true }).await;
    assert_eq!(nobody.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_no_is_a_no() {
    let daemon = Daemon::start().await;
    let mut owner = daemon.local().await;
    owner.say(&ToHost::Watch {}, b"").await;
    let invitation = daemon.invite(true).await;
    let mut device = Device::new(invitation.host);
    let (channel, _, raw) = device.shake(&daemon, &invitation, "Phone").await;
    let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
    let mut talk = Talk::new(sender, receiver);
    talk.hello().await;
    let Notice::ConfirmPairing { device: id, .. } = owner.find(notice).await else { panic!() };
    owner.order(Method::PairConfirm { device: id, allow: false }).await.unwrap();
    assert!(matches!(talk.end().await, link::Error::Closed(CloseCode::Refused)));
    assert!(devices(&daemon).await.is_empty());
    let refused = daemon.knock().await.refused(&device.resume_hello(daemon.rid).1).await;
    assert_eq!(refused.1, CloseCode::Refused);
}

#[tokio::test]
async fn what_is_for_this_machine_alone_is_refused_to_devices() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    for method in [
        Method::HostDown {},
        Method::PairConfirm { device: DeviceId::from_random([1; 10]), allow: true },
        Method::SessionAdopt { session: SessionId::from_random([1; 10]) },
    ] {
        assert_eq!(talk.order(method).await.unwrap_err().kind, ErrorKind::Forbidden);
    }
    talk.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn a_device_renames_itself_whatever_its_role() {
    let daemon = Daemon::start().await;
    let (device, mut talk) = daemon.pair("Phone").await;
    let id = device.id.clone().unwrap();
    talk.order(Method::DeviceRename { device: id.clone(), label: " Tablet ".into() }).await.unwrap();
    let bad = talk.order(Method::DeviceRename { device: id, label: "\u{1b}[2J".into() }).await;
    assert_eq!(bad.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(devices(&daemon).await[0].label, "Tablet");
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_harms_nothing() {
    let daemon = Daemon::start().await;
    let Err(error) = longrein_host::Host::open(&daemon.paths()) else { panic!("two daemons") };
    assert!(
        matches!(error, longrein_host::Error::AlreadyRunning { pid: Some(pid) } if pid == std::process::id())
    );
    daemon.local().await.order(Method::HostStatus {}).await.unwrap();
}

#[tokio::test]
async fn down_answers_and_leaves_neither_socket_nor_lock() {
    let daemon = Daemon::start().await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    let mut local = daemon.local().await;
    local.order(Method::HostDown {}).await.unwrap();
    assert!(matches!(talk.end().await, link::Error::Closed(CloseCode::Restarting | CloseCode::HostOffline)));
    let sock = daemon.paths().host_sock().unwrap();
    let home: TempDir = soon("the end", daemon.stop()).await;
    assert!(!sock.exists());
    longrein_host::Host::open(&store::Paths::under(home.path())).unwrap();
}
