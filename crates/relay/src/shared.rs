//! The hub and its driver's share of it: who is to be woken, and when the hub's next deadline is.

use crate::hub::{Hub, Link, Output};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Instant;
use tokio::sync::Notify;
use wire::CloseCode;

/// Wakes the one task that writes a link.
#[derive(Default)]
pub(crate) struct Signal {
    waker: AtomicWaker,
    set: AtomicBool,
}

impl Signal {
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it was set since it was last asked; if not, this task is woken once it is.
    pub(crate) fn poll(&self, waker: &std::task::Waker) -> bool {
        if self.set.swap(false, Ordering::AcqRel) {
            return true;
        }
        self.waker.register(waker);
        self.set.swap(false, Ordering::AcqRel)
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|cx| if self.poll(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

struct State {
    hub: Hub,
    signals: HashMap<Link, Arc<Signal>>,
    /// What the timer sleeps until.
    armed: Option<Instant>,
}

/// Shared by every task of a relay. The lock is held only for a call into the hub, never across an await.
pub(crate) struct Shared {
    state: Mutex<State>,
    rearm: Notify,
    /// A link is gone.
    pub(crate) gone: Notify,
}

impl Shared {
    pub(crate) fn new(hub: Hub) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State { hub, signals: HashMap::new(), armed: None }),
            rearm: Notify::new(),
            gone: Notify::new(),
        })
    }

    /// Calls into the hub and carries out what it asks for.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut Hub, Instant) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = call(&mut state.hub, Instant::now());
        while let Some(Output::Wake(link)) = state.hub.poll_output() {
            if let Some(signal) = state.signals.get(&link) {
                signal.set();
            }
        }
        if let Some(next) = state.hub.poll_timeout()
            && state.armed.is_none_or(|armed| next < armed)
        {
            self.rearm.notify_one();
        }
        result
    }

    /// Makes a new link this driver's: from now on its signal tells when there is something to take.
    pub(crate) fn own(self: &Arc<Self>, link: Link) -> Owned {
        let signal = Arc::new(Signal::default());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.signals.insert(link, Arc::clone(&signal));
        // The hub may have woken it before anybody listened.
        signal.set();
        drop(state);
        Owned { shared: Arc::clone(self), link, signal }
    }

    /// Runs the hub's deadlines, for as long as the relay lives.
    pub(crate) async fn run_timer(&self) {
        loop {
            let next = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.armed = state.hub.poll_timeout();
                state.armed
            };
            match next {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => self.with(Hub::handle_timeout),
                    () = self.rearm.notified() => {}
                },
                None => self.rearm.notified().await,
            }
        }
    }
}

/// A link and the duty to tell the hub when its socket is gone, which dropping does.
pub(crate) struct Owned {
    shared: Arc<Shared>,
    link: Link,
    pub(crate) signal: Arc<Signal>,
}

impl Owned {
    pub(crate) fn frame(&self, frame: Bytes) {
        self.shared.with(|hub, now| hub.handle_frame(self.link, frame, now));
    }

    pub(crate) fn take(&self, budget: usize, batch: &mut Vec<Bytes>) -> crate::hub::Taken {
        self.shared.with(|hub, _| hub.take(self.link, budget, batch))
    }

    pub(crate) fn close(&self, code: CloseCode) {
        self.shared.with(|hub, now| hub.close(self.link, code, now));
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.shared.with(|hub, _| hub.is_silent(self.link))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.shared.with(|hub, now| hub.handle_gone(self.link, now));
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).signals.remove(&self.link);
        self.shared.gone.notify_one();
    }
}
