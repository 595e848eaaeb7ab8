//! From a new connection to a channel that stands.
//!
//! Until the client's first record opens, a hello changes nothing here: no invitation is spent, no device enrolled,
//! nobody displaced, no line written that says somebody came. So a replayed hello is worth nothing.
//!
//! One thing is told before: that a used invitation was tried again. It cannot wait for a proof, because a used
//! invitation never gets an answer that could be proved against. Whoever carries the bytes can bring it about with a
//! replay, so it is told once for each invitation, and it is a hint to the owner rather than a finding.

use crate::channel::{self, Who};
use crate::connections::Seat;
use crate::core::{Core, now_ms, random};
use bytes::Bytes;
use getrandom::SysRng;
use link::mux::Opened;
use link::path::{Incoming, PathReceiver, PathSender};
use link::{MessageReceiver, MessageSender, sealed};
use rand_core::UnwrapErr;
use seal::{Body, Channel, ClientHello, HostHello, Pending, Psk, PublicKey, Refusal, TokenId};
use serde_json::json;
use session::codec;
use session::id::{DeviceId, InvitationId};
use session::message::{Notice, Peer, ToClient, ToHost, VERSION};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;
use wire::CloseCode;
use wire::limits::HANDSHAKE_TIMEOUT;

/// How long a device waits for a person to answer.
const CONFIRM: Duration = Duration::from_mins(2);
/// How long a channel that is to end may take to say so.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Messages a device may send ahead while it waits for a person.
const MAX_AHEAD: usize = 16;

/// What the audit says of a refusal; the caller learns even less.
const UNKNOWN: &str = "an unknown device or invitation";

/// Why a connection came to nothing.
struct Turned {
    code: CloseCode,
    /// For the audit; `None` where nobody did anything wrong.
    why: Option<&'static str>,
}

impl Turned {
    fn away(code: CloseCode, why: &'static str) -> Self {
        Self { code, why: Some(why) }
    }

    fn quietly(code: CloseCode) -> Self {
        Self { code, why: None }
    }
}

/// Who proved to be there.
enum Caller {
    Enrolled(DeviceId),
    New(Box<Newcomer>),
}

struct Newcomer {
    id: DeviceId,
    key: PublicKey,
    psk: Psk,
    label: String,
    token: TokenId,
    invitation: InvitationId,
    confirm: bool,
    minter: Option<DeviceId>,
    words: String,
}

/// Serves one connection from its first byte to its end.
pub(crate) async fn serve(core: Arc<Core>, opened: Opened) {
    let (seat, kick) = core.connections.open();
    let Opened { conn, address, sender, receiver } = opened;
    let farewell = sender.clone();
    let (shut, shut_out) = watch::channel(false);
    let why = {
        let mut running = pin!(run(&core, &seat, sender, receiver, shut_out));
        tokio::select! {
            biased;
            why = kick => {
                let why = why.unwrap_or(CloseCode::Normal);
                if why == CloseCode::Refused {
                    shut.send_replace(true);
                    let _ = timeout(LAST_WORD, &mut running).await;
                }
                why
            }
            () = core.stopper.stopped() => CloseCode::Restarting,
            why = &mut running => why,
        }
    };
    drop(seat);
    tracing::debug!(conn = conn.0, address, ?why, "a connection ended");
    // Has its own deadline. Where the link is gone the other side has noticed by itself.
    let _ = farewell.close(why).await;
}

async fn run(
    core: &Arc<Core>,
    seat: &Seat,
    sender: PathSender,
    receiver: PathReceiver,
    shut_out: watch::Receiver<bool>,
) -> CloseCode {
    let turned = match enter(core, seat, sender, receiver).await {
        Ok((who, sender, receiver, ahead)) => {
            return channel::serve(core, who, sender, receiver, ahead, shut_out).await;
        }
        Err(turned) => turned,
    };
    if let Some(why) = turned.why {
        core.devices.refused(why, Instant::now(), now_ms());
    }
    turned.code
}

type Entered = (Who, MessageSender, MessageReceiver, VecDeque<Bytes>);

async fn enter(
    core: &Arc<Core>,
    seat: &Seat,
    sender: PathSender,
    mut receiver: PathReceiver,
) -> Result<Entered, Turned> {
    let proved = timeout(HANDSHAKE_TIMEOUT, async {
        let body = first_body(&mut receiver).await?;
        let (caller, channel) = greet(core, &sender, &body).await?;
        let (sender, mut receiver) = sealed::messages(channel, sender, receiver);
        match receiver.recv().await {
            Ok(Some(first)) => Ok((caller, sender, receiver, first)),
            Err(link::Error::Seal(_)) => {
                Err(Turned::away(CloseCode::Malformed, "a record that does not open"))
            }
            Ok(None) | Err(_) => Err(Turned::quietly(CloseCode::Normal)),
        }
    });
    let proved = proved.await.map_err(|_| Turned::away(CloseCode::Timeout, "no handshake in time"))?;
    let (caller, sender, mut receiver, first) = proved?;
    let Ok((ToHost::Hello { stream, .. }, _)) = codec::decode::<ToHost>(&first) else {
        return Err(Turned::away(CloseCode::Malformed, "no hello on the channel"));
    };
    // The caller has proved to be there now. From here on things happen.
    let id = match &caller {
        Caller::Enrolled(id) => id.clone(),
        Caller::New(newcomer) => newcomer.id.clone(),
    };
    if !seat.stand(Some(id.clone())) {
        return Err(Turned::quietly(CloseCode::Limited));
    }
    let mut sender = sender;
    let mut ahead = VecDeque::new();
    if let Caller::New(newcomer) = caller {
        enrol(core, seat, &newcomer, &mut sender, &mut receiver, &mut ahead).await?;
    }
    // It may have been revoked while its first record was under way.
    let (label, role) = core.devices.describe(&id).ok_or(Turned::away(CloseCode::Refused, UNKNOWN))?;
    core.devices.touch(&id, now_ms());
    let peer = Peer { device: Some(id), label, role, talks_only: false };
    Ok((Who { peer, stream, local: false, process: None, token: None }, sender, receiver, ahead))
}

async fn first_body(receiver: &mut PathReceiver) -> Result<Bytes, Turned> {
    loop {
        match receiver.recv().await {
            Ok(Some(Incoming::Data(body))) => return Ok(body),
            Ok(Some(Incoming::Presence { .. } | Incoming::Restarting(_))) => {}
            Ok(Some(Incoming::Closed(_)) | None) | Err(_) => return Err(Turned::quietly(CloseCode::Normal)),
        }
    }
}

/// Reads the hello and replies. Refuses an invitation or a device that is not known, expired, used or revoked in one
/// and the same way.
async fn greet(core: &Core, sender: &PathSender, body: &[u8]) -> Result<(Caller, Channel), Turned> {
    if Body::of(body) != Some(Body::Hello) {
        return Err(Turned::away(CloseCode::Malformed, "not a hello"));
    }
    let pending = Pending::read(&core.key, core.rid, body)
        .map_err(|_| Turned::away(CloseCode::Malformed, "not a hello for this host"))?;
    let internal = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a handshake could not be answered");
        Turned::quietly(CloseCode::Normal)
    };
    let mut reply = HostHello {
        versions: vec![VERSION],
        time: now_ms(),
        features: Vec::new(),
        device: None,
        secret: None,
        confirm: false,
    };
    let mut rng = UnwrapErr(SysRng);
    let known = match pending.hello() {
        ClientHello::Resume {} => core
            .devices
            .enrolled(&pending.client(), now_ms())
            .map(|enrolled| (enrolled.psk, Caller::Enrolled(enrolled.id))),
        ClientHello::Pair { token, label, bundle: _ } => {
            let looked = core.invitations().look(token, Instant::now());
            if let Some(invitation) = looked.reused {
                // The one thing that comes before the proof; see above.
                let detail = json!({ "invitation": invitation });
                core.devices.audit(now_ms(), "invitation.reused", &detail);
                core.notify(Notice::InvitationReused { invitation });
            }
            match looked.open {
                None => None,
                Some(open) => {
                    let id = DeviceId::from_random(random().map_err(|error| internal(&error))?);
                    let psk = Psk::generate(&mut rng);
                    reply.device = Some(id.to_string());
                    reply.secret = Some(psk.clone());
                    reply.confirm = open.confirm;
                    let newcomer = Newcomer {
                        id,
                        key: pending.client(),
                        psk,
                        label: label.clone(),
                        token: *token,
                        invitation: open.id,
                        confirm: open.confirm,
                        minter: open.minter,
                        words: String::new(),
                    };
                    Some((open.token.psk(), Caller::New(Box::new(newcomer))))
                }
            }
        }
    };
    let Some((psk, mut caller)) = known else {
        // Where it cannot be sent, the close that follows says nearly as much.
        let _ = sender.send(&Refusal::Refused.to_body()).await;
        return Err(Turned::away(CloseCode::Refused, UNKNOWN));
    };
    let accepted = pending.accept(&psk, &reply, &mut rng, Instant::now());
    let (channel, body) = accepted.map_err(|error| internal(&error))?;
    if let Caller::New(newcomer) = &mut caller {
        newcomer.words = channel.words().join(" ");
    }
    sender.send(&body).await.map_err(|_| Turned::quietly(CloseCode::Normal))?;
    Ok((caller, channel))
}

/// Spends the invitation and enrols the device, after a person agreed where that was asked for.
async fn enrol(
    core: &Core,
    seat: &Seat,
    newcomer: &Newcomer,
    sender: &mut MessageSender,
    receiver: &mut MessageReceiver,
    ahead: &mut VecDeque<Bytes>,
) -> Result<(), Turned> {
    let Newcomer { id, key, psk, label, token, invitation, confirm, minter, words } = newcomer;
    if !core.invitations().spend(token) {
        return Err(Turned::away(CloseCode::Refused, UNKNOWN));
    }
    if *confirm && !agreed(core, newcomer, sender, receiver, ahead).await? {
        core.devices.audit(now_ms(), "device.denied", &json!({ "invitation": invitation, "label": label }));
        return Err(Turned::quietly(CloseCode::Refused));
    }
    let enrolled = core.devices.enrol(id, key, psk, label, words, minter.as_ref(), now_ms());
    let enrolled = enrolled.map_err(|error| {
        tracing::error!(%error, "a device could not be enrolled");
        Turned::quietly(CloseCode::Normal)
    })?;
    // Whoever invited it may have been shut out while a person was asked.
    let (device, replaced) = enrolled.ok_or(Turned::away(CloseCode::Refused, UNKNOWN))?;
    if let Some(old) = replaced {
        core.connections.kick(&old, CloseCode::Refused, Some(seat));
    }
    let detail = json!({ "invitation": invitation, "device": id, "label": label });
    core.devices.audit(now_ms(), "device.paired", &detail);
    core.notify(Notice::Paired { invitation: invitation.clone(), device });
    Ok(())
}

/// Waits for the person at the host. Meanwhile pings are answered, and what else comes is kept for later.
async fn agreed(
    core: &Core,
    newcomer: &Newcomer,
    sender: &mut MessageSender,
    receiver: &mut MessageReceiver,
    ahead: &mut VecDeque<Bytes>,
) -> Result<bool, Turned> {
    /// The question goes when nobody waits for its answer any more.
    struct Asked<'a>(&'a Core, &'a DeviceId);
    impl Drop for Asked<'_> {
        fn drop(&mut self) {
            self.0.ask_no_more(self.1);
        }
    }

    let Newcomer { invitation, id, label, words, .. } = newcomer;
    let Some(mut answer) = core.ask(invitation, id, label, words) else {
        return Err(Turned::quietly(CloseCode::Limited));
    };
    let _asked = Asked(core, id);
    let waited = timeout(CONFIRM, async {
        loop {
            let message = tokio::select! {
                answer = &mut answer => return Ok(answer.unwrap_or(false)),
                message = receiver.recv() => message,
            };
            match message {
                Ok(Some(message)) => match codec::decode::<ToHost>(&message) {
                    Ok((ToHost::Ping { sent, .. }, _)) => {
                        let pong = sender.send(&ToClient::Pong { sent }, &[]).await;
                        pong.map_err(|_| Turned::quietly(CloseCode::Normal))?;
                    }
                    _ if ahead.len() < MAX_AHEAD => ahead.push_back(message),
                    _ => return Err(Turned::quietly(CloseCode::Limited)),
                },
                Ok(None) | Err(_) => return Err(Turned::quietly(CloseCode::Normal)),
            }
        }
    });
    waited.await.unwrap_or(Ok(false))
}
