//! One turn of a conversation with an agent that has no terminal: a message, and the answer to it.

use crate::auth::Caller;
use crate::input::{Asked, Body, check_text, no_such_session};
use crate::problem::Problem;
use crate::view::{dollars, place};
use axum::Json;
use axum::http::StatusCode;
use client::{Feed, News, Start};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session::id::{ApprovalId, SessionId};
use session::message::{ApprovalState, Chat, Conversation, Cursor, Method, Open, Outcome, Prompted, Summary};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout_at};
use utoipa::{IntoParams, ToSchema};

/// How long a turn is waited for where nothing else was asked for, and at most, in seconds.
const TIMEOUT: u32 = 300;
const MAX_TIMEOUT: u32 = 3600;

/// Turns of one conversation are asked for one after another, so that each gets its own answer.
#[derive(Default)]
pub(crate) struct Turns {
    conversations: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

impl Turns {
    fn of(&self, conversation: &str) -> Arc<AsyncMutex<()>> {
        let mut all = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, turn| turn.strong_count() > 0);
        let known = all.get(conversation).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            all.insert(conversation.to_owned(), Arc::downgrade(&turn));
            turn
        })
    }
}

/// Something to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Say {
    /// What: at most 32,768 bytes.
    message: String,
    /// The conversation to go on with, by any name of 1 to 64 letters, digits, dots, `-`, `_` and `:`. One that is not known
    /// begins; without one, a new one does.
    #[serde(default)]
    conv_id: Option<String>,
    /// The session without a terminal to hold it in, where it has none yet; without one, one is started.
    #[serde(default)]
    session_id: Option<String>,
    /// Which agent is started; `claude` where absent.
    #[serde(default)]
    agent: Option<String>,
    /// The folder that it is started in, from the root on; the home folder where absent.
    #[serde(default)]
    cwd: Option<String>,
    /// How long to wait for the answer, in seconds: 1 to 3600, and 300 where absent.
    #[serde(default)]
    timeout: Option<u32>,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Answer {
    /// What the agent said last, in Markdown; what it did before is in the session's events.
    response: String,
    /// The session.
    #[schema(value_type = String)]
    session_id: SessionId,
    /// The conversation: sent with the next message, it goes on.
    conv_id: String,
    /// `done`, or `denied` or `interrupted` where a person had it so.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// What this turn cost, in dollars, where the agent says it.
    cost: Option<f64>,
    /// What the whole conversation cost so far, in dollars.
    total_cost: Option<f64>,
    /// The conversation's turns so far.
    turns: u32,
}

/// Says something to an agent and waits for its answer. Where that does not come in time the turn goes on, and status 504 says
/// where to follow it.
#[utoipa::path(post, path = "/api/chat", tag = "chat", security(("bearer" = ["prompt"]), ("basic" = ["prompt"])), request_body = Say,
    responses((status = 200, body = Answer), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn chat(mut caller: Caller, Body(say): Body<Say>) -> Result<Json<Answer>, Problem> {
    let Say { message, conv_id, session_id, agent, cwd, timeout } = say;
    let seconds = timeout.unwrap_or(TIMEOUT);
    if !(1..=MAX_TIMEOUT).contains(&seconds) {
        return Err(Problem::invalid(format!("`timeout` is 1 to {MAX_TIMEOUT} seconds"), ""));
    }
    if message.trim().is_empty() {
        return Err(Problem::invalid("there is no `message`", ""));
    }
    let by = Instant::now() + Duration::from_secs(seconds.into());
    let session = match session_id.map(|id| id.parse()) {
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(no_such_session()),
        None => None,
    };
    check_text(&message)?;
    // Opened when its turn has come: what it was held in may be over by then.
    let name = conv_id.clone().or_else(|| session.as_ref().map(ToString::to_string)).unwrap_or_default();
    let turns = caller.shared.turns.of(&name);
    let turn = if name.is_empty() { None } else { Some(timeout_at(by, turns.lock()).await) };
    if let Some(Err(_)) = turn {
        let detail = format!("the conversation was busy for {seconds} seconds, and the message was not sent");
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, "send it again");
        return Err(problem.with("conv_id", name));
    }
    let open = Open { conversation: conv_id, session, agent, cwd };
    let mut answered = open_and_say(&mut caller, &open, &message, by, seconds).await;
    if answered.as_ref().is_err_and(|problem| problem.is(StatusCode::CONFLICT)) {
        // Its agent ended just when it was told, and was not: it is started again where it may be.
        answered = open_and_say(&mut caller, &open, &message, by, seconds).await;
    }
    match answered {
        Ok(answer) => Ok(Json(answer)),
        Err(problem) => Err(caller.judge(problem).await),
    }
}

async fn open_and_say(
    caller: &mut Caller,
    open: &Open,
    message: &str,
    by: Instant,
    seconds: u32,
) -> Result<Answer, Problem> {
    let opened: Conversation = caller.call(Method::ConversationOpen(open.clone())).await?;
    let turn =
        Turn { conversation: opened.conversation, session: opened.session, waits: Vec::new(), at: None };
    turn.run(caller, message.to_owned(), by, seconds).await
}

struct Turn {
    conversation: String,
    session: SessionId,
    /// Approvals that wait.
    waits: Vec<ApprovalId>,
    /// What was heard last.
    at: Option<Cursor>,
}

impl Turn {
    async fn run(
        mut self,
        caller: &mut Caller,
        message: String,
        by: Instant,
        seconds: u32,
    ) -> Result<Answer, Problem> {
        let mut feed = Feed::open(caller.another().await?, self.session.clone(), Start::Now, false).await?;
        // What waits already may be why no answer comes.
        self.at = Some(feed.head());
        let sessions = caller.connection.sessions().await?;
        let here = sessions.iter().find(|one| one.id == self.session).ok_or_else(no_such_session)?;
        let pending = here.approvals.iter().filter(|one| one.state == ApprovalState::Pending);
        self.waits = pending.map(|one| one.id.clone()).collect();
        let earlier = Earlier::of(&sessions, here);
        let before = here.agent.as_ref().map_or(0, |agent| agent.turns);
        let (session, text) = (self.session.clone(), message.clone());
        let told: Result<Prompted, _> = caller.connection.call(Method::SessionPrompt { session, text }).await;
        let told = match told {
            Ok(told) => told,
            Err(error) => return Err(self.about(error.into())),
        };
        let Ok(heard) = timeout_at(by, self.listen(&mut feed, &told, &message)).await else {
            return Err(self.late(seconds));
        };
        let (response, over) = match heard {
            Ok(heard) => heard,
            Err(why) => return Err(self.gone(caller, why).await),
        };
        let Over { outcome, error, cost, total } = over;
        if outcome == Outcome::Failed {
            let detail = error.unwrap_or_else(|| "the agent failed, and does not say why".to_owned());
            return Err(
                self.about(Problem::new(StatusCode::BAD_GATEWAY, detail, "").with("response", response))
            );
        }
        let counted = caller.session(&self.session).await.ok().and_then(|summary| summary.agent);
        let turns = counted.map_or(0, |agent| agent.turns).max(before + 1) + earlier.turns;
        // An agent that was started again knows what all of it cost, and not what it did before.
        let first = before == 0;
        let cost = cost.or_else(|| total.filter(|_| first)?.checked_sub(earlier.cost?));
        let Self { conversation: conv_id, session: session_id, .. } = self;
        let (cost, total_cost) = (cost.map(dollars), total.map(dollars));
        Ok(Answer { response, session_id, conv_id, outcome, cost, total_cost, turns })
    }

    /// Until the turn that this prompt began is over. What is said before it has begun is another turn's.
    async fn listen(
        &mut self,
        feed: &mut Feed,
        told: &Prompted,
        message: &str,
    ) -> Result<(String, Over), Gone> {
        let is_ours = |prompt: Option<&String>, by: Option<&String>, text: &str| match prompt {
            Some(prompt) => *prompt == told.prompt,
            // A keeper that is older than that name.
            None => by == Some(&told.by) && text.trim() == message.trim(),
        };
        let (mut begun, mut said, mut before): (bool, Vec<String>, Vec<String>) =
            (false, Vec::new(), Vec::new());
        loop {
            let entry = feed.next().await.map_err(Gone::Lost)?;
            self.at = Some(entry.cursor);
            match entry.news {
                News::Asked(approval) if self.waits.contains(&approval.id) => {}
                News::Asked(approval) => self.waits.push(approval.id),
                News::Decided { approval, .. } => self.waits.retain(|waits| *waits != approval),
                News::Exit(exit) => return Err(Gone::Ended(exit)),
                News::Chat(chat) => match *chat {
                    Chat::User { prompt, by, text, .. } if is_ours(prompt.as_ref(), by.as_ref(), &text) => {
                        begun = true;
                    }
                    _ if !begun => {}
                    Chat::Agent { text, within: None, .. } => said.push(text),
                    // What it said before it did something is not its answer.
                    Chat::Call { within: None, .. } if !said.is_empty() => before = std::mem::take(&mut said),
                    Chat::Turn { outcome, error, cost, total, .. } => {
                        // Where it did something last, what it said before that is all there is.
                        let said = if said.is_empty() { before } else { said };
                        return Ok((said.join("\n\n"), Over { outcome, error, cost, total }));
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn about(&self, problem: Problem) -> Problem {
        problem.with("session_id", self.session.to_string()).with("conv_id", self.conversation.clone())
    }

    fn late(&self, seconds: u32) -> Problem {
        let (detail, hint) = if self.waits.is_empty() {
            let detail = format!("the agent is still at it after {seconds} seconds; its turn goes on");
            (detail, "follow the session's events, or wait longer with `timeout`")
        } else {
            let detail =
                format!("the agent waits for a person's decision after {seconds} seconds; its turn goes on");
            (detail, "decide at /api/approvals, or on a device")
        };
        let waits: Vec<_> = self.waits.iter().map(|id| Value::from(id.as_str())).collect();
        let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, detail, hint);
        self.about(problem).with("approvals", waits).with("after", json!(self.at.map(place)))
    }

    /// The agent is not there any more, with what it said on its way out.
    async fn gone(&self, caller: &mut Caller, why: Gone) -> Problem {
        let exit = match why {
            Gone::Ended(exit) => exit,
            Gone::Lost(error) => return self.about(error.into()),
        };
        let words =
            caller.session(&self.session).await.map(|summary| summary.preview.join("\n")).unwrap_or_default();
        let detail = format!("the agent has ended with status {exit}, and did not answer");
        let hint = "send the message again: the conversation goes on in a new session";
        self.about(Problem::new(StatusCode::BAD_GATEWAY, detail, hint)).with("said", words)
    }
}

/// What a conversation came to in the sessions before this one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Earlier {
    turns: u32,
    /// In millionths of a dollar, as the last one said.
    cost: Option<u64>,
}

impl Earlier {
    fn of(sessions: &[Summary], here: &Summary) -> Self {
        let mut earlier = Self::default();
        let mut before = here.continues.as_ref();
        // There are no more of them than sessions.
        for _ in 0..sessions.len() {
            let Some(one) = before.and_then(|id| sessions.iter().find(|one| one.id == *id)) else { break };
            if let Some(agent) = &one.agent {
                earlier.turns += agent.turns;
                earlier.cost = earlier.cost.or(agent.cost);
            }
            before = one.continues.as_ref();
        }
        earlier
    }
}

/// How a turn ended.
struct Over {
    outcome: Outcome,
    error: Option<String>,
    cost: Option<u64>,
    total: Option<u64>,
}

/// Why a turn has no end.
enum Gone {
    Ended(i32),
    Lost(client::Error),
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// The conversation.
    conv_id: String,
}

/// A conversation that was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Forgotten {
    /// Its name, under which another can begin now.
    conv_id: String,
}

/// Forgets a conversation, and ends the session that was started for it. Its log stays readable.
#[utoipa::path(post, path = "/api/reset", tag = "chat", security(("bearer" = ["prompt"]), ("basic" = ["prompt"])), params(Which),
    responses((status = 200, body = Forgotten), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn reset(
    mut caller: Caller,
    Asked(Which { conv_id }): Asked<Which>,
) -> Result<Json<Forgotten>, Problem> {
    let conversation = conv_id.clone();
    let _: Value = caller.call(Method::ConversationForget { conversation }).await?;
    Ok(Json(Forgotten { conv_id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, continues: Option<&str>, turns: u32, cost: Option<u64>) -> Summary {
        let summary = json!({
            "id": id, "name": "", "command": [], "cwd": "/", "state": "running", "started_at": 1, "last_activity": 1,
            "size": { "cols": 80, "rows": 24 }, "head": { "epoch": 1, "seq": 1 }, "attached": 0,
            "continues": continues,
            "agent": { "name": "claude", "doing": "idle", "turns": turns, "cost": cost },
        });
        serde_json::from_value(summary).unwrap()
    }

    #[test]
    fn a_conversation_s_turns_and_cost_go_on_where_its_agent_was_started_again() {
        let (one, two, three) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc");
        let all = [
            session(one, None, 3, Some(70)),
            session(two, Some(one), 2, Some(90)),
            session(three, Some(two), 1, None),
        ];
        let of = |n: usize| Earlier::of(&all, &all[n]);
        assert_eq!(of(0), Earlier::default());
        assert_eq!(of(1), Earlier { turns: 3, cost: Some(70) });
        assert_eq!(of(2), Earlier { turns: 5, cost: Some(90) });
        assert_eq!(Earlier::of(&all[1..], &all[1]), Earlier::default(), "the one before was removed");
        let round = [session(one, Some(two), 1, None), session(two, Some(one), 1, None)];
        assert_eq!(Earlier::of(&round, &round[0]).turns, 2, "it has an end whatever is written there");
    }
}
