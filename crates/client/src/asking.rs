//! A program of this machine that asks for a person's decision, and what a client does to decide with its eyes open.

use crate::{Connection, Error};
use bytes::Bytes;
use session::approval::{MAX_REQUEST, digest};
use session::codec::MAX_PAYLOAD;
use session::id::SessionId;
use session::message::{Approval, ApprovalState, Asked, Method, ToClient, ToHost};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

/// How long a keeper may take to store what is asked.
const ASKED: Duration = Duration::from_secs(15);
/// How long after its time a keeper may say that nobody decided.
const LATE: Duration = Duration::from_secs(30);
/// How often the wall clock is looked at: the system's timers stand still while the machine sleeps.
const LOOK: Duration = Duration::from_secs(5);
/// Pieces of one request that are fetched at most; each has a thousand bytes at least, but for the last.
const MAX_PIECES: usize = 1 + MAX_REQUEST / 1024;

impl Connection {
    /// Asks, on a connection to the session's keeper: `request` is a [`session::message::Request`] as JSON. It waits for
    /// an answer for as long as this connection stands, and not longer.
    pub async fn ask(&mut self, session: &SessionId, request: &[u8]) -> Result<Approval, Error> {
        timeout(ASKED, self.ask_patiently(session, request))
            .await
            .map_err(|_| Error::Timeout("the keeper's answer"))?
    }

    async fn ask_patiently(&mut self, session: &SessionId, request: &[u8]) -> Result<Approval, Error> {
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

    /// What became of what was asked on this connection. [`Error::Timeout`] where nothing has been heard of it for some
    /// time after it expired: it cannot be allowed any more.
    pub async fn decided(&mut self, asked: &Approval) -> Result<ApprovalState, Error> {
        let until = UNIX_EPOCH + Duration::from_millis(asked.expires_at) + LATE;
        loop {
            match timeout(LOOK, self.next()).await {
                Ok(message) => match message?.0 {
                    ToClient::Decided { approval, state } if approval == asked.id => return Ok(*state),
                    _ => {}
                },
                Err(_) if SystemTime::now() >= until => return Err(Error::Timeout("a decision")),
                Err(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use link::unix::{self, Listener};
    use link::{MessageReceiver, MessageSender};
    use session::id::{ApprovalId, StreamId};
    use session::message::{Risk, VERSION};
    use session::role::Role;
    use tokio::time::pause;

    /// A connection to a keeper that says nothing but welcome.
    async fn silent(folder: &tempfile::TempDir) -> (Connection, MessageSender, MessageReceiver) {
        let path = folder.path().join("k");
        let listener = Listener::bind(&path).await.unwrap();
        let (sender, receiver) = unix::connect(&path).await.unwrap();
        let (mut keeper, inbox) = listener.accept().await.unwrap();
        let welcome = ToClient::Welcome {
            host: String::new(),
            program: String::new(),
            version: VERSION,
            device: None,
            role: Role::Owner,
            features: Vec::new(),
            time: 0,
        };
        keeper.send(&welcome, &[]).await.unwrap();
        let stream = StreamId::from_random([1; 10]);
        let greeted = Connection::greet(sender, receiver, "test", (stream, None), LATE, None).await.unwrap();
        pause();
        (greeted, keeper, inbox)
    }

    fn approval(expires: SystemTime) -> Approval {
        let expires_at = expires.duration_since(UNIX_EPOCH).unwrap().as_millis();
        Approval {
            id: ApprovalId::from_random([1; 10]),
            digest: String::new(),
            length: 1,
            source: String::new(),
            title: String::new(),
            risk: Risk::Normal,
            word: None,
            asked_at: 0,
            expires_at: u64::try_from(expires_at).unwrap(),
            state: ApprovalState::Pending,
        }
    }

    #[tokio::test]
    async fn a_keeper_that_says_nothing_is_not_waited_for_for_ever() {
        const DAY: Duration = Duration::from_hours(24);
        let folder = tempfile::tempdir().unwrap();
        let (mut connection, mut keeper, _inbox) = silent(&folder).await;
        let session = SessionId::from_random([1; 10]);
        let asked = timeout(DAY, connection.ask(&session, b"{}")).await.expect("it has an end");
        assert!(matches!(asked, Err(Error::Timeout(_))), "{asked:?}");
        let now = SystemTime::now();
        let over = approval(now - LATE - Duration::from_secs(1));
        let decided = timeout(DAY, connection.decided(&over)).await.expect("it has an end");
        assert!(matches!(decided, Err(Error::Timeout(_))), "{decided:?}");
        let waits = approval(now + Duration::from_hours(1));
        assert!(timeout(DAY, connection.decided(&waits)).await.is_err(), "by the wall clock it waits still");
        // What was said in time is heard, however late.
        let state = Box::new(ApprovalState::Expired { decided_at: 1 });
        keeper
            .send(&ToClient::Decided { approval: over.id.clone(), state: state.clone() }, &[])
            .await
            .unwrap();
        assert_eq!(connection.decided(&over).await.unwrap(), *state);
    }
}
