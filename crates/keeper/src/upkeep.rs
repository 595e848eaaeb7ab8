//! What happens beside the session: its summary is shown and stored, titles and replies are taken from the screen
//! model, the log is kept in bounds.

use crate::session::Session;
use agent::adapter::Said;
use serde::{Deserialize, Serialize};
use session::message::Summary;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The least time between two looks of the same session.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// The least time between two stored summaries.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for a preview or a snapshot.
const MODEL: Duration = Duration::from_secs(5);
/// How often a full disk is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What lies beside a session's log. Hosts read it too.
#[derive(Serialize, Deserialize)]
pub(crate) struct Meta {
    /// How the session looked last.
    #[serde(flatten)]
    pub summary: Summary,
    /// The boot that its keeper ran in, as `store::boot_id` has it: one that runs no more tells why.
    #[serde(default)]
    pub boot: String,
}

/// Has the summary written beside the log.
pub(crate) fn store_summary(session: &Session) {
    let meta = Meta { summary: session.summary(), boot: store::boot_id() };
    match serde_json::to_vec(&meta) {
        Ok(json) => session.disk.store_summary(json),
        Err(error) => tracing::warn!(%error, "the session's summary could not be stored"),
    }
}

/// Shows the session's changes to who watches, and stores them, each at its own pace.
pub(crate) async fn show(session: Rc<Session>) {
    let mut next_show = Instant::now();
    let mut store_at: Option<Instant> = None;
    loop {
        let mut hurried = false;
        tokio::select! {
            () = session.dirty.notified() => {}
            () = session.hurry.notified() => hurried = true,
            () = sleep_until(store_at.unwrap_or(next_show)), if store_at.is_some() => {
                store_at = None;
                store_summary(&session);
                continue;
            }
        }
        if !hurried {
            tokio::select! {
                () = sleep_until(next_show) => {}
                () = session.hurry.notified() => hurried = true,
            }
        }
        // Asked before the preview is: one of an ended session is its last.
        let ended = session.has_ended();
        // A model that is busy for long has no preview to show; the rest is shown all the same.
        let preview = timeout(MODEL, session.model.preview()).await.ok().and_then(Result::ok);
        next_show = Instant::now() + SHOW_EVERY;
        session.show(preview, ended);
        session.store_streams();
        if hurried {
            store_summary(&session);
        } else {
            store_at.get_or_insert(Instant::now() + STORE_EVERY);
        }
    }
}

/// Takes titles and replies from the model as they come; a title that spins no more often than the rest is shown.
pub(crate) async fn news(session: Rc<Session>) {
    let mut next_title = Instant::now();
    let mut late = false;
    loop {
        tokio::select! {
            () = session.model.news() => {}
            () = sleep_until(next_title), if late => {}
        }
        let replies = session.model.take_replies();
        if !replies.is_empty() {
            session.reply_to_program(replies);
        }
        for said in session.model.take_said() {
            session.heard_of(&said);
        }
        late = Instant::now() < next_title;
        if !late && let Some(title) = session.model.take_title() {
            session.heard_of(&Said::Title(title.clone()));
            session.set_title(title);
            next_title = Instant::now() + SHOW_EVERY;
        }
    }
}

/// Gives the log a snapshot to trim under whenever it has grown too large.
pub(crate) async fn trim(session: Rc<Session>) {
    loop {
        session.wants_base.notified().await;
        if let Ok(snapshot) = session.model.snapshot(None).await {
            session.put_base(&snapshot);
        }
    }
}

/// Tries a log that did not take events again, for as long as it does not.
pub(crate) async fn retry(session: Rc<Session>) {
    loop {
        session.paused.notified().await;
        while session.is_paused() {
            sleep(RETRY).await;
            retry_once(&session).await;
        }
    }
}

/// Tries it once, with a snapshot where one has to stand for what memory could not hold.
pub(crate) async fn retry_once(session: &Session) {
    if session.retry_log(None)
        && let Ok(Ok(snapshot)) = timeout(MODEL, session.model.snapshot(None)).await
    {
        session.retry_log(Some(&snapshot));
    }
}
