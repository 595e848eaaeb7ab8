//! The host's link to its relay: held for as long as the daemon runs, made again whenever it ends.

use crate::core::Core;
use crate::{Relay, door};
use link::backoff::Backoff;
use link::frames::{self, FrameReceiver, FrameSender, Side};
use link::mux::{Event, Mux};
use link::relay_client::{RelayUrl, register_host};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use wire::{CloseCode, HostFrame, RelaySecret};

/// A relay that restarts does not keep us away for longer than this.
const LONGEST_RESTART: Duration = Duration::from_secs(30);

/// How long a relay inside this process may take to answer.
const REGISTERED: Duration = Duration::from_secs(5);

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
                wait = serve(core, sender, receiver).await;
                core.online.send_replace(false);
            }
            Err(error) => {
                tracing::warn!(%error, failures = backoff.failures(), "no link to the relay");
            }
        }
        let wait = wait.map_or_else(|| backoff.failed(jitter()), |wait| wait.min(LONGEST_RESTART));
        sleep(wait).await;
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
async fn serve(core: &Arc<Core>, sender: FrameSender, receiver: FrameReceiver) -> Option<Duration> {
    let mut mux = Mux::new(sender, receiver);
    let mut restarting = None;
    loop {
        match mux.next().await {
            Ok(Some(Event::Opened(opened))) => {
                core.tasks.spawn(door::serve(Arc::clone(core), opened));
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
