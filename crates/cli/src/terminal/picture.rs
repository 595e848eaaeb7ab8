//! What this terminal shows of a session, and the bytes that make it so. Nothing here reads, writes or waits.
//!
//! A terminal of the session's size is given the program's bytes as they are. One of another size is not: they are
//! written for another screen. It shows a part of our own model of the screen, which is kept all along, so that
//! changing from one to the other needs nothing from the session. A panel may cover either.

use super::filter::Filter;
use super::keys::Prefix;
use super::panel;
use crate::table::clean;
use agent::{Screen, Viewport};
use session::message::Size;
use tokio::time::{Duration, Instant};

/// Bytes for the terminal that may wait; beyond it the session waits, or what is not the picture is left out.
const WAITING: usize = 64 * 1024;
/// Output that a panel covers and that is written when it goes; of more than that the result is shown.
const COVERED: usize = 1024 * 1024;
/// Lines above the screen that are kept, as many as the session keeps.
const SCROLLBACK: usize = 10_000;
/// How long the session's size may take to follow ours before that is taken for a difference.
const GRACE: Duration = Duration::from_millis(500);
/// Between two drawings of a part.
const FRAME: Duration = Duration::from_millis(16);
/// How long a program may be in the midst of changing the screen.
const SYNCHRONIZED: Duration = Duration::from_millis(200);

/// The terminal's own title comes back when we leave.
const KEEP_TITLE: &[u8] = b"\x1b[22;2t";

/// How the session is shown.
enum Way {
    /// The program's bytes pass.
    Through,
    /// A part is drawn; the filter notes what that leaves behind.
    Part(Box<(Viewport, Filter)>),
}

/// What the terminal missed behind a panel.
enum Missed {
    Bytes(Vec<u8>),
    TooMuch,
}

/// The terminal's content.
pub struct Picture {
    prefix: Prefix,
    ours: Option<Size>,
    model: Option<Screen>,
    /// Of the program's bytes.
    filter: Filter,
    way: Way,
    covered: Option<Missed>,
    /// Something of the session stands on the main screen already, so that a repaint must clear it.
    dirty: bool,
    /// Since when the part that is shown is out of date.
    stale: Option<Instant>,
    drawn: Option<Instant>,
    grace: Option<Instant>,
    /// How many of the lines that scrolled away are in the terminal's own history.
    known: u64,
    title: String,
    /// Why nothing comes, while nothing does.
    away: Option<String>,
    /// The window's title, as far as it is ours.
    told: Option<String>,
    out: Vec<u8>,
}

impl Picture {
    /// Of a session of this name. `size` is its size where its first bytes are to come, not a snapshot.
    pub fn new(ours: Option<Size>, name: &str, prefix: Prefix, size: Option<Size>) -> Self {
        Self {
            prefix,
            ours,
            model: size.map(screen),
            filter: Filter::default(),
            way: Way::Through,
            covered: None,
            dirty: false,
            stale: None,
            drawn: None,
            // The session may have to follow us yet.
            grace: size.map(|_| Instant::now() + GRACE),
            known: 0,
            title: name.to_owned(),
            away: None,
            told: None,
            out: KEEP_TITLE.to_vec(),
        }
    }

    // For the terminal

    /// What to write next.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    /// So much of it was written.
    pub fn handle_written(&mut self, length: usize) {
        self.out.drain(..length);
    }

    /// Whether more of the session can be taken in. A part can always be drawn later.
    pub fn has_room(&self) -> bool {
        matches!(self.way, Way::Part(_)) || self.out.len() < WAITING
    }

    /// When there is something to do even if nothing happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.draws_at(), self.grace].into_iter().flatten().min()
    }

    fn draws_at(&self) -> Option<Instant> {
        let stale = self.stale.filter(|_| self.covered.is_none() && self.out.is_empty())?;
        if self.model.as_ref().is_some_and(Screen::is_synchronized) {
            return Some(stale + SYNCHRONIZED);
        }
        Some(self.drawn.map_or(stale, |drawn| drawn + FRAME))
    }

    /// Does it.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.grace.take_if(|grace| *grace <= now).is_some() {
            self.settle();
        }
        if self.draws_at().is_some_and(|at| at <= now)
            && let (Way::Part(part), Some(model)) = (&mut self.way, &self.model)
        {
            let (viewport, filter) = &mut **part;
            filter.feed(&viewport.draw(model), &mut self.out);
            self.stale = None;
            self.drawn = Some(now);
        }
    }

    /// What to write when leaving: what the program switched on is switched off, then the title from before.
    pub fn undo(&self) -> Vec<u8> {
        let close = if self.covered.is_some() { panel::CLOSE } else { b"" };
        [close, &self.modes_undo(), b"\x1b[23;2t"].concat()
    }

    /// Bytes of a panel.
    pub fn put(&mut self, bytes: &[u8]) {
        if self.out.len() < WAITING {
            self.out.extend_from_slice(bytes);
        }
    }

    // What happens to the session

    /// The session answers. Where that is a new life of it, nothing that was shown holds any more.
    pub fn attached(&mut self, size: Size, fresh: bool) {
        if self.model.is_some() && !fresh {
            return;
        }
        self.model = Some(screen(size));
        self.known = 0;
        match (&self.way, &mut self.covered) {
            (Way::Part(_), _) => self.stale(),
            (Way::Through, Some(missed)) => *missed = Missed::TooMuch,
            (Way::Through, None) if self.dirty => self.clear(),
            (Way::Through, None) => {}
        }
        self.filter.restart();
    }

    /// The whole screen.
    pub fn snapshot(&mut self, size: Size, bytes: &[u8]) {
        let mut model = screen(size);
        feed(&mut model, bytes);
        self.model = Some(model);
        self.known = 0;
        self.settle();
        match (&self.way, &mut self.covered) {
            (Way::Part(_), _) => self.stale(),
            (Way::Through, Some(missed)) => *missed = Missed::TooMuch,
            (Way::Through, None) => self.repaint(),
        }
    }

    /// The program wrote.
    pub fn output(&mut self, bytes: &[u8]) {
        let Some(model) = &mut self.model else { return };
        feed(model, bytes);
        match (&self.way, &mut self.covered) {
            (Way::Part(_), covered) => {
                let mut effects = Vec::new();
                self.filter.feed(bytes, &mut effects);
                self.stale.get_or_insert_with(Instant::now);
                if covered.is_none() && self.out.len() < WAITING {
                    self.out.append(&mut effects);
                }
            }
            (Way::Through, Some(missed)) => match missed {
                Missed::Bytes(before) if before.len() + bytes.len() <= COVERED => {
                    before.extend_from_slice(bytes);
                }
                Missed::Bytes(_) | Missed::TooMuch => *missed = Missed::TooMuch,
            },
            (Way::Through, None) => {
                self.filter.feed(bytes, &mut self.out);
                self.dirty = true;
                self.known = model.scrolled();
            }
        }
    }

    /// The session has another size.
    pub fn resized(&mut self, size: Size) {
        if let Some(model) = &mut self.model {
            model.resize(size.cols, size.rows);
            if matches!(self.way, Way::Part(_)) {
                self.stale();
            }
        }
        self.settle();
    }

    /// The program gave itself a title.
    pub fn titled(&mut self, title: String) {
        self.title = title;
        if matches!(self.way, Way::Through) && self.away.is_none() {
            // It came with the output.
            self.told = Some(self.title.clone());
        }
        self.tell_title();
    }

    /// Whether the host is away.
    pub fn set_away(&mut self, away: Option<String>) {
        self.away = away;
        self.tell_title();
    }

    /// The program has ended: what it left on its screen stays in the terminal.
    pub fn ended(&mut self) {
        self.uncover();
        if let (Way::Part(_), Some(model), Some(ours)) = (&self.way, &mut self.model, self.ours) {
            model.resize(ours.cols, ours.rows);
            self.repaint();
        }
    }

    // What happens to the terminal

    /// It has another size.
    pub fn set_size(&mut self, ours: Option<Size>) {
        self.ours = ours;
        self.grace = Some(Instant::now() + GRACE);
        if let (Way::Part(part), Some(ours)) = (&mut self.way, ours) {
            part.0.resize(ours.cols, ours.rows);
            self.stale();
        }
        self.settle();
    }

    /// Somebody else is to have it: what to write before. It has to be taken back afterwards.
    pub fn lend(&mut self) -> Vec<u8> {
        self.uncover();
        let undo = self.undo();
        let waiting = std::mem::replace(&mut self.out, KEEP_TITLE.to_vec());
        [waiting, undo].concat()
    }

    /// Somebody else had it.
    pub fn taken_back(&mut self) {
        if self.covered.is_some() {
            return;
        }
        // What they left there is not ours to clear.
        self.dirty = false;
        match &mut self.way {
            Way::Part(part) => {
                part.0.restart();
                self.stale();
            }
            Way::Through => self.repaint(),
        }
        self.told = None;
        self.tell_title();
    }

    /// A panel goes over the program.
    pub fn cover(&mut self) {
        if self.covered.is_some() {
            return;
        }
        let alternate = match &mut self.way {
            Way::Part(part) => {
                self.out.extend_from_slice(&part.1.modes().undo());
                part.0.restart();
                part.1.restart();
                true
            }
            Way::Through if self.filter.modes().is_alternate() => {
                self.out.extend_from_slice(&self.filter.modes().undo());
                true
            }
            Way::Through => false,
        };
        // The panel's alternate screen takes the program's place, which then has to be painted anew.
        self.covered = Some(if alternate { Missed::TooMuch } else { Missed::Bytes(Vec::new()) });
        self.out.extend_from_slice(panel::OPEN);
    }

    /// The panel goes.
    pub fn uncover(&mut self) {
        let Some(missed) = self.covered.take() else { return };
        self.out.extend_from_slice(panel::CLOSE);
        match (&self.way, missed) {
            (Way::Part(_), _) => self.stale(),
            (Way::Through, Missed::TooMuch) => self.repaint(),
            (Way::Through, Missed::Bytes(bytes)) => {
                self.filter.feed(&bytes, &mut self.out);
                self.dirty |= !bytes.is_empty();
                self.known = self.model.as_ref().map_or(0, Screen::scrolled);
            }
        }
        self.settle();
    }

    /// What the program is to be sent for a report of the mouse.
    pub fn mouse(&self, report: Vec<u8>) -> Option<Vec<u8>> {
        match (&self.way, &self.model) {
            (Way::Part(part), Some(model)) => part.0.mouse(model, &report),
            _ => Some(report),
        }
    }

    /// Whether the session has the size that this terminal would give it.
    pub fn is_fitting(&self) -> bool {
        self.ours.is_some_and(|ours| self.size() == Some(ours.clamped()))
    }

    // Inside

    fn stale(&mut self) {
        self.stale.get_or_insert_with(Instant::now);
    }

    fn size(&self) -> Option<Size> {
        self.model.as_ref().map(|model| Size { cols: model.cols(), rows: model.rows() })
    }

    /// Changes the way where it has to be changed.
    fn settle(&mut self) {
        let (Some(ours), Some(size)) = (self.ours, self.size()) else { return };
        match self.way {
            Way::Through if ours != size && self.grace.is_none() && self.covered.is_none() => {
                let undo = self.filter.modes().undo();
                self.out.extend_from_slice(&undo);
                self.filter.set_only_effects(true);
                self.way = Way::Part(Box::new((Viewport::new(ours.cols, ours.rows), Filter::default())));
                self.stale();
            }
            Way::Part(_) if ours == size && self.covered.is_none() => self.repaint(),
            Way::Through | Way::Part(_) => {}
        }
        self.tell_title();
    }

    /// The program's bytes pass from here on, and what they have shown so far is shown.
    fn repaint(&mut self) {
        let Some(model) = &self.model else { return };
        let bytes = model.snapshot_after(self.known);
        self.known = model.scrolled();
        self.clear();
        self.way = Way::Through;
        self.stale = None;
        self.filter.set_only_effects(false);
        self.filter.restart();
        self.filter.feed(&bytes, &mut self.out);
        self.dirty = true;
        self.told = None;
        self.tell_title();
    }

    /// Makes room: what is on the main screen moves up into the scrollback, the first time.
    fn clear(&mut self) {
        let undo = self.modes_undo();
        self.out.extend_from_slice(&undo);
        if !self.dirty {
            let rows = self.ours.map_or(24, |size| size.rows);
            self.out.extend_from_slice(format!("\x1b[{rows};1H").as_bytes());
            self.out.extend(std::iter::repeat_n(b'\n', usize::from(rows)));
        }
        self.out.extend_from_slice(b"\x1b[H\x1b[2J");
    }

    fn modes_undo(&self) -> Vec<u8> {
        match &self.way {
            Way::Through => self.filter.modes().undo(),
            Way::Part(part) => part.1.modes().undo(),
        }
    }

    /// The window's title says what cannot be said on the screen, since nothing may be drawn over the program.
    fn tell_title(&mut self) {
        let hint = match (&self.away, &self.way, self.size()) {
            (Some(why), ..) => format!("({}, trying again) ", clean(why)),
            (None, Way::Part(_), Some(Size { cols, rows })) => {
                format!("({cols}x{rows}, {} f fits) ", self.prefix)
            }
            _ => String::new(),
        };
        let title = format!("{hint}{}", clean(&self.title));
        if self.told.as_ref() != Some(&title) && self.out.len() < WAITING {
            self.out.extend_from_slice(format!("\x1b]2;{title}\x1b\\").as_bytes());
            self.told = Some(title);
        }
    }
}

fn screen(size: Size) -> Screen {
    Screen::new(size.cols, size.rows, SCROLLBACK)
}

fn feed(model: &mut Screen, bytes: &[u8]) {
    model.feed(bytes);
    // The keeper answers the program.
    model.replies();
}

#[cfg(test)]
mod tests;
