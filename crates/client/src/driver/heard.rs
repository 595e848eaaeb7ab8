//! What the host says.

use super::{Driver, End};
use crate::Error;
use crate::attachment::Update;
use bytes::Bytes;
use session::follow::Took;
use session::message::{Cursor, ErrorKind, Event, ToClient};
use std::time::Instant;

/// A snapshot that is larger is the peer's mistake.
const MAX_SNAPSHOT: usize = 64 * 1024 * 1024;

impl Driver {
    pub(super) fn heard_of(
        &mut self,
        message: ToClient,
        payload: Bytes,
    ) -> Result<Option<Result<End, Error>>, Error> {
        let ours = &self.opts.session;
        let now = Instant::now();
        match message {
            ToClient::Attached { session, head, size, applied } if session == *ours => {
                let fresh = self.follow.handle_attached(head);
                self.pieces.clear();
                if fresh {
                    self.said.clear();
                }
                self.outbox.handle_attached(applied);
                if let Some(size) = self.size {
                    self.outbox.handle_screen(size, self.clock.now());
                }
                let stream = self.outbox.stream().clone();
                self.ready.push_back(Update::Attached { head, size, fresh, stream });
                self.level = Some(head.seq);
            }
            ToClient::Event { session, epoch, seq, at, event } if session == *ours => {
                let cursor = Cursor { epoch, seq };
                let took = self.follow.handle_event(cursor, &event, payload.len(), now);
                if took.map_err(|gap| Error::Nonsense(gap.to_string()))? == Took::Apply {
                    self.event(cursor, at, event, payload);
                }
                self.release_exit();
            }
            ToClient::Snapshot { session, epoch, seq, size, part, last } if session == *ours => {
                let cursor = Cursor { epoch, seq };
                let piece = self.follow.handle_piece(cursor, part, last, payload.len(), now);
                let piece = piece.map_err(|gap| Error::Nonsense(gap.to_string()))?;
                if piece.first {
                    self.pieces.clear();
                }
                if self.pieces.len() + payload.len() > MAX_SNAPSHOT {
                    return Err(Error::Nonsense("a snapshot without end".into()));
                }
                self.pieces.extend_from_slice(&payload);
                if piece.last {
                    let bytes = self.pieces.split().freeze();
                    self.ready.push_back(Update::Snapshot { cursor, size, bytes });
                    self.release_exit();
                }
            }
            ToClient::Applied { session, n } if session == *ours => self.outbox.handle_applied(n),
            ToClient::Refused { session, n, why } if session == *ours => self.outbox.handle_refused(n, why),
            ToClient::Detached { session, why } if session == *ours => {
                return Ok(Some(match why {
                    // The keeper may come back, or its log be read by another.
                    Some(why) if why.kind == ErrorKind::Environment => Err(Error::Link(link::Error::Cut)),
                    why => Ok(End::Done(why)),
                }));
            }
            // What concerns the host, other sessions, or calls that nobody made here.
            _ => {}
        }
        if self.level.take_if(|head| self.follow.cursor().seq >= *head).is_some() {
            self.ready.push_back(Update::Level);
        }
        Ok(None)
    }

    fn event(&mut self, cursor: Cursor, at: u64, event: Event, payload: Bytes) {
        self.ready.push_back(match event {
            Event::Output => Update::Output { cursor, bytes: payload },
            Event::Resize { size } => Update::Resized { size },
            Event::Title { title } => Update::Title { title },
            Event::Banner { text } => Update::Banner { text },
            Event::Ending { ends_at } => Update::Ending { ends_at },
            Event::Exit { exit } => {
                self.exit = Some((cursor.seq, exit));
                return;
            }
            event => match self.said.handle(cursor, at, event, &payload) {
                Some(update) => update,
                None => return,
            },
        });
    }

    /// An end is told when everything before it was.
    fn release_exit(&mut self) {
        if let Some((seq, exit)) = self.exit
            && self.follow.cursor().seq >= seq
        {
            self.exit = None;
            self.ready.push_back(Update::Exit { exit });
        }
    }
}
