//! A program of this machine that asks for a person's decision, and what a client does to decide with its eyes open.

use crate::{Connection, Error};
use bytes::Bytes;
use session::approval::{MAX_REQUEST, digest};
use session::codec::MAX_PAYLOAD;
use session::id::{ApprovalId, SessionId};
use session::message::{Approval, ApprovalState, Asked, Method, ToClient, ToHost};

/// Pieces of one request that are fetched at most; each has a thousand bytes at least, but for the last.
const MAX_PIECES: usize = 1 + MAX_REQUEST / 1024;

impl Connection {
    /// Asks, on a connection to the session's keeper: `request` is a [`session::message::Request`] as JSON. It waits for
    /// an answer for as long as this connection stands, and not longer.
    pub async fn ask(&mut self, session: &SessionId, request: &[u8]) -> Result<Approval, Error> {
        let mut pieces = request.chunks(MAX_PAYLOAD).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            self.send(&ToHost::Ask { session: session.clone(), last }, piece).await?;
        }
        loop {
            match self.next().await?.0 {
                ToClient::Asked { approval: Some(approval), .. } => return Ok(*approval),
                ToClient::Asked { why: Some(why), .. } => return Err(Error::Failed(why)),
                ToClient::Asked { .. } => {
                    return Err(Error::Nonsense("an answer without an approval".into()));
                }
                _ => {}
            }
        }
    }

    /// Reads until something comes that `wanted` takes.
    pub async fn until(&mut self, wanted: impl Fn(&ToClient) -> bool) -> Result<(), Error> {
        while !wanted(&self.next().await?.0) {}
        Ok(())
    }

    /// What became of what was asked on this connection.
    pub async fn decided(&mut self, asked: &ApprovalId) -> Result<ApprovalState, Error> {
        loop {
            if let (ToClient::Decided { approval, state }, _) = self.next().await?
                && approval == *asked
            {
                return Ok(*state);
            }
        }
    }

    /// The whole request of an approval: exactly the bytes whose digest a decision names.
    pub async fn request(&mut self, session: &SessionId, approval: &Approval) -> Result<Bytes, Error> {
        let (mut request, mut from) = (Vec::new(), 0);
        for _ in 0..MAX_PIECES {
            let (session, id) = (session.clone(), approval.id.clone());
            let method = Method::ApprovalRequest { session, approval: id, from };
            let Asked { text, next, .. } = self.call(method).await?;
            request.extend_from_slice(text.as_bytes());
            match next {
                Some(next) if next as usize == request.len() && request.len() < MAX_REQUEST => from = next,
                Some(_) => return Err(Error::Nonsense("a request whose pieces do not fit".into())),
                None if digest(&request) == approval.digest => return Ok(request.into()),
                None => return Err(Error::Nonsense("a request that is not the one that was asked".into())),
            }
        }
        Err(Error::Nonsense("a request without an end".into()))
    }
}
