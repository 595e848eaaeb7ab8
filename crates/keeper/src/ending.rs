//! How a session comes to its end when its program does not end by itself: somebody asks for it, its time is over, or the
//! keeper is told to end.

use crate::clock;
use crate::session::{ClientId, Inner, Session};
use agent::adapter::Input;
use bytes::Bytes;
use session::ending::Due;
use session::message::{Act, EndedBy, Event, Failure, Ttl};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// How often the wall clock is looked at while a session has an end of its own: the timers of the system stand still
/// while the machine sleeps, and the clock may be set.
const LOOK: Duration = Duration::from_secs(5);

impl Session {
    /// Hangs up, and kills after a grace.
    pub fn stop(&self, by: EndedBy) {
        if !self.has_ended() {
            self.inner.borrow_mut().ended_by(by);
            self.hang_up();
        }
    }

    /// Tells the program to end.
    pub(crate) fn hang_up(&self) {
        if let Some(program) = self.program() {
            program.stop();
        }
        if let Some(structured) = self.structured() {
            structured.stop();
        }
    }

    /// Says when the session is to end by itself.
    pub fn set_ttl(&self, ttl: Ttl) -> Result<(), Failure> {
        let news = self.inner.borrow_mut().ending.handle_ttl(ttl, clock::unix_ms())?;
        self.retimed(news);
        Ok(())
    }

    /// A command changed when the session ends by itself, or decided an approval, where it was of that kind.
    pub(crate) fn changed(&self, id: ClientId, n: u64, act: &Act, news: Option<Event>, payload: &[u8]) {
        match act {
            Act::Ttl(_) => self.retimed(news),
            Act::Decide { .. } | Act::Revoke { .. } => self.approvals_changed(),
            Act::Prompt { files } => self.prompted(id, n, payload, files),
            Act::Interrupt => self.hear(Input::Interrupt),
            Act::Configure { mode, model } => {
                self.hear(Input::Configure { mode: mode.as_deref(), model: model.as_deref() });
            }
            _ => {}
        }
    }

    fn retimed(&self, news: Option<Event>) {
        if let Some(event) = news {
            self.append(event, Bytes::new());
        }
        self.retimed.notify_one();
        self.hurry.notify_one();
    }

    /// Says that the end is near, or ends, where that is due.
    fn handle_time(&self) {
        let due = self.inner.borrow_mut().ending.handle_timeout(clock::unix_ms());
        match due {
            None => {}
            Some(Due::Say(event)) => self.append(event, Bytes::new()),
            Some(Due::End) => self.stop(EndedBy::Time),
        }
    }
}

impl Inner {
    /// Somebody ends the program. Who was first is remembered.
    pub(crate) fn ended_by(&mut self, by: EndedBy) {
        if self.ended_by == EndedBy::Itself {
            self.ended_by = by;
        }
    }
}

/// Ends the session when its time is over, and says so before.
pub(crate) async fn watch(session: Rc<Session>) {
    loop {
        let due = session.inner.borrow().ending.poll_timeout();
        let Some(due) = due else {
            session.retimed.notified().await;
            continue;
        };
        let left = Duration::from_millis(due.saturating_sub(clock::unix_ms()));
        tokio::select! {
            () = sleep(left.min(LOOK)) => session.handle_time(),
            () = session.retimed.notified() => {}
        }
    }
}
