//! Approvals of all sessions, for callers that are attached to none. They are the keepers'; the host passes on.

use crate::channel::Who;
use crate::core::{Core, failure, now_ms, random};
use crate::keepers::{ANSWER, cannot_ask, command, hello, reach};
use serde_json::json;
use session::codec;
use session::id::{ApprovalId, SessionId, StreamId};
use session::message::{Act, Asked, Decision, ErrorKind, Failure, ToClient, ToHost};
use std::sync::Arc;
use tokio::time::timeout;

/// Has a keeper settle [`Act::Decide`], in this person's name.
pub(crate) async fn decide(core: &Arc<Core>, who: &Who, id: &SessionId, act: Act) -> Result<(), Failure> {
    let detail = match &act {
        Act::Decide { approval, digest, decision } => {
            let verdict = match decision {
                Decision::Allow { .. } => "allow",
                Decision::Deny { .. } => "deny",
            };
            json!({ "session": id, "approval": approval, "digest": digest, "verdict": verdict, "by": who.peer.label })
        }
        _ => json!({}),
    };
    command(core, id, who, act, &[]).await?;
    core.devices.audit(now_ms(), "approval.decided", &detail);
    Ok(())
}

/// A piece of what an approval asks, from this byte on.
pub(crate) async fn request(
    core: &Arc<Core>,
    id: &SessionId,
    approval: &ApprovalId,
    from: u32,
) -> Result<Asked, Failure> {
    let stream = StreamId::from_random(random()?);
    let first = ToHost::Request { session: id.clone(), approval: approval.clone(), from };
    let asked = async {
        let (_sender, mut receiver) = reach(core, id, &hello(stream, None), &first).await?;
        loop {
            let message = receiver.recv().await.and_then(|message| message.ok_or(link::Error::Cut));
            let message = message.map_err(|error| cannot_ask(&error))?;
            if let Ok((ToClient::Request { asked }, _)) = codec::decode::<ToClient>(&message) {
                return asked.map(|asked| *asked).ok_or_else(|| {
                    let message = "what was asked is not there any more";
                    failure(ErrorKind::NotFound, message, "the session's log has it")
                });
            }
        }
    };
    timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(cannot_ask(&link::Error::Timeout("a keeper"))))
}
