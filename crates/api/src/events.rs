//! What happens in a session: a page of it, or all of it as it happens.

use crate::Shared;
use crate::auth::{Caller, judge};
use crate::input::{Asked, Session};
use crate::limits::Room;
use crate::problem::Problem;
use crate::view::{self, place};
use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use client::{Entry, Feed, News, Start};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use session::message::{Bearer, Cursor, RunState};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

/// How often a stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a client comes back to a stream that broke.
const RETRY: Duration = Duration::from_secs(1);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only what comes behind this: an event's `id`, its number alone, 0 for everything, or `now`.
    #[serde(default)]
    after: Option<String>,
    /// Of a stream: what the terminal shows, too.
    #[serde(default)]
    output: bool,
}

/// A page of what happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page {
    /// The oldest first.
    events: Vec<view::Event>,
    /// What to ask for next, as `after`.
    next: String,
    /// There is more already.
    more: bool,
}

/// What happened in a session: as a page of JSON, or with `Accept: text/event-stream` everything as it happens. A stream
/// goes on behind `Last-Event-ID`; it ends with the event `exit`, or where there is no more of a session that was lost.
#[utoipa::path(get, path = "/api/sessions/{id}/events", tag = "sessions", security(("bearer" = ["read"]), ("basic" = ["read"])),
    params(("id" = String, Path, description = "The session's id"), Wanted,
        ("Last-Event-ID" = Option<String>, Header, description = "As `after`, and goes before it")),
    responses((status = 200, content((Page = "application/json"), (view::Event = "text/event-stream"))),
        (status = 204, description = "Of a stream: the session has ended, and nothing is behind that place"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn events(
    mut caller: Caller,
    Session(id): Session,
    Asked(wanted): Asked<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let streams = text(header::ACCEPT).is_some_and(|accept| accept.contains("text/event-stream"));
    let after = text(header::HeaderName::from_static("last-event-id")).or(wanted.after.as_deref());
    let from = after.map_or(Some(Start::Seq(0)), from);
    let Some(from) = from else {
        let detail = "`after` is an event's id such as 1.42, its number, or `now`";
        return Err(Problem::invalid(detail, "every event has its id with it"));
    };
    if wanted.output && !streams {
        let detail = "what a terminal shows comes as a stream alone";
        return Err(Problem::invalid(detail, "send `Accept: text/event-stream`, or use the export"));
    }
    let over = caller.session(&id).await?.run != RunState::Running;
    let Caller { connection, room, token, shared } = caller;
    let mut feed = Feed::open(connection, id, from, wanted.output).await?;
    let Cursor { epoch, seq } = feed.head();
    let given = match from {
        Start::Seq(after) => Cursor { epoch, seq: after },
        Start::Cursor(after) if after.epoch == epoch => after,
        Start::Cursor(_) => Cursor { epoch, seq: 0 },
        Start::Now => Cursor { epoch, seq },
    };
    if streams && over && given.seq == seq {
        // Nothing comes any more; a client that is told so does not come back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if streams {
        let first = if over { feed.rest().await? } else { None };
        if over && first.is_none() {
            // A session that was lost has no exit, and what this client does not see may be behind all that it does.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        return Ok(Reading { feed, first, over, token, shared, _room: room }.stream().into_response());
    }
    let (entries, more) = feed.page().await?;
    let next = entries.iter().rev().find(|entry| entry.news != News::Reset);
    let next = next.map_or(given, |entry| entry.cursor);
    let events = entries.iter().map(view::Event::new).collect();
    Ok(Json(Page { events, next: place(next), more }).into_response())
}

/// `EPOCH.SEQ`, `SEQ` or `now`.
fn from(text: &str) -> Option<Start> {
    if text == "now" {
        return Some(Start::Now);
    }
    match text.split_once('.') {
        Some((epoch, seq)) => {
            Some(Start::Cursor(Cursor { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? }))
        }
        None => text.parse().ok().map(Start::Seq),
    }
}

/// What is read of a session for one client.
struct Reading {
    feed: Feed,
    /// Of a session that is over: what comes first of what is left.
    first: Option<Entry>,
    over: bool,
    token: Bearer,
    shared: Arc<Shared>,
    _room: Room,
}

impl Reading {
    /// Everything as it happens, for as long as somebody reads it.
    fn stream(self) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.run(sender));
        let events =
            stream::unfold(receiver, async |mut receiver| Some((Ok(receiver.recv().await?), receiver)));
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
    }

    async fn run(mut self, sender: mpsc::Sender<Event>) {
        loop {
            let entry = tokio::select! {
                entry = self.next() => entry,
                () = sender.closed() => return,
            };
            let (event, last) = match entry {
                Ok(None) => return,
                Ok(Some(entry)) => {
                    let said = view::Event::new(&entry);
                    let mut event = Event::default().event(said.kind).retry(RETRY);
                    if let Some(id) = &said.id {
                        event = event.id(id);
                    }
                    (event.json_data(&said), matches!(entry.news, News::Exit(_)))
                }
                Err(error) => {
                    let problem = judge(&self.shared, &self.token, error.into()).await;
                    (Event::default().event("error").json_data(problem), true)
                }
            };
            // A reader that is slow costs nobody the connection, which wants an answer to its pings.
            let mut alive = true;
            let permit = loop {
                tokio::select! {
                    biased;
                    permit = sender.reserve() => break permit,
                    held = self.feed.hold(), if alive => alive = held.is_ok(),
                }
            };
            let Ok(permit) = permit else { return };
            permit.send(event.unwrap_or_default());
            if last {
                return;
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Entry>, client::Error> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None if self.over => self.feed.rest().await,
            None => self.feed.next().await.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_id_a_number_or_now() {
        assert_eq!(from("now"), Some(Start::Now));
        assert_eq!(from("42"), Some(Start::Seq(42)));
        assert_eq!(from("2.42"), Some(Start::Cursor(Cursor { epoch: 2, seq: 42 })));
        for wrong in ["", ".", "1.", ".1", "-1", "1.2.3", "x", "99999999999999999999"] {
            assert_eq!(from(wrong), None, "{wrong:?}");
        }
    }
}
