//! The socket for programs of the same user: the same messages, without a seal. The peer's user id is the check.

use crate::channel::{self, Who};
use crate::core::Core;
use link::unix::Listener;
use link::{MessageReceiver, MessageSender};
use session::codec;
use session::message::{Peer, ToHost};
use session::role::Role;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
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

async fn serve(core: Arc<Core>, sender: MessageSender, mut receiver: MessageReceiver, process: Option<i32>) {
    let (seat, kick) = core.connections.open();
    let work = async {
        let first = timeout(HANDSHAKE_TIMEOUT, receiver.recv()).await;
        let Ok(Ok(Some(first))) = first else { return CloseCode::Timeout };
        let Ok((ToHost::Hello { stream, .. }, _)) = codec::decode::<ToHost>(&first) else {
            return CloseCode::Malformed;
        };
        if !seat.stand(None) {
            return CloseCode::Limited;
        }
        let peer = Peer { device: None, label: "local".to_owned(), role: Role::Owner };
        let who = Who { peer, stream, local: true, process };
        let (_nobody, shut_out) = watch::channel(false);
        channel::serve(&core, who, sender, receiver, VecDeque::new(), shut_out).await
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
