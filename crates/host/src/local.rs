//! The socket for programs of the same user: the same messages, without a seal. The peer's user id is the check.

use crate::channel::{self, Who};
use crate::connections::Seat;
use crate::core::{Core, failure, now_ms};
use crate::tokens::{self, Bearing};
use link::unix::Listener;
use link::{MessageReceiver, MessageSender};
use session::id::StreamId;
use session::message::{Bearer, ErrorKind, Peer, ToClient, ToHost};
use session::scope::Scope;
use session::{codec, scope};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::CloseCode;
use wire::limits::HANDSHAKE_TIMEOUT;

/// Between two attempts to accept, where the system has no room for another socket.
const BREATHE: Duration = Duration::from_millis(100);

/// Takes connections until the daemon stops; the socket is gone when this returns.
pub(crate) async fn listen(core: Arc<Core>, listener: Listener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept_process() => accepted,
            () = core.stopper.stopped() => return,
        };
        match accepted {
            Ok((sender, receiver, process)) => {
                core.tasks.spawn(serve(Arc::clone(&core), sender, receiver, process));
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a local connection");
                sleep(BREATHE).await;
            }
        }
    }
}

async fn serve(
    core: Arc<Core>,
    mut sender: MessageSender,
    mut receiver: MessageReceiver,
    process: Option<i32>,
) {
    let (seat, kick) = core.connections.open();
    let work = async {
        let first = timeout(HANDSHAKE_TIMEOUT, receiver.recv()).await;
        let Ok(Ok(Some(first))) = first else { return CloseCode::Timeout };
        let Ok((ToHost::Hello { stream, token, .. }, _)) = codec::decode::<ToHost>(&first) else {
            return CloseCode::Malformed;
        };
        if !seat.stand(None) {
            return CloseCode::Limited;
        }
        let Some(token) = token else {
            let who = Who { peer: Peer::at_host(), stream, local: true, process, token: None };
            let (_nobody, shut_out) = watch::channel(false);
            return channel::serve(&core, who, sender, receiver, VecDeque::new(), shut_out).await;
        };
        if let Some(bearing) = bearing(&core, &seat, &token) {
            return bear(&core, bearing, stream, sender, receiver).await;
        }
        core.devices.refused("an unknown API token", Instant::now(), now_ms());
        let message = "the token is not known, has expired or was revoked";
        let error = Some(failure(ErrorKind::Forbidden, message, ""));
        // Where it cannot be said, the end says nearly as much.
        let _ = sender.send(&ToClient::Reply { id: 0, ok: None, error }, &[]).await;
        CloseCode::Refused
    };
    let why = tokio::select! {
        biased;
        why = kick => why.unwrap_or(CloseCode::Normal),
        why = work => why,
        // The answer to the one who asked for it is still on its way.
        () = core.stopper.stopped_and(Duration::from_millis(200)) => CloseCode::Restarting,
    };
    tracing::debug!(?why, "a local connection ended");
}

/// Whose token it is, if it holds. It may be revoked at the same moment: then either it is not found, or the seat is.
fn bearing(core: &Core, seat: &Seat, token: &Bearer) -> Option<Bearing> {
    let bearing = core.tokens.bearing(token, now_ms())?;
    seat.bear(&bearing.name);
    core.tokens.still_holds(Some(&bearing)).then_some(bearing)
}

/// A channel that may do what a token may, for as long as that holds.
async fn bear(
    core: &Arc<Core>,
    bearing: Bearing,
    stream: StreamId,
    sender: MessageSender,
    receiver: MessageReceiver,
) -> CloseCode {
    let now = now_ms();
    tokens::touch(core, &bearing.name, now);
    let left = Duration::from_millis(bearing.expires_at.saturating_sub(now));
    let role = scope::role(&bearing.scopes);
    let talks_only = !bearing.scopes.contains(&Scope::Input);
    let peer = Peer { device: None, label: format!("token {}", bearing.name), role, talks_only };
    let who = Who { peer, stream, local: false, process: None, token: Some(bearing) };
    let (_nobody, shut_out) = watch::channel(false);
    let served = channel::serve(core, who, sender, receiver, VecDeque::new(), shut_out);
    timeout(left, served).await.unwrap_or(CloseCode::Refused)
}
