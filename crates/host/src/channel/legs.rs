//! The sessions that a channel follows: what goes to their keepers, and what comes from them.

use super::wait::now;
use super::{Channel, Flow, Leg};
use crate::core::failure;
use crate::keepers;
use bytes::Bytes;
use session::id::SessionId;
use session::message::{ErrorKind, ToClient, ToHost};
use std::task::Poll;

/// Sessions one channel follows at once. With [`super::MAX_WINDOW`] each stays below what a relay queues.
const MAX_LEGS: usize = 3;
/// Legs whose window is small enough do not count for [`MAX_LEGS`], up to this many.
const MAX_SMALL_LEGS: usize = 32;
/// A window that counts as small, in bytes.
const SMALL_WINDOW: u32 = 32 * 1024;
/// Messages of one leg that are passed on before the others have their turn.
const BATCH: usize = 16;
/// Sessions whose legs ended that are remembered; of more, the latest.
pub(super) const MAX_ENDED: usize = 64;

impl Channel {
    pub(super) async fn attach(&mut self, attach: ToHost, session: SessionId, window: u32) -> Flow {
        self.ended.retain(|ended| *ended != session);
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.session == session) {
            // The same wire, so that commands under way stay in order.
            leg.window = window;
            let sent = leg.sender.send(&attach, &[]).await;
            return if sent.is_err() { self.lose_leg(session).await } else { Ok(()) };
        }
        let large = self.legs.iter().filter(|leg| leg.window > SMALL_WINDOW).count();
        let full = if window > SMALL_WINDOW { large >= MAX_LEGS } else { self.legs.len() >= MAX_SMALL_LEGS };
        if full {
            let hint = "detach from one first";
            let why = failure(ErrorKind::Limited, "too many sessions are attached at once", hint);
            return self.say(&ToClient::Detached { session, why: Some(why) }).await;
        }
        let hello = keepers::hello(self.who.stream.clone(), Some(self.who.peer.clone()));
        match keepers::reach(&self.core, &session, &hello, &attach).await {
            Ok((sender, receiver)) => {
                self.legs.push(Leg { session, window, sender, receiver });
                Ok(())
            }
            Err(why) => self.say(&ToClient::Detached { session, why: Some(why) }).await,
        }
    }

    pub(super) fn drop_leg(&mut self, session: &SessionId) {
        self.legs.retain(|leg| leg.session != *session);
        self.ended.retain(|ended| ended != session);
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(session.clone());
    }

    pub(super) async fn lose_leg(&mut self, session: SessionId) -> Flow {
        self.drop_leg(&session);
        let why = failure(ErrorKind::Environment, "the session's keeper is gone", "attach again");
        self.say(&ToClient::Detached { session, why: Some(why) }).await
    }

    /// Passes a client's message on. Without a leg it is late, and means nothing any more.
    pub(super) async fn tell_keeper(&mut self, session: &SessionId, bytes: &[u8]) -> Flow {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.session == *session) else { return Ok(()) };
        let sent = async {
            leg.sender.forward(bytes).await?;
            leg.sender.flush().await
        };
        if let Err(error) = sent.await {
            tracing::info!(%session, %error, "a keeper takes nothing more");
            return self.lose_leg(session.clone()).await;
        }
        Ok(())
    }

    /// Passes on what a keeper has to say: all that is there, in one write.
    pub(super) async fn keeper_says(
        &mut self,
        place: usize,
        mut message: Result<Option<Bytes>, link::Error>,
    ) -> Flow {
        self.turn = place + 1;
        for passed in 1.. {
            match message {
                Ok(Some(bytes)) => {
                    let fed = self.sender.forward(&bytes).await;
                    fed.map_err(|error| self.broken(&error))?;
                }
                ended => {
                    if let Err(error) = ended {
                        tracing::info!(session = %self.legs[place].session, %error, "the wire to a keeper broke");
                    }
                    let session = self.legs[place].session.clone();
                    return self.lose_leg(session).await;
                }
            }
            if passed == BATCH {
                break;
            }
            message = match now(self.legs[place].receiver.recv()) {
                Poll::Ready(message) => message,
                Poll::Pending => break,
            };
        }
        self.sender.flush().await.map_err(|error| self.broken(&error))
    }
}
