//! From an address to a sealed channel: as a device that is known, or as one that has an invitation.

use crate::connection::{Connection, ended};
use crate::known::{KnownHost, KnownHosts};
use crate::{CLIENT, Error};
use getrandom::SysRng;
use link::path::{self, Incoming, PathReceiver, PathSender};
use link::relay_client::{RelayUrl, connect_client};
use link::{MessageReceiver, MessageSender, sealed};
use rand_core::UnwrapErr;
use seal::{Channel, ClientHello, HostHello, Initiator, Invitation, Psk, PublicKey, StaticSecret};
use session::id::StreamId;
use session::message::VERSION;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use wire::limits::HANDSHAKE_TIMEOUT;
use wire::{CloseCode, Rid};

/// From the relay's answer to its first word about the host.
const FIRST_WORD: Duration = Duration::from_secs(10);
/// How long a person at the host may take, and a little more.
const CONFIRM: Duration = Duration::from_secs(130);
/// From the hello to the welcome, where no person has to answer.
const WELCOME: Duration = Duration::from_secs(10);

/// What to do where the host is not there.
pub(crate) struct Away<'a> {
    /// How long to wait on the open connection: the relay says at once when the host is back.
    pub patience: Duration,
    /// Told when the wait begins, with when the relay last saw the host, Unix milliseconds.
    pub tell: &'a mut (dyn FnMut(u64) + Send),
}

/// A connection to a host's slot.
pub(crate) type Path = (PathSender, PathReceiver);

/// A new device.
#[derive(Debug)]
pub struct Paired {
    /// The host, saved.
    pub host: KnownHost,
    /// The four words, which the host shows too.
    pub words: String,
}

/// Enrols this machine at the host behind an invitation, under the name `label`. The host is kept as `name`, or under
/// the name that it gives itself; one that cannot be had is refused before anything happens. Where a person must agree at the
/// host, `on_words` gets the four words to compare, and the wait may take two minutes.
pub async fn pair(
    hosts: &KnownHosts,
    url: &str,
    label: &str,
    name: Option<&str>,
    on_words: impl FnOnce(&str),
) -> Result<Paired, Error> {
    let invitation = Invitation::parse(url)?;
    let relay = invitation.relay.clone().ok_or(seal::InvitationError::Missing)?;
    if let Some(name) = name {
        hosts.check_name(name, &invitation.host)?;
    }
    let (key, stream) = random_key()?;
    let hello = ClientHello::Pair { token: invitation.token.id(), label: label.to_owned(), bundle: None };
    let away = Away { patience: Duration::from_secs(3), tell: &mut |_| {} };
    let peer = Peer { relay: &relay, rid: invitation.rid, host: &invitation.host };
    let (channel, said, path) = shake(&peer, &key, &invitation.token.psk(), &hello, away).await?;
    let (Some(device), Some(secret)) = (said.device.and_then(|id| id.parse().ok()), said.secret) else {
        return Err(Error::Nonsense("a pairing without a device".into()));
    };
    let words = channel.words().join(" ");
    let within = if said.confirm {
        on_words(&words);
        CONFIRM
    } else {
        WELCOME
    };
    let renew_at = Some(channel.renew_at());
    let (sender, receiver) = messages(channel, path);
    let connection = Connection::greet(sender, receiver, CLIENT, (stream, None), within, renew_at).await?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => hosts.free_name(&connection.welcome.host, &invitation.host)?,
    };
    let host = KnownHost {
        name,
        relay,
        rid: invitation.rid,
        host: invitation.host,
        device,
        role: connection.welcome.role,
        key,
        secret,
    };
    hosts.save(&host)?;
    // It is enrolled, whether or not the goodbye arrives.
    let _ = connection.close().await;
    Ok(Paired { host, words })
}

/// Comes back as a known device.
pub(crate) async fn resume(host: &KnownHost, away: Away<'_>) -> Result<(Channel, Path), Error> {
    let peer = Peer { relay: &host.relay, rid: host.rid, host: &host.host };
    let hello = ClientHello::Resume {};
    let (channel, _, path) = shake(&peer, &host.key, &host.secret, &hello, away).await?;
    Ok((channel, path))
}

/// A channel as messages.
pub(crate) fn messages(channel: Channel, (sender, receiver): Path) -> (MessageSender, MessageReceiver) {
    sealed::messages(channel, sender, receiver)
}

struct Peer<'a> {
    relay: &'a str,
    rid: Rid,
    host: &'a PublicKey,
}

async fn shake(
    peer: &Peer<'_>,
    key: &StaticSecret,
    psk: &Psk,
    hello: &ClientHello,
    away: Away<'_>,
) -> Result<(Channel, HostHello, Path), Error> {
    let url: RelayUrl = peer.relay.parse()?;
    let (sender, receiver) = connect_client(&url, peer.rid).await?;
    let (sender, mut receiver) = path::client(sender, receiver);
    await_host(&mut receiver, away).await?;
    let (initiator, body) = Initiator::start(key, peer.host, peer.rid, psk, hello, &mut UnwrapErr(SysRng))?;
    sender.send(&body).await?;
    let reply = timeout(HANDSHAKE_TIMEOUT, async {
        loop {
            match receiver.recv().await.map_err(ended)? {
                Some(Incoming::Data(body)) => return Ok(body),
                Some(Incoming::Presence { online: true, .. }) => {}
                Some(Incoming::Presence { online: false, last_seen }) => {
                    return Err(Error::Away { last_seen });
                }
                Some(Incoming::Restarting(_)) => {
                    return Err(Error::Link(link::Error::Closed(CloseCode::Restarting)));
                }
                Some(Incoming::Closed(code)) => return Err(ended(link::Error::Closed(code))),
                None => return Err(Error::Link(link::Error::Cut)),
            }
        }
    });
    let reply = reply.await.map_err(|_| Error::Timeout("the host's answer"))??;
    let (channel, said) = initiator.finish(&reply, Instant::now())?;
    if !said.versions.contains(&VERSION) {
        return Err(Error::Nonsense("it speaks other versions only".into()));
    }
    Ok((channel, said, (sender, receiver)))
}

/// Until the relay says that the host is there.
async fn await_host(receiver: &mut PathReceiver, away: Away<'_>) -> Result<(), Error> {
    let Away { patience, tell } = away;
    let mut deadline = tokio::time::Instant::now() + FIRST_WORD;
    let mut absent = None;
    loop {
        let Ok(incoming) = tokio::time::timeout_at(deadline, receiver.recv()).await else {
            return Err(absent.map_or(Error::Timeout("the relay"), |last_seen| Error::Away { last_seen }));
        };
        match incoming.map_err(ended)? {
            Some(Incoming::Presence { online: true, .. }) => return Ok(()),
            Some(Incoming::Presence { online: false, last_seen }) => {
                if absent.replace(last_seen).is_none() {
                    deadline = tokio::time::Instant::now() + patience;
                    tell(last_seen);
                }
            }
            Some(Incoming::Restarting(_)) => {
                return Err(Error::Link(link::Error::Closed(CloseCode::Restarting)));
            }
            Some(Incoming::Data(_)) => return Err(Error::Nonsense("bytes before a hello".into())),
            Some(Incoming::Closed(code)) => return Err(ended(link::Error::Closed(code))),
            None => return Err(Error::Link(link::Error::Cut)),
        }
    }
}

fn random_key() -> Result<(StaticSecret, StreamId), Error> {
    let mut stream = [0; 10];
    getrandom::fill(&mut stream).map_err(|_| Error::Internal("the system gives no random bytes"))?;
    Ok((StaticSecret::generate(&mut UnwrapErr(SysRng)), StreamId::from_random(stream)))
}
