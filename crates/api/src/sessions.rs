//! Sessions: listing and starting them, and telling them something.

use crate::auth::Caller;
use crate::input::{Asked, Body, Session, check_text};
use crate::limits::Room;
use crate::problem::Problem;
use crate::view;
use axum::Json;
use axum::body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use client::Connection;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use session::id::SessionId;
use session::message::{Agent, Create, Created, Method, Prompted, Restart};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use utoipa::ToSchema;

/// What the program says where it cannot export, at most.
const MAX_SAID: u64 = 4096;
/// Bytes of an export that are read at once.
const PART: usize = 16 * 1024;
/// How soon it says something.
const BEGINS: Duration = Duration::from_secs(30);

/// All sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// Ordered by id.
    sessions: Vec<view::Session>,
}

/// Lists the sessions of this machine, ended ones too.
#[utoipa::path(get, operation_id = "list_sessions", path = "/api/sessions", tag = "sessions", security(("bearer" = ["read"]), ("basic" = ["read"])),
    responses((status = 200, body = Sessions), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(mut caller: Caller) -> Result<Json<Sessions>, Problem> {
    let sessions = caller.connection.sessions().await?;
    Ok(Json(Sessions { sessions: sessions.iter().map(view::Session::from).collect() }))
}

/// Says what there is to know about one.
#[utoipa::path(get, operation_id = "one_session", path = "/api/sessions/{id}", tag = "sessions", security(("bearer" = ["read"]), ("basic" = ["read"])),
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 200, body = view::Session), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn one(mut caller: Caller, Session(id): Session) -> Result<Json<view::Session>, Problem> {
    let summary = caller.session(&id).await?;
    Ok(Json(view::Session::from(&summary)))
}

/// A session to start: of a program in a terminal, or of an agent without one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Program and arguments; with `structured`, more arguments for the agent.
    #[serde(default)]
    command: Vec<String>,
    /// Which agent it is; found out from the command where absent.
    #[serde(default)]
    agent: Option<String>,
    /// Without a terminal: what the agent says is in the events alone.
    #[serde(default)]
    structured: bool,
    /// The agent's own name for a conversation to go on with.
    #[serde(default)]
    resume: Option<String>,
    /// The folder to start in, from the root on; the home folder where absent.
    #[serde(default)]
    cwd: Option<String>,
    /// A name for people.
    #[serde(default)]
    name: Option<String>,
    /// End it by itself after so many seconds.
    #[serde(default)]
    ttl: Option<u32>,
}

/// A session that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    /// Its id.
    #[schema(value_type = String)]
    session_id: SessionId,
}

/// Starts a session.
#[utoipa::path(post, path = "/api/sessions", tag = "sessions", security(("bearer" = ["manage"]), ("basic" = ["manage"])), request_body = Start,
    responses((status = 201, body = Started), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn create(
    mut caller: Caller,
    Body(start): Body<Start>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let Start { command, agent, structured, resume, cwd, name, ttl } = start;
    let agent = match agent {
        Some(name) => Some(Agent { name, structured, resume }),
        None if structured || resume.is_some() => {
            let detail = "a session without a terminal, or one that goes on, needs an agent's name";
            return Err(Problem::invalid(detail, "send `agent`, such as \"claude\""));
        }
        None => None,
    };
    let create = Create { command, cwd, name, size: None, env: None, ttl, agent, asks: false };
    let created: Created = caller.call(Method::SessionCreate(create)).await?;
    Ok((StatusCode::CREATED, Json(Started { session_id: created.session })))
}

/// Something to say or type.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// What: at most 32,768 bytes.
    text: String,
}

/// Says something to the agent: pasted into its terminal and sent off, or queued where it has none and is busy.
#[utoipa::path(post, path = "/api/sessions/{id}/prompt", tag = "sessions", security(("bearer" = ["prompt"]), ("basic" = ["prompt"])),
    params(("id" = String, Path, description = "The session's id")), request_body = Text,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn prompt(
    mut caller: Caller,
    Session(session): Session,
    Body(Text { text }): Body<Text>,
) -> Result<StatusCode, Problem> {
    check_text(&text)?;
    let told: Result<Prompted, _> = caller.connection.call(Method::SessionPrompt { session, text }).await;
    told.map(|_| StatusCode::NO_CONTENT).map_err(ended)
}

/// Types into the terminal: whatever a keyboard could, so it takes the scope `input`.
#[utoipa::path(post, path = "/api/sessions/{id}/input", tag = "sessions", security(("bearer" = ["input"]), ("basic" = ["input"])),
    params(("id" = String, Path, description = "The session's id")), request_body = Text,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn input(
    mut caller: Caller,
    Session(session): Session,
    Body(Text { text }): Body<Text>,
) -> Result<StatusCode, Problem> {
    check_text(&text)?;
    tell(&mut caller, Method::SessionInput { session, text }).await
}

/// Stops what the agent is doing. In a session without an agent that asks it is Ctrl-C, which wants the scope `input`, too.
#[utoipa::path(post, path = "/api/sessions/{id}/interrupt", tag = "sessions", security(("bearer" = ["prompt"]), ("basic" = ["prompt"])),
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn interrupt(mut caller: Caller, Session(session): Session) -> Result<StatusCode, Problem> {
    tell(&mut caller, Method::SessionInterrupt { session }).await
}

/// Ends the session's program.
#[utoipa::path(post, path = "/api/sessions/{id}/stop", tag = "sessions", security(("bearer" = ["manage"]), ("basic" = ["manage"])),
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn stop(mut caller: Caller, Session(session): Session) -> Result<StatusCode, Problem> {
    tell(&mut caller, Method::SessionStop { session }).await
}

/// Starts an ended session's program again, as a new session; an agent goes on with its conversation.
#[utoipa::path(post, path = "/api/sessions/{id}/restart", tag = "sessions", security(("bearer" = ["manage"]), ("basic" = ["manage"])),
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 201, body = Started), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn restart(
    mut caller: Caller,
    Session(session): Session,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let again = Restart { session, stop: false, size: None, imported: false, env: None, ttl: None };
    let created: Created = caller.call(Method::SessionRestart(again)).await?;
    Ok((StatusCode::CREATED, Json(Started { session_id: created.session })))
}

async fn tell(caller: &mut Caller, method: Method) -> Result<StatusCode, Problem> {
    let done: Result<serde_json::Value, _> = caller.connection.call(method).await;
    done.map(|_| StatusCode::NO_CONTENT).map_err(ended)
}

/// Nothing reaches an ended session; what can be done instead is said.
fn ended(error: client::Error) -> Problem {
    match error.failure() {
        Some(why) if why.kind == session::message::ErrorKind::Ended => {
            let hint = "POST /api/sessions/{id}/restart starts it again";
            Problem::new(StatusCode::CONFLICT, why.message.clone(), hint)
        }
        _ => error.into(),
    }
}

/// What to export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    /// `jsonl`, everything, or `asciicast`, the terminal alone.
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Jsonl,
    Asciicast,
}

/// Everything that the session's log has, as `longrein export` writes it.
#[utoipa::path(get, path = "/api/sessions/{id}/export", tag = "sessions", security(("bearer" = ["read"]), ("basic" = ["read"])),
    params(("id" = String, Path, description = "The session's id"), Export),
    responses((status = 200, description = "A file; one of JSON lines that is whole ends with a line whose `kind` is `end`",
            content((String = "application/jsonl"), (String = "application/x-asciicast"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn export(
    mut caller: Caller,
    Session(id): Session,
    Asked(Export { format }): Asked<Export>,
) -> Result<Response, Problem> {
    caller.session(&id).await?;
    let (name, media) = match format {
        Format::Jsonl => ("jsonl", "application/jsonl"),
        Format::Asciicast => ("asciicast", "application/x-asciicast"),
    };
    let failed = |why: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why, "");
    let mut child = Command::new(&caller.shared.config.program)
        .args(["export", id.as_str(), "--format", name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("the session cannot be exported: {error}")))?;
    let Some(mut stdout) = child.stdout.take() else { return Err(failed("nothing to read from".to_owned())) };
    let mut first = vec![0; PART];
    let read = timeout(BEGINS, stdout.read(&mut first)).await.unwrap_or(Ok(0)).unwrap_or(0);
    if read == 0 {
        return Err(failed(said(&mut child).await));
    }
    first.truncate(read);
    let Caller { connection, room, .. } = caller;
    let exporting = Exporting { first: Some(first), stdout, child, connection, _room: room };
    let mut response = Response::new(body::Body::from_stream(exporting.parts()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Ok(response)
}

/// An export that is under way. The program is ended with whoever reads it, and with the token.
struct Exporting {
    first: Option<Vec<u8>>,
    stdout: ChildStdout,
    child: Child,
    connection: Connection,
    _room: Room,
}

impl Exporting {
    fn parts(self) -> impl Stream<Item = std::io::Result<Vec<u8>>> {
        stream::unfold(Some(self), |state| async move {
            let mut state = state?;
            let part = match state.first.take() {
                Some(first) => Ok(first),
                None => state.part().await,
            };
            match part {
                Ok(part) if part.is_empty() => None,
                Ok(part) => Some((Ok(part), Some(state))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The next part; an empty one at an end in good order. What is cut is not to look whole.
    async fn part(&mut self) -> std::io::Result<Vec<u8>> {
        let mut part = vec![0; PART];
        let ended = async { while self.connection.recv().await.is_ok() {} };
        let read = tokio::select! {
            read = self.stdout.read(&mut part) => read?,
            () = ended => return Err(std::io::Error::other("the token does not hold any more")),
        };
        part.truncate(read);
        if read == 0 && !self.child.wait().await?.success() {
            return Err(std::io::Error::other("the export failed"));
        }
        Ok(part)
    }
}

async fn said(child: &mut Child) -> String {
    let mut text = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // What it said is only told.
        let _ = timeout(BEGINS, stderr.take(MAX_SAID).read_to_end(&mut text)).await;
    }
    let text = String::from_utf8_lossy(&text);
    format!("the session cannot be exported: {}", text.trim().trim_start_matches("longrein: "))
}
