//! `longrein ask QUESTION`, and the program of the session that it starts where it is in none.

use crate::args::{Ask, Waiting};
use crate::hosts;
use crate::out;
use crate::problem::{Doing as _, Hint as _, OURS, Outcome, environment, invalid};
use crate::table::clean;
use bytes::Bytes;
use client::{Connection, Route};
use session::approval::Approvals;
use session::id::{ApprovalId, SessionId};
use session::message::{ApprovalState, Create, Created, Failure, Method, Request, Risk, ToClient, ToHost};
use std::process::ExitCode;
use std::time::Duration;
use store::Paths;
use tokio::time::timeout;

/// Denied, where there were choices.
const DENIED: u8 = 100;
/// Nobody decided in time, as `timeout` has it.
const EXPIRED: u8 = 124;
/// Characters of a question that its own session's command has: that goes in one message.
const MAX_SHOWN: usize = 4_000;
/// How long a session that is there for one question waits for it to be asked.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// Asks, waits, and prints the answer.
pub async fn run(args: &Ask) -> Outcome {
    let request = request(args);
    let bytes = Bytes::from(serde_json::to_vec(&request).doing("write the question down")?);
    // As the keeper will look at it, before a session is started for it.
    Approvals::default().ask(ApprovalId::from_random([0; 10]), bytes.clone(), "", 0)?;
    let paths = hosts::paths()?;
    let session = match own_session(&paths) {
        Some(session) => session,
        None => session_for(&paths, &request).await?,
    };
    let mut keeper = keeper(&paths, &session).await?;
    let asked = keeper.ask(&session, &bytes).await.map_err(hosts::failure)?;
    note!(
        "Waiting for an answer on your devices. In another terminal: longrein approve {0}, longrein deny {0}",
        asked.id
    );
    let state = match keeper.decided(&asked).await {
        Ok(state) => state,
        // It was not said, and is so.
        Err(client::Error::Timeout(_)) => ApprovalState::Expired { decided_at: asked.expires_at },
        Err(error) => {
            let message = format!("The session that asked is gone, so the answer is no: {error}");
            return Err(environment(message));
        }
    };
    Ok(tell(&request, &state, args.json))
}

fn request(args: &Ask) -> Request {
    let cwd = std::env::current_dir().ok().and_then(|cwd| cwd.into_os_string().into_string().ok());
    Request {
        source: "ask".to_owned(),
        question: args.question.clone(),
        choices: args.choices.clone(),
        free_text: args.text,
        risk: if args.danger { Risk::Dangerous } else { Risk::Normal },
        reasons: if args.danger {
            vec!["Whoever asks says that it is dangerous.".to_owned()]
        } else {
            Vec::new()
        },
        cwd,
        expires_in: args.timeout,
        ..Request::default()
    }
}

/// The session that this program runs in, where that is one of ours.
pub fn own_session(paths: &Paths) -> Option<SessionId> {
    let session: SessionId = std::env::var("LONGREIN_SESSION").ok()?.parse().ok()?;
    paths.keeper_sock(session.as_str()).ok().filter(|socket| socket.exists()).map(|_| session)
}

/// A session that is there for this question alone, so that it is seen, logged and kept like any other.
async fn session_for(paths: &Paths, request: &Request) -> Result<SessionId, Failure> {
    let program = std::env::current_exe().doing("find this program")?;
    let program =
        program.into_os_string().into_string().map_err(|_| invalid("The program's path is not text"))?;
    let title: String = clean(&request.question).chars().take(40).collect();
    // It is shown whole where it is decided; the session's terminal shows how it begins.
    let mut begins: String = request.question.chars().take(MAX_SHOWN).collect();
    if begins.len() < request.question.len() {
        begins.push('…');
    }
    let create = Create {
        command: vec![program, "waiting".to_owned(), "--".to_owned(), begins],
        cwd: request.cwd.clone(),
        name: Some(format!("ask: {}", title.trim())),
        size: None,
        env: Some(super::run::environment()),
        ttl: None,
        agent: None,
        asks: true,
    };
    let host = hosts::route(paths, None).await?;
    let created: Created = hosts::ask(&host, Method::SessionCreate(create)).await?;
    Ok(created.session)
}

async fn keeper(paths: &Paths, session: &SessionId) -> Result<Connection, Failure> {
    let route = Route::Keeper(paths.clone());
    let connection = Connection::open(&route, Some(session), hosts::CLIENT, hosts::stream()?).await;
    connection.map_err(hosts::failure).hint("`longrein ls` shows which sessions run.")
}

/// Prints the answer. What is no answer is a no, and so is a yes that nobody could be told.
fn tell(request: &Request, state: &ApprovalState, json: bool) -> ExitCode {
    let has_choices = !request.choices.is_empty();
    let no = if has_choices { DENIED } else { 1 };
    let (answer, text, status) = match state {
        ApprovalState::Allowed { choice, text, .. } => {
            let chosen =
                choice.as_ref().and_then(|choice| request.choices.iter().position(|one| one == choice));
            match (has_choices, choice, chosen.and_then(|place| u8::try_from(place).ok())) {
                (false, ..) => ("yes", text.as_deref(), 0),
                (true, Some(choice), Some(place)) => (choice.as_str(), text.as_deref(), place),
                // What was not offered was not chosen.
                (true, ..) => ("no", None, OURS),
            }
        }
        ApprovalState::Denied { text, .. } => ("no", text.as_deref(), no),
        ApprovalState::Expired { .. } => ("no", Some("Nobody decided in time."), EXPIRED),
        ApprovalState::Withdrawn { .. } => ("no", Some("The session has ended."), OURS),
        ApprovalState::Pending => ("no", None, OURS),
    };
    let line = match text {
        _ if json => serde_json::json!({ "answer": answer, "text": text, "approval": state }).to_string(),
        Some(text) => format!("{answer}\n{}", clean_lines(text)),
        None => answer.to_owned(),
    };
    match out::try_line(format_args!("{line}")) {
        Ok(()) => ExitCode::from(status),
        Err(error) => {
            note!("longrein: Could not write to standard output: {error}.");
            let allowed = matches!(state, ApprovalState::Allowed { .. });
            ExitCode::from(if allowed { OURS } else { status })
        }
    }
}

/// Made harmless for a terminal, line by line.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// The program of a session that is there for one question: it ends once nobody waits for an answer any more.
pub async fn wait(args: &Waiting) -> Outcome {
    say!("{}", clean_lines(&args.question));
    let paths = hosts::paths()?;
    let session = own_session(&paths).ok_or_else(|| {
        invalid("This is started by `longrein ask`, in a session of its own").hint("Use `longrein ask`.")
    })?;
    let mut keeper = keeper(&paths, &session).await?;
    keeper.send(&ToHost::Watch {}, &[]).await.map_err(hosts::failure)?;
    let asked = timeout(ASKED_WITHIN, keeper.until(|message| pending(message) == Some(true))).await;
    let Ok(asked) = asked else { return Err(environment("Nobody asked anything")) };
    asked.map_err(hosts::failure)?;
    keeper.until(|message| pending(message) == Some(false)).await.map_err(hosts::failure)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether something waits for an answer, where the message says it.
fn pending(message: &ToClient) -> Option<bool> {
    let ToClient::Changed { summary } = message else { return None };
    Some(summary.approvals.iter().any(|approval| approval.state == ApprovalState::Pending))
}
