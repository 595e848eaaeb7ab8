//! How a prompt gets into Gemini's composer, the lines of its terminal where prompts are typed, and is sent off.
//!
//! A text that is pasted anywhere else is lost, and an Enter anywhere else answers whatever stands there, such as whether a
//! folder is to be trusted. Neither does Gemini tell of everything that it shows, nor does it take every Enter: one that it
//! reads together with a paste is a line of that. So before each key the terminal is looked at, twice: the cursor stands in
//! the composer or at the left edge. A prompt is
//!
//! - pasted into an empty composer alone, while nobody types at the desk, so that it is mixed with nothing;
//! - sent off while it is shown there, and once more only where that Enter became a line, since one that Gemini has not read
//!   yet would be read by whatever stands there then;
//! - taken when Gemini says so, and no sooner.

use super::pasted;
use crate::Cursor;
use crate::adapter::Looked;
use crate::out::Out;
use crate::text;
use session::message::Chat;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

const ENTER: &str = "\r";
/// Somebody looks at the terminal: while nobody does, Gemini leaves the cursor at the edge.
const FOCUS: &str = "\x1b[I";
/// From one look to the next, where something is about to happen. So long after a paste is shown, an Enter is none of it.
const SOON: Duration = Duration::from_millis(100);
/// And where it may take its time.
const LATER: Duration = Duration::from_millis(500);
/// How often Enter is pressed at most.
const MOST: u32 = 3;
/// Milliseconds after which somebody is wanted at the desk, so that a prompt can be typed.
const PATIENCE: u64 = 10_000;
/// And after which it is given up: where it is not shown, and where Gemini does not say that it has it.
const UNSEEN: u64 = 60_000;
const UNHEARD: u64 = 120_000;
/// And after which what stands there otherwise stays.
const CHANGED: u64 = 1000;
/// Columns before what is typed.
const MARGIN: usize = 3;
/// The line behind an Enter that was none.
const NEW_LINE: &str = "   ";

/// Something that is to be said to Gemini.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    /// As in [`Chat::User`]; nobody's where there is none.
    pub id: Option<String>,
    pub by: Option<String>,
    pub text: String,
    pub files: Vec<PathBuf>,
}

/// A text whatever its blanks, with one at either end.
fn words(text: &str) -> String {
    text.split_whitespace().fold(" ".to_owned(), |all, word| all + word + " ")
}

impl Prompt {
    /// As Gemini gets it: it names its files.
    fn whole(&self) -> String {
        let mut whole = self.text.clone();
        for file in &self.files {
            whole.push('\n');
            whole.push_str(&file.to_string_lossy());
        }
        text::plain(&whole).trim().to_owned()
    }

    /// It is one of Gemini's commands.
    fn is_command(&self) -> bool {
        let whole = self.whole();
        whole.starts_with('/') && !whole.starts_with("//") && !whole.starts_with("/*")
    }

    /// As it is pasted. Gemini completes what stands at the end, and takes a `\` there for another line, but not behind a
    /// blank, which it leaves out.
    fn typed(&self) -> String {
        let blank = if self.is_command() { "" } else { " " };
        pasted(&format!("{}{blank}", self.whole()))
    }

    /// Whether this text is it, with whatever Gemini puts around it.
    fn is_in(&self, text: &str) -> bool {
        words(text).contains(&words(&self.whole()))
    }

    /// It is said, in these words.
    pub(super) fn said(self, text: String) -> Chat {
        let files = self.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        // What it names may stand behind it.
        let own = self.id.is_some() && words(&text).starts_with(&words(&self.whole()));
        Chat::User { text: if own { self.text } else { text }, by: self.by, files, prompt: self.id }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Waits for an empty composer.
    Waits,
    /// It was pasted there, and is not shown yet.
    Pasted,
    /// Enter was pressed so many times, the last time where this stood.
    Pressed(u32, Cursor),
    /// It is not there any more, and so is Gemini's. It may have been stopped.
    Gone { stopped: bool },
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
            return Self::Elsewhere;
        }
        // Its first line has a mark. Behind another it is a command of a shell.
        let mut lines = std::iter::once(before).chain(cursor.above.iter().rev());
        let first = lines.find(|line| !line.starts_with(NEW_LINE) && !line.trim().is_empty());
        if !first.is_some_and(|first| first.starts_with(" > ") || first.starts_with(" * ")) {
            Self::Elsewhere
        } else if matches!(before.as_str(), " > " | " * ") {
            Self::Empty
        } else {
            Self::Filled
        }
    }
}

/// What is being typed.
#[derive(Debug)]
pub(super) struct Composer {
    /// The first of them is being typed.
    prompts: VecDeque<Prompt>,
    step: Step,
    /// Unix milliseconds at which the step began.
    since: u64,
    /// It was told in this step that somebody looks.
    focused: bool,
    /// What stood there at the last look.
    seen: Cursor,
    /// What is taken to be said, and may be a prompt that Gemini says it has.
    supposed: Option<String>,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            prompts: VecDeque::new(),
            step: Step::Waits,
            since: 0,
            focused: false,
            seen: Cursor::default(),
            supposed: None,
        }
    }
}

impl Composer {
    pub(super) fn is_free(&self) -> bool {
        self.prompts.is_empty()
    }

    /// What is being typed can wait.
    pub(super) fn waits(&self) -> bool {
        self.step == Step::Waits
    }

    /// This is to be typed, before all that waits; nothing is being typed.
    pub(super) fn begin(&mut self, prompt: Prompt, now: u64, out: &mut Out) {
        self.prompts.push_front(prompt);
        self.supposed = None;
        self.enter(Step::Waits, now);
        out.look(Duration::ZERO);
    }

    fn enter(&mut self, step: Step, now: u64) {
        (self.step, self.since, self.focused) = (step, now, false);
    }

    /// The first one is typed no more.
    fn finish(&mut self, now: u64, out: &mut Out) -> Option<Prompt> {
        let prompt = self.prompts.pop_front();
        self.enter(Step::Waits, now);
        if !self.is_free() {
            out.look(SOON);
        }
        prompt
    }

    /// The terminal looks like this; `ready` where Gemini does nothing and asks nothing, as far as it says, `tells` where its
    /// hooks run. Returns whether somebody is wanted at the desk.
    pub(super) fn looked(
        &mut self,
        looked: &Looked,
        ready: bool,
        tells: bool,
        now: u64,
        out: &mut Out,
    ) -> bool {
        let Some(prompt) = self.prompts.front() else { return false };
        let cursor = &looked.cursor;
        let place = Place::of(cursor);
        // What is being drawn looks like anything.
        let stands = std::mem::replace(&mut self.seen, cursor.clone()) == *cursor;
        let may = ready && stands && !looked.typing;
        let waited = now.saturating_sub(self.since);
        if place == Place::Elsewhere && ready && cursor.hears_focus && !self.focused {
            self.focused = true;
            out.send(FOCUS.into());
        }
        let given_up = match (&self.step, place) {
            (Step::Pasted, Place::Empty) if waited >= UNSEEN => {
                Some("was pasted into Gemini's terminal, which does not show it")
            }
            (Step::Pressed(_, last), Place::Filled)
                if may && cursor != last && cursor.before != NEW_LINE && waited >= CHANGED =>
            {
                Some("stands in Gemini's terminal otherwise than it was said: look at it there")
            }
            (Step::Pressed(..), Place::Filled) if waited >= UNHEARD => {
                Some("stands in Gemini's terminal, which does not take it: send it off there")
            }
            (Step::Gone { stopped: true }, _) if ready && waited >= PATIENCE => {
                Some("was stopped before Gemini began with it")
            }
            (Step::Gone { .. }, _) if ready && waited >= UNHEARD => {
                Some("was sent off, and Gemini has not said that it has it: look at its terminal")
            }
            _ => None,
        };
        if let Some(why) = given_up {
            self.untaken(why, now, out);
            return false;
        }
        match (&self.step, place) {
            (Step::Waits, Place::Empty) if may => {
                out.send(prompt.typed().into_bytes());
                self.enter(Step::Pasted, now);
            }
            (Step::Pasted, Place::Filled) if may => {
                out.send(ENTER.into());
                self.enter(Step::Pressed(1, cursor.clone()), now);
            }
            (Step::Pressed(times, last), Place::Filled)
                if may && cursor != last && cursor.before == NEW_LINE && *times < MOST =>
            {
                out.send(ENTER.into());
                self.enter(Step::Pressed(times + 1, cursor.clone()), now);
            }
            (Step::Pressed(..), Place::Empty) if stands => {
                if prompt.is_command() || !tells {
                    // Of a command it says nothing, and nothing at all in a folder that it does not trust.
                    let prompt = self.finish(now, out).unwrap_or_default();
                    let text = prompt.whole();
                    self.supposed = Some(words(&text));
                    out.chat(prompt.said(text));
                    return false;
                }
                self.enter(Step::Gone { stopped: false }, now);
            }
            _ => {}
        }
        let waited = now.saturating_sub(self.since);
        let later = waited >= PATIENCE || matches!(self.step, Step::Gone { .. });
        out.look(if later { LATER } else { SOON });
        ready && waited >= PATIENCE && (!self.is_sent() || place == Place::Elsewhere)
    }

    /// It is Gemini's, which has not begun with it.
    pub(super) fn is_sent(&self) -> bool {
        !self.is_free() && matches!(self.step, Step::Gone { .. })
    }

    /// What was not sent off yet is not wanted any more.
    pub(super) fn stop(&mut self, now: u64, out: &mut Out) {
        if self.is_sent() {
            self.enter(Step::Gone { stopped: true }, now);
        } else if !self.is_free() && self.waits() {
            self.untaken("was stopped before it was typed", now, out);
        }
    }

    /// Gemini has this text now: whose it is, and nothing where that has been said.
    pub(super) fn taken(&mut self, text: &str, now: u64, out: &mut Out) -> Option<Prompt> {
        if self.supposed.take_if(|supposed| *supposed == words(text)).is_some() {
            return None;
        }
        let ours = self.prompts.front().is_some_and(|prompt| match self.step {
            Step::Waits => false,
            Step::Pasted | Step::Pressed(..) => prompt.is_in(text),
            // It may read what is named instead of saying it.
            Step::Gone { .. } => prompt.is_in(text) || prompt.text.contains('@'),
        });
        Some(ours.then(|| self.finish(now, out)).flatten().unwrap_or_default())
    }

    fn untaken(&mut self, why: &str, now: u64, out: &mut Out) {
        let prompt = self.finish(now, out).unwrap_or_default();
        let why = format!("What was said {why}: {}", text::line(&prompt.text, 80));
        match prompt.id {
            Some(id) => out.untaken(&id, why),
            None => out.note(why),
        }
    }
}
