//! How a prompt gets into Gemini's composer, the line of its terminal where prompts are typed, and is sent off.
//!
//! A text that is pasted anywhere else is lost, and an Enter anywhere else answers whatever stands there, such as whether a
//! folder is to be trusted. Neither does Gemini tell of everything that it shows, nor does it take every Enter: one that it
//! reads together with a paste is a line of that. So before each of them the terminal is looked at: the cursor stands in
//! the composer or at the left edge. A prompt is
//!
//! - pasted into an empty composer alone, so that it is mixed with nothing that somebody is typing at the desk;
//! - sent off while it is shown, again where it stays;
//! - taken when Gemini says so, and no sooner.

use super::pasted;
use crate::Cursor;
use crate::out::Out;
use crate::text;
use session::message::Chat;
use std::path::PathBuf;
use std::time::Duration;

const ENTER: &str = "\r";
/// Somebody looks at the terminal: while nobody does, Gemini leaves the cursor at the edge.
const FOCUS: &str = "\x1b[I";
/// From one look to the next, where something is about to happen. So long after a paste is shown, an Enter is none of it.
const SOON: Duration = Duration::from_millis(100);
/// And where it may take its time.
const LATER: Duration = Duration::from_millis(500);
/// Milliseconds after which Enter is pressed once more, and how often it is pressed at most.
const AGAIN: u64 = 1000;
const MOST: u32 = 20;
/// Milliseconds after which somebody is wanted at the desk, so that a prompt can be typed.
const PATIENCE: u64 = 10_000;
/// And after which it is given up: where it is not shown, and where Gemini does not say that it has it.
const UNSEEN: u64 = 60_000;
const UNHEARD: u64 = 120_000;
/// Columns before what is typed.
const MARGIN: usize = 3;

/// Something that is to be said to Gemini.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    /// As in [`Chat::User`]; nobody's where there is none.
    pub id: Option<String>,
    pub by: Option<String>,
    pub text: String,
    pub files: Vec<PathBuf>,
}

impl Prompt {
    /// As it is typed: it names its files.
    fn whole(&self) -> String {
        let mut whole = self.text.clone();
        for file in &self.files {
            whole.push('\n');
            whole.push_str(&file.to_string_lossy());
        }
        text::plain(&whole)
    }

    /// It is said, in these words.
    pub(super) fn said(self, text: String) -> Chat {
        let files = self.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let text = if text.trim() == self.whole().trim() { self.text } else { text };
        Chat::User { text, by: self.by, files, prompt: self.id }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waits for an empty composer.
    Waits,
    /// It was pasted there, and is not shown yet.
    Pasted,
    /// It is shown there.
    Shown,
    /// Enter was pressed so many times.
    Pressed(u32),
    /// It is not there any more, and so is Gemini's.
    Gone,
}

/// Where the cursor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Empty,
    Filled,
    /// Not in the composer, as far as can be seen.
    Elsewhere,
}

impl Place {
    fn of(cursor: &Cursor) -> Self {
        let before = &cursor.before;
        if !before.starts_with(' ') || before.chars().count() < MARGIN {
            Self::Elsewhere
        } else if matches!(before.as_str(), " > " | " * ") {
            Self::Empty
        } else {
            Self::Filled
        }
    }
}

#[derive(Debug)]
struct Typing {
    prompt: Prompt,
    step: Step,
    /// Unix milliseconds at which the step began.
    since: u64,
    /// It was told in this step that somebody looks.
    focused: bool,
}

/// What is being typed.
#[derive(Debug, Default)]
pub(super) struct Composer {
    typing: Option<Typing>,
    /// What is taken to be said, and may be a prompt that Gemini says it has.
    supposed: Option<String>,
}

impl Composer {
    pub(super) fn is_free(&self) -> bool {
        self.typing.is_none()
    }

    /// This is to be typed; it is free.
    pub(super) fn begin(&mut self, prompt: Prompt, now: u64, out: &mut Out) {
        self.typing = Some(Typing { prompt, step: Step::Waits, since: now, focused: false });
        out.look(Duration::ZERO);
    }

    /// The terminal looks like this; `ready` where Gemini does nothing and asks nothing, as far as it says, `tells` where its
    /// hooks run. Returns whether somebody is wanted at the desk.
    pub(super) fn looked(
        &mut self,
        cursor: &Cursor,
        ready: bool,
        tells: bool,
        now: u64,
        out: &mut Out,
    ) -> bool {
        let Some(typing) = &mut self.typing else { return false };
        let place = Place::of(cursor);
        let waited = now.saturating_sub(typing.since);
        if place == Place::Elsewhere && ready && cursor.hears_focus && !typing.focused {
            typing.focused = true;
            out.send(FOCUS.into());
        }
        let (next, wait) = match (typing.step, place) {
            (Step::Waits, Place::Empty) if ready => {
                out.send(pasted(&typing.prompt.whole()).into_bytes());
                (Step::Pasted, SOON)
            }
            (Step::Pasted, Place::Filled) => (Step::Shown, SOON),
            (Step::Pasted, Place::Empty) if waited >= UNSEEN => {
                return self.untaken("was pasted into Gemini's terminal, which does not show it", out);
            }
            (Step::Shown, Place::Filled) => {
                out.send(ENTER.into());
                (Step::Pressed(1), SOON)
            }
            (Step::Shown, Place::Empty) => {
                return self.untaken("was removed from Gemini's terminal before it was sent off", out);
            }
            (Step::Pressed(MOST), Place::Filled) if waited >= AGAIN => {
                return self
                    .untaken("stands in Gemini's terminal, which does not take it: send it off there", out);
            }
            (Step::Pressed(times), Place::Filled) if waited >= AGAIN => {
                out.send(ENTER.into());
                (Step::Pressed(times + 1), SOON)
            }
            (Step::Pressed(_), Place::Empty) => {
                let text = typing.prompt.whole();
                if text.starts_with('/') || !tells {
                    // Of a command it says nothing, and nothing at all in a folder that it does not trust.
                    let said = std::mem::take(&mut typing.prompt).said(text.clone());
                    out.chat(said);
                    (self.typing, self.supposed) = (None, Some(text));
                    return false;
                }
                (Step::Gone, LATER)
            }
            (Step::Gone, Place::Empty) if ready && waited >= UNHEARD => {
                return self.untaken(
                    "was sent off, and Gemini has not said that it has it: look at its terminal",
                    out,
                );
            }
            (step @ (Step::Pasted | Step::Pressed(_)), _) => (step, SOON),
            (step, _) => (step, LATER),
        };
        if next != typing.step {
            (typing.step, typing.since, typing.focused) = (next, now, false);
        }
        out.look(wait);
        ready && next != Step::Gone && now.saturating_sub(typing.since) >= PATIENCE
    }

    /// It is Gemini's, which has not begun with it.
    pub(super) fn is_sent(&self) -> bool {
        self.typing.as_ref().is_some_and(|typing| typing.step == Step::Gone)
    }

    /// Gemini has this text now: whose it is, and nothing where that has been said.
    pub(super) fn taken(&mut self, text: &str) -> Option<Prompt> {
        if self.supposed.take().is_some_and(|supposed| supposed.trim() == text.trim()) {
            return None;
        }
        let typed = self.typing.take_if(|typing| !matches!(typing.step, Step::Waits | Step::Pasted));
        Some(typed.map(|typing| typing.prompt).unwrap_or_default())
    }

    fn untaken(&mut self, why: &str, out: &mut Out) -> bool {
        let prompt = self.typing.take().map(|typing| typing.prompt).unwrap_or_default();
        let why = format!("What was said {why}: {}", text::line(&prompt.text, 80));
        match prompt.id {
            Some(id) => out.untaken(&id, why),
            None => out.note(why),
        }
        false
    }
}
