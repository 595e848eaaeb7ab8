//! The file in which an agent writes down its conversation, line by line, as it grows.

use crate::lines::{Line, Lines};
use crate::session::Session;
use agent::adapter::{Input, MAX_LINE};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::sleep;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes read at once, between which others get their turn.
const BATCH: usize = 256 * 1024;

/// Follows whichever file the adapter names.
pub(crate) async fn watch(session: Rc<Session>) {
    loop {
        let path = session.tail();
        match path {
            Some(path) => {
                tokio::select! {
                    () = async { follow(&session, &path).await; std::future::pending().await } => {}
                    () = session.tailed.notified() => {}
                }
            }
            None => session.tailed.notified().await,
        }
    }
}

/// A file, and nothing that could keep us waiting.
fn open(path: &Path) -> std::io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    Ok(file.metadata()?.is_file().then_some(file))
}

async fn follow(session: &Session, path: &Path) {
    let mut file = loop {
        match open(path) {
            Ok(Some(file)) => break file,
            Ok(None) => return tracing::warn!("the transcript is no file"),
            // It is named before it is made.
            Err(_) => sleep(LOOK).await,
        }
    };
    let (mut lines, mut batch) = (Lines::new(MAX_LINE), vec![0; BATCH]);
    loop {
        match file.read(&mut batch) {
            Ok(0) => sleep(LOOK).await,
            Ok(count) => {
                lines.feed(&batch[..count], |line| {
                    if let Line::Whole(line) = line {
                        session.hear(Input::Tailed(&line));
                    }
                });
                yield_now().await;
            }
            Err(error) => return tracing::warn!(%error, "the transcript cannot be read any more"),
        }
    }
}
