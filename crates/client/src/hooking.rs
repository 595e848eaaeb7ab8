//! What programs in a session tell its keeper.

use crate::{Connection, Error};
use session::codec::MAX_PAYLOAD;
use session::id::SessionId;
use session::message::{ToClient, ToHost};

impl Connection {
    /// An agent's hook: passes on what the agent told it, and waits for what it is to be told, for as long as that takes.
    pub async fn hook(&mut self, session: &SessionId, input: &[u8]) -> Result<String, Error> {
        let mut from = 0;
        loop {
            let end = input.len().min(from + MAX_PAYLOAD);
            let last = end == input.len();
            self.send(&ToHost::Hook { session: session.clone(), last }, &input[from..end]).await?;
            if last {
                break;
            }
            from = end;
        }
        loop {
            if let ToClient::Hooked { output } = self.next().await?.0 {
                return Ok(output);
            }
        }
    }

    /// Something that people should know; returns when the keeper has it.
    pub async fn notify(&mut self, session: &SessionId, text: &str) -> Result<(), Error> {
        self.send(&ToHost::Notify { session: session.clone() }, text.as_bytes()).await?;
        self.send(&ToHost::Ping { sent: 0, every: None }, &[]).await?;
        self.until(|message| matches!(message, ToClient::Pong { .. })).await
    }
}
