//! What a client asks of the host itself. Roles were checked before it came here.

use crate::approvals;
use crate::channel::Who;
use crate::core::{Core, disk, failure, now_ms, random};
use crate::invite::LIFETIME;
use crate::keepers::{self, Over};
use crate::streams::Stream;
use crate::{conversations, decisions, history, restart, said, spawn, tokens};
use seal::{Invitation, Token};
use serde::Serialize;
use serde_json::{Value, json};
use session::codec::MAX_PAYLOAD;
use session::id::{DeviceId, InvitationId, SessionId};
use session::message::{
    Act, Create, Created, ErrorKind, Failure, Invited, Method, Notice, Prompted, Restart, Retimed, RunState,
    Status, Ttl,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::CloseCode;

/// From the request for a new session to its answer: less than clients wait.
const CREATED: Duration = Duration::from_secs(12);
/// Longest name of a device, in characters.
const MAX_LABEL: usize = 64;
/// Bytes of a list in one reply; the rest of the message has room beside it.
const PAGE: usize = 48 * 1024;

/// Does what is asked and gives the reply's value.
pub(crate) async fn answer(core: &Arc<Core>, who: &Who, method: Method) -> Result<Value, Failure> {
    match method {
        Method::SessionCreate(create) => session_create(core, who, create).await,
        Method::SessionList { after } => page(core.board.list(after.as_ref())),
        Method::SessionRemove { session } => session_remove(core, who, &session).await,
        Method::SessionAdopt { session } => {
            keepers::show_placed(core, &session)?;
            let by = &who.peer.label;
            core.devices.audit(now_ms(), "session.adopted", &json!({ "session": session, "by": by }));
            Ok(Value::Null)
        }
        Method::SessionStop { session } => {
            keepers::stop(core, &session, who).await?;
            let by = &who.peer.label;
            core.devices.audit(now_ms(), "session.stopped", &json!({ "session": session, "by": by }));
            Ok(Value::Null)
        }
        Method::SessionTtl { session, ttl } => session_ttl(core, who, &session, ttl).await,
        Method::SessionRestart(restart) => session_restart(core, who, restart).await,
        Method::SessionPrompt { session, text } => {
            let act = Act::Prompt { files: Vec::new() };
            let prompt = tell(core, who, &session, act, &text).await?;
            value(&Prompted { by: who.peer.label.clone(), prompt })
        }
        Method::SessionInput { session, text } => {
            tell(core, who, &session, Act::Input, &text).await?;
            Ok(Value::Null)
        }
        Method::SessionInterrupt { session } => {
            tell(core, who, &session, Act::Interrupt, "").await?;
            Ok(Value::Null)
        }
        Method::ConversationOpen(open) => value(&conversations::open(core, who, open).await?),
        Method::ConversationForget { conversation } => {
            conversations::forget(core, who, &conversation).await?;
            Ok(Value::Null)
        }
        Method::TokenCreate { name, scopes, ttl } => value(&tokens::create(core, &name, scopes, ttl)?),
        Method::TokenList {} => value(&tokens::list(core)),
        Method::TokenRevoke { name } => {
            tokens::revoke(core, &name)?;
            Ok(Value::Null)
        }
        Method::ApprovalRequest { session, approval, from } => {
            match approvals::request(core, &session, &approval, from).await {
                // A keeper lists the last ones only, and nobody may be left who does.
                Err(why) => value(&decisions::request(core, &session, &approval, from).await?.ok_or(why)?),
                asked => value(&asked?),
            }
        }
        Method::ApprovalDecide { session, approval, digest, decision } => {
            approvals::decide(core, who, &session, Act::Decide { approval, digest, decision }).await?;
            Ok(Value::Null)
        }
        Method::ApprovalHistory { before } => value(&decisions::page(core, before, PAGE).await?),
        Method::HostStatus {} => value(&status(core)),
        Method::HostDown {} => {
            core.stopper.stop();
            Ok(Value::Null)
        }
        Method::PairCreate { confirm } => pair_create(core, who, confirm),
        Method::PairConfirm { device, allow } => {
            if core.answer(&device, allow) {
                Ok(Value::Null)
            } else {
                Err(failure(ErrorKind::NotFound, "no device waits for this answer", "it may have given up"))
            }
        }
        Method::DeviceList { after } => {
            page(core.devices.list(after.as_ref(), |id| core.connections.is_online(id)))
        }
        Method::DeviceRevoke { device } => device_revoke(core, who, &device),
        Method::DeviceRename { device, label } => device_rename(core, &device, &label),
    }
}

fn value<T: Serialize>(reply: &T) -> Result<Value, Failure> {
    serde_json::to_value(reply)
        .map_err(|error| failure(ErrorKind::Internal, format!("the answer cannot be written: {error}"), ""))
}

/// As many as fit into one reply, and at least one. Who asks again behind the last one gets the rest.
fn page<T: Serialize>(all: Vec<T>) -> Result<Value, Failure> {
    let (mut page, mut room) = (Vec::new(), PAGE);
    for one in all {
        let one = value(&one)?;
        let size = one.to_string().len() + 1;
        if size > room && !page.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        page.push(one);
    }
    Ok(Value::Array(page))
}

async fn session_create(core: &Arc<Core>, who: &Who, create: Create) -> Result<Value, Failure> {
    // The arguments may hold a secret; the program's name does not.
    let program = create.command.first().cloned().unwrap_or_default();
    let asks = create.asks;
    let checked = spawn::check(create, who.local)?;
    let now = Instant::now();
    let room = asks.then(|| core.asks.enter(&core.board, now.into_std())).transpose()?;
    let session = spawn::session(core, checked, None, now + CREATED).await?;
    if let Some(room) = room {
        room.stands(session.clone());
    }
    let detail = json!({ "session": session, "program": program, "by": who.peer.label });
    core.devices.audit(now_ms(), "session.created", &detail);
    value(&Created { session })
}

/// Has a session's keeper do something, in this person's name. Gives the command's own name.
async fn tell(
    core: &Arc<Core>,
    who: &Who,
    session: &SessionId,
    act: Act,
    text: &str,
) -> Result<String, Failure> {
    if text.len() > MAX_PAYLOAD {
        let message = format!("at most {MAX_PAYLOAD} bytes can be sent at once");
        return Err(failure(ErrorKind::Invalid, message, "put what is long into a file, and name that"));
    }
    let (_, _, Stream { id, n }) = keepers::command(core, session, who, act.clone(), text.as_bytes()).await?;
    said::record(core, who.token.as_ref(), &act, session, text.len());
    Ok(Prompted::name(&id, n))
}

async fn session_ttl(core: &Arc<Core>, who: &Who, session: &SessionId, ttl: Ttl) -> Result<Value, Failure> {
    let ends_at = keepers::set_ttl(core, session, who, ttl).await?;
    let detail = json!({ "session": session, "ttl": ttl, "by": who.peer.label });
    core.devices.audit(now_ms(), "session.ttl", &detail);
    value(&Retimed { ends_at })
}

async fn session_restart(core: &Arc<Core>, who: &Who, restart: Restart) -> Result<Value, Failure> {
    let before = restart.session.clone();
    let session = restart::session(core, who, restart).await?;
    let detail = json!({ "session": session, "continues": before, "by": who.peer.label });
    core.devices.audit(now_ms(), "session.restarted", &detail);
    value(&Created { session })
}

async fn session_remove(core: &Arc<Core>, who: &Who, session: &SessionId) -> Result<Value, Failure> {
    let summary = core.board.summary(session).ok_or_else(keepers::no_such_session)?;
    if summary.run == RunState::Running {
        return Err(failure(ErrorKind::Invalid, "the session still runs", "end it first"));
    }
    // The board may be wrong about what was lost.
    let removed = match keepers::ensure_over(core, session).await? {
        // Whoever still reads there keeps the files that are open, and nothing is written any more.
        Over::Kept => core.paths.remove_session(session.as_str()),
        Over::Left => core.paths.remove_unused_session(session.as_str()),
    };
    removed.map_err(|error| disk(&error))?;
    history::forget(core, session, &json!({ "session": session, "by": who.peer.label })).await;
    Ok(Value::Null)
}

fn status(core: &Core) -> Status {
    Status {
        host: core.name.clone(),
        pid: std::process::id(),
        version: core.version.clone(),
        relay: core.public_url(),
        relay_kind: core.relay_kind.to_string(),
        address: core.address.clone(),
        api: core.api.clone(),
        online: *core.online.borrow(),
        rid: core.rid.to_string(),
        sessions: core.board.count(),
        channels: core.connections.count(),
        awake: core.awake(),
    }
}

fn pair_create(core: &Core, who: &Who, confirm: bool) -> Result<Value, Failure> {
    let minter = who.peer.device.clone();
    if minter.as_ref().is_some_and(|id| core.devices.describe(id).is_none()) {
        // It was shut out while its request was under way.
        return Err(no_such_device());
    }
    let token = Token::from_bytes(random()?);
    let relay = core.relay_origin.clone();
    let invitation = Invitation { rid: core.rid, host: core.key.public(), token: token.clone(), relay };
    let url = invitation
        .to_url(&core.public_url())
        .map_err(|error| failure(ErrorKind::Internal, format!("the link cannot be made: {error}"), ""))?;
    let id = InvitationId::from_random(random()?);
    core.invitations().add(id.clone(), token, confirm, minter.clone(), std::time::Instant::now());
    let detail = json!({ "invitation": id, "device": minter, "by": who.peer.label, "confirm": confirm });
    core.devices.audit(now_ms(), "pair.create", &detail);
    let expires_in = u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX);
    value(&Invited { url, expires_in, invitation: id })
}

fn no_such_device() -> Failure {
    failure(ErrorKind::NotFound, "there is no such device", "`longrein devices` lists them")
}

fn device_revoke(core: &Core, who: &Who, device: &DeviceId) -> Result<Value, Failure> {
    let revoked = core.devices.revoke(device).map_err(|error| disk(&error))?;
    core.invitations().withdraw(device);
    core.connections.kick(device, CloseCode::Refused, None);
    let label = revoked.ok_or_else(no_such_device)?;
    let detail = json!({ "device": device, "label": label, "by": who.peer.label });
    core.devices.audit(now_ms(), "device.revoked", &detail);
    core.notify(Notice::Revoked { device: device.clone(), label });
    Ok(Value::Null)
}

fn device_rename(core: &Core, device: &DeviceId, label: &str) -> Result<Value, Failure> {
    let label = label.trim();
    if label.is_empty() || label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
        return Err(failure(ErrorKind::Invalid, "a device's name has 1 to 64 characters", ""));
    }
    if core.devices.rename(device, label).map_err(|error| disk(&error))? {
        Ok(Value::Null)
    } else {
        Err(no_such_device())
    }
}
