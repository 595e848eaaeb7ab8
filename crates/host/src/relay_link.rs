//! The host's link to its relay: held for as long as the daemon runs, made again whenever it ends.

use crate::core::Core;
use crate::{Relay, door};
use link::backoff::Backoff;
use link::frames::{self, FrameReceiver, FrameSender, Side};
use link::mux::{Event, Mux};
use link::relay_client::{RelayUrl, register_host};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use wire::{CloseCode, HostFrame, RelaySecret};

/// A relay that restarts does not keep us away for longer than this.
const LONGEST_RESTART: Duration = Duration::from_secs(30);

/// How long a relay inside this process may take to answer.
const REGISTERED: Duration = Duration::from_secs(5);

/// Connections that are not over yet, however little a relay reads of how they end: those that
/// [`crate::connections`] lets stand, and many that are being turned away. A relay that makes more loses its link.
const MAX_CONNECTIONS: usize = 1024;

/// Keeps the link until the daemon stops.
pub(crate) async fn keep(core: Arc<Core>, relay: Source, secret: RelaySecret) {
    tokio::select! {
        () = run(&core, relay, &secret) => {}
        () = core.stopper.stopped() => {}
    }
    core.online.send_replace(false);
}

/// [`Relay`], with its address read.
pub(crate) enum Source {
    Embedded(crate::Attach),
    Remote(RelayUrl),
}

impl Source {
    /// Returns once there is a way to it where there was none.
    async fn way_appears(&mut self) {
        match self {
            Self::Embedded(_) => pending().await,
            Self::Remote(url) => url.way_appears().await,
        }
    }
}

impl TryFrom<Relay> for Source {
    type Error = link::Error;

    fn try_from(relay: Relay) -> Result<Self, link::Error> {
        Ok(match relay {
            Relay::Embedded(attach) => Self::Embedded(attach),
            Relay::Remote { url } => Self::Remote(url.parse()?),
        })
    }
}

async fn run(core: &Arc<Core>, mut relay: Source, secret: &RelaySecret) {
    let mut backoff = Backoff::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let connected = match &mut relay {
            Source::Embedded(attach) => embedded(attach, secret).await,
            Source::Remote(url) => register_host(url, secret).await,
        };
        let mut wait = None;
        match connected {
            Ok((sender, receiver)) => {
                backoff.worked();
                core.online.send_replace(true);
                wait = serve(core, &room, sender, receiver).await;
                core.online.send_replace(false);
            }
            Err(error) => {
                tracing::warn!(%error, failures = backoff.failures(), "no link to the relay");
            }
        }
        let wait = wait.map_or_else(|| backoff.failed(jitter()), |wait| wait.min(LONGEST_RESTART));
        tokio::select! {
            () = sleep(wait) => {}
            // What failed without a network says nothing about attempts with one.
            () = relay.way_appears() => backoff = Backoff::new(),
        }
    }
}

async fn embedded(
    attach: &mut crate::Attach,
    secret: &RelaySecret,
) -> Result<(FrameSender, FrameReceiver), link::Error> {
    let (out, queue) = attach().map_err(link::Error::Closed)?;
    let (sender, mut receiver) = frames::local(Side::Host, out, queue);
    let first = timeout(REGISTERED, receiver.recv()).await;
    let first = first.map_err(|_| link::Error::Timeout("the relay in this process"))??;
    match HostFrame::decode(&first.ok_or(link::Error::Cut)?) {
        Ok(HostFrame::Registered(rid)) if rid == secret.rid() => Ok((sender, receiver)),
        _ => Err(link::Error::Malformed("the relay in this process did not confirm the slot".into())),
    }
}

/// Takes connections until the link ends; gives how long to stay away, where the relay said so.
async fn serve(
    core: &Arc<Core>,
    room: &Arc<Semaphore>,
    sender: FrameSender,
    receiver: FrameReceiver,
) -> Option<Duration> {
    let mut mux = Mux::new(sender, receiver);
    let mut restarting = None;
    loop {
        match mux.next().await {
            Ok(Some(Event::Opened(opened))) => {
                let Ok(seat) = Arc::clone(room).try_acquire_owned() else {
                    tracing::warn!("the relay makes more connections than it lets end");
                    return restarting;
                };
                let connection = door::serve(Arc::clone(core), opened);
                core.tasks.spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            Ok(Some(Event::Restarting(wait))) => restarting = Some(wait),
            Ok(None) => return restarting,
            Err(error) => {
                match error {
                    link::Error::Closed(CloseCode::Replaced) => {
                        // Another daemon with a copy of our state: taking turns with it as fast as we can helps nobody.
                        tracing::warn!("another daemon took this host's slot on the relay");
                        return Some(LONGEST_RESTART);
                    }
                    error => tracing::warn!(%error, "the link to the relay ended"),
                }
                return restarting;
            }
        }
    }
}

fn jitter() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the waits are as short as they get.
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
