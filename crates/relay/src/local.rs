//! The embedded host's end of the relay: the same hub, without a socket in between.

use crate::hub::Taken;
use crate::shared::Owned;
use bytes::Bytes;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Frames in each direction before the sender waits.
pub(crate) const QUEUE: usize = 64;
const BATCH: usize = 256 * 1024;

/// Carries frames between the hub and a pair of queues, until either end is gone.
pub(crate) async fn drive(owned: Owned, to_host: mpsc::Sender<Bytes>, mut from_host: mpsc::Receiver<Bytes>) {
    let mut waiting: VecDeque<Bytes> = VecDeque::new();
    let mut batch = Vec::new();
    let mut ending = false;
    loop {
        while let Some(frame) = waiting.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(frame)) = to_host.try_send(frame) {
                waiting.push_front(frame);
                break;
            }
        }
        if ending && waiting.is_empty() {
            return;
        }
        tokio::select! {
            frame = from_host.recv() => match frame {
                Some(frame) => {
                    owned.frame(frame);
                    // What else is there already belongs to the same batch.
                    while let Ok(frame) = from_host.try_recv() {
                        owned.frame(frame);
                    }
                }
                None => return,
            },
            () = owned.signal.wait(), if waiting.is_empty() && !ending => {
                match owned.take(BATCH, &mut batch) {
                    Taken::Idle => {}
                    Taken::More => owned.signal.set(),
                    Taken::End(_) => ending = true,
                }
                waiting.extend(batch.drain(..));
            }
            room = to_host.reserve(), if !waiting.is_empty() => match (room, waiting.pop_front()) {
                (Ok(room), Some(frame)) => room.send(frame),
                _ => return,
            },
        }
    }
}
