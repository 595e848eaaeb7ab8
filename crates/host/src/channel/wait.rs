//! What a channel waits for, and looks whether it is there.

use super::Leg;
use crate::board::Watching;
use bytes::Bytes;
use link::MessageReceiver;
use session::message::Notice;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::sync::broadcast;
use tokio::task::yield_now;

/// The next message of any leg, beginning with the one whose turn it is. Pending for ever where there is none.
pub(super) async fn next(legs: &mut [Leg], turn: usize) -> (usize, Result<Option<Bytes>, link::Error>) {
    poll_fn(|cx| {
        for step in 0..legs.len() {
            let place = (turn + step) % legs.len();
            if let Poll::Ready(message) = pin!(legs[place].receiver.recv()).poll(cx) {
                return Poll::Ready((place, message));
            }
        }
        Poll::Pending
    })
    .await
}

/// What is there to be read, if anything is.
pub(super) async fn waiting(receiver: &mut MessageReceiver) -> Option<Result<Option<Bytes>, link::Error>> {
    tokio::select! {
        biased;
        message = receiver.recv() => Some(message),
        // Between the two looks the system is asked what has come.
        () = yield_now() => None,
    }
}

/// What a future has to say without waiting.
pub(super) fn now<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A notice, or `None` when the board has changed. Pending for ever where nobody watches.
pub(super) async fn news(
    watching: &mut Option<(Watching, Option<broadcast::Receiver<Notice>>)>,
) -> Option<Notice> {
    let Some((watching, notices)) = watching else { return pending().await };
    let notice = async {
        let Some(notices) = notices else { return pending().await };
        loop {
            match notices.recv().await {
                Ok(notice) => return notice,
                Err(broadcast::error::RecvError::Lagged(missed)) => tracing::debug!(missed, "a slow watcher"),
                Err(broadcast::error::RecvError::Closed) => return pending().await,
            }
        }
    };
    tokio::select! {
        () = watching.changed() => None,
        notice = notice => Some(notice),
    }
}
