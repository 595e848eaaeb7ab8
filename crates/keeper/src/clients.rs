//! Connections on the keeper's socket: one task that reads and one that writes, for each.

use crate::follower::Leave;
use crate::session::{ClientId, Session};
use link::unix::Listener;
use link::{MessageReceiver, MessageSender};
use session::codec;
use session::later::Later;
use session::message::ToHost;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

/// Connections at a time; more are dropped at once.
const MAX_CLIENTS: usize = 256;
/// From a connection to its hello.
const HELLO: Duration = Duration::from_secs(10);
/// How long a client whose input nobody takes is kept without reading from it.
const CROWDED: Duration = Duration::from_mins(10);
/// How many times in a row a write may run into its deadline: a client may stop reading for a while (its screen is
/// covered, its laptop asleep), and costs no more than its cursor.
const MAX_STALLS: u32 = 60;
/// After a failed accept.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves connections for as long as the keeper stands.
pub(crate) async fn accept(session: Rc<Session>, listener: Listener) {
    let count = Rc::new(Cell::new(0usize));
    loop {
        let (sender, receiver) = match listener.accept().await {
            Ok(halves) => halves,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        if count.get() >= MAX_CLIENTS {
            continue;
        }
        count.set(count.get() + 1);
        let (session, count) = (Rc::clone(&session), Rc::clone(&count));
        spawn_local(async move {
            serve(session, sender, receiver).await;
            count.set(count.get() - 1);
        });
    }
}

async fn serve(session: Rc<Session>, sender: MessageSender, mut receiver: MessageReceiver) {
    let Ok(Ok(Some(first))) = timeout(HELLO, receiver.recv()).await else { return };
    let Ok((ToHost::Hello { stream, peer, .. }, _)) = codec::decode::<ToHost>(&first) else { return };
    let (id, wake, room) = session.join(stream, peer);
    let writer = spawn_local(write(Rc::clone(&session), id, sender, wake));
    let stop = writer.abort_handle();
    tokio::select! {
        why = read(&session, id, &mut receiver, &room) => tracing::debug!(client = id, ?why, "a client is gone"),
        _ = writer => {}
    }
    stop.abort();
    session.leave(id);
}

async fn read(
    session: &Session,
    id: ClientId,
    receiver: &mut MessageReceiver,
    room: &Notify,
) -> Option<Leave> {
    loop {
        let message = receiver.recv().await.ok()??;
        // A message that only a newer version knows ends nothing; bytes that are no message do.
        match codec::decode::<ToHost>(&message) {
            Ok((message, payload)) => {
                if let Err(why) = session.handle(id, message, &payload) {
                    return Some(why);
                }
            }
            Err(codec::DecodeError::Header(error)) => {
                tracing::debug!(client = id, %error, "a message that is not known here");
                if let Err(why) = session.handle_later(id, Later::of(&message)) {
                    return Some(why);
                }
            }
            Err(_) => return Some(Leave::Malformed),
        }
        while session.is_crowded(id) {
            if timeout(CROWDED, room.notified()).await.is_err() {
                return Some(Leave::Limited);
            }
        }
    }
}

async fn write(session: Rc<Session>, id: ClientId, mut sender: MessageSender, wake: Rc<Notify>) {
    // Kept from one batch to the next: a timer set for every keystroke would cost more than one that goes off in vain.
    let mut alarm = pin!(sleep(Duration::ZERO));
    let mut armed = false;
    loop {
        let batch = match session.poll(id) {
            Ok(batch) => batch,
            Err(why) => {
                tracing::debug!(client = id, ?why, "a client is dropped");
                return;
            }
        };
        if let Some((attach, snapshot)) = session.poll_snapshot(id) {
            let session = Rc::clone(&session);
            spawn_local(async move {
                if let Ok(snapshot) = snapshot.await {
                    session.give_snapshot(id, attach, snapshot);
                }
            });
        }
        if batch.is_empty() {
            if let Some(due) = session.poll_timeout(id)
                && !armed
            {
                alarm.as_mut().reset(due.into());
                armed = true;
            }
            tokio::select! {
                () = wake.notified() => {}
                () = &mut alarm, if armed => armed = false,
            }
            continue;
        }
        for (header, payload) in batch {
            if patiently(sender.feed(&header, &payload).await, &mut sender).await.is_none() {
                return;
            }
        }
        let flushed = sender.flush().await;
        if patiently(flushed, &mut sender).await.is_none() {
            return;
        }
    }
}

/// A write that ran into its deadline goes on where it stopped.
async fn patiently(first: Result<(), link::Error>, sender: &mut MessageSender) -> Option<()> {
    let mut result = first;
    for _ in 0..MAX_STALLS {
        match result {
            Ok(()) => return Some(()),
            Err(link::Error::Timeout(_)) => result = sender.flush().await,
            Err(_) => return None,
        }
    }
    None
}
