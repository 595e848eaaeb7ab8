//! A screen model stands for the terminal: it is given what is to be written, and shows what a person sees.

use super::*;

const DESK: Size = Size { cols: 40, rows: 10 };
const SMALL: Size = Size { cols: 20, rows: 5 };

/// A picture and its terminal.
struct Seat {
    picture: Picture,
    terminal: Screen,
    written: Vec<u8>,
}

impl Seat {
    fn new(ours: Size) -> Self {
        let picture = Picture::new(Some(ours), "name", Prefix::default(), None);
        let mut terminal = Screen::new(ours.cols, ours.rows, 20_000);
        terminal.feed(b"before us\r\n");
        Self { picture, terminal, written: Vec::new() }
    }

    /// As one that has attached to a session of this size, with this on its screen.
    fn attached(ours: Size, size: Size, shown: &str) -> Self {
        let mut seat = Self::new(ours);
        let mut session = screen(size);
        session.feed(shown.as_bytes());
        seat.picture.attached(size, true);
        seat.picture.snapshot(size, &session.snapshot());
        seat.write();
        seat
    }

    /// Lets everything that is due happen, and gives what was written.
    fn write(&mut self) -> String {
        let mut all = Vec::new();
        for turn in 0.. {
            assert!(turn < 100, "there is always something to do");
            let bytes = self.picture.out().to_vec();
            self.picture.handle_written(bytes.len());
            all.extend_from_slice(&bytes);
            match self.picture.poll_timeout() {
                Some(at) => self.picture.handle_timeout(at),
                None if bytes.is_empty() => break,
                None => {}
            }
        }
        self.terminal.feed(&all);
        self.written.extend_from_slice(&all);
        String::from_utf8(all).unwrap()
    }

    fn output(&mut self, text: &str) -> String {
        self.picture.output(text.as_bytes());
        self.write()
    }

    fn resize(&mut self, ours: Size) {
        self.picture.set_size(Some(ours));
        self.terminal.resize(ours.cols, ours.rows);
    }

    fn leave(&mut self) {
        let undo = self.picture.undo();
        self.terminal.feed(&undo);
    }

    /// Everything the terminal shows and has in its history.
    fn text(&self) -> String {
        String::from_utf8(self.terminal.snapshot()).unwrap()
    }

    fn rows(&self) -> Vec<String> {
        self.terminal.preview(100, 100)
    }
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|n| ["line-", &n.to_string(), ".\r\n"].concat()).collect()
}

#[test]
fn a_terminal_of_the_sessions_size_is_given_the_programs_bytes() {
    let mut seat = Seat::attached(DESK, DESK, "hello");
    assert_eq!(seat.rows(), ["hello"]);
    assert_eq!(seat.output("\x1b[31mred\x1b[6n\x1b[0m"), "\x1b[31mred\x1b[0m");
    assert!(seat.text().contains("before us"));
}

#[test]
fn another_size_is_drawn_and_the_same_one_given_bytes_again() {
    let mut seat = Seat::attached(SMALL, DESK, "top\x1b[10;1Hbottom\x1b[10;38Hend\x1b[10;1H");
    assert_eq!(seat.rows(), ["bottom"]);
    assert!(
        seat.text().contains("\x1b]0;(40x10, Ctrl-] f fits) name") || seat.text().contains("f fits) name")
    );
    seat.output("\x1b[1;3H!");
    assert_eq!(seat.rows(), ["to!"]);
    seat.resize(DESK);
    seat.write();
    assert_eq!(seat.rows().join("|").split_whitespace().collect::<Vec<_>>(), ["to!|bottom", "end"]);
    assert_eq!(seat.output("x"), "x");
    seat.resize(SMALL);
    seat.picture.resized(SMALL);
    assert_eq!(seat.output("y"), "y", "the session has followed");
    seat.leave();
    assert!(seat.text().contains("before us"));
}

#[test]
fn our_own_new_size_is_given_time_to_reach_the_session() {
    let mut seat = Seat::attached(DESK, DESK, "hello");
    seat.resize(SMALL);
    assert!(seat.picture.out().is_empty());
    seat.picture.resized(SMALL);
    assert_eq!(seat.write(), "");
    // Somebody else's needs none.
    seat.picture.resized(DESK);
    assert!(seat.write().contains("\x1b[?1049h"));
}

#[test]
fn every_line_is_in_the_history_once_however_the_size_changes() {
    let mut seat = Seat::attached(SMALL, SMALL, "");
    seat.output(&lines(0, 30));
    seat.picture.resized(DESK);
    seat.write();
    seat.output(&lines(30, 60));
    seat.picture.resized(SMALL);
    seat.write();
    seat.output(&lines(60, 90));
    seat.leave();
    let text = seat.text();
    for n in 0..90 {
        assert_eq!(text.matches(&format!("line-{n}.")).count(), 1, "line {n} in {text:?}");
    }
    assert!(text.find("line-29.") < text.find("line-30.") && text.find("line-59.") < text.find("line-60."));
}

#[test]
fn what_a_panel_covers_is_shown_when_it_goes() {
    for (ours, size) in [(DESK, DESK), (SMALL, DESK)] {
        for program in ["", "\x1b[?1049h"] {
            let mut seat = Seat::attached(ours, size, &format!("{program}hello "));
            seat.picture.cover();
            seat.picture.put(b"panel");
            seat.output("behind");
            assert_eq!(seat.rows(), ["panel"]);
            seat.picture.uncover();
            seat.write();
            assert_eq!(seat.rows(), ["hello behind"]);
            seat.picture.cover();
            seat.output(&lines(0, 200_000));
            seat.picture.uncover();
            seat.write();
            assert_eq!(seat.rows().last().unwrap(), "line-199999.");
            seat.leave();
            assert!(seat.text().contains("before us"), "{ours:?} {program:?}");
        }
    }
}

#[test]
fn what_a_program_leaves_behind_stays_in_a_smaller_terminal_too() {
    let mut seat = Seat::attached(SMALL, DESK, "");
    seat.output("last words\r\n");
    seat.picture.ended();
    seat.write();
    seat.leave();
    assert_eq!(seat.rows(), ["last words"]);
    assert!(seat.text().contains("before us"));
    let mut seat = Seat::attached(SMALL, DESK, "shown");
    seat.leave();
    assert_eq!(seat.rows(), ["before us"], "left, and nothing of it stays");
}

#[test]
fn effects_reach_a_terminal_that_is_drawn_and_nothing_waits_without_bound() {
    let mut seat = Seat::attached(SMALL, DESK, "");
    assert!(seat.output("a\x07\x1b]9;done\x07").starts_with("\x07\x1b]9;done\x07"));
    for _ in 0..1000 {
        seat.picture.output(&[7; 1000]);
        seat.picture.titled("x".repeat(100));
        seat.picture.set_away(Some("the host is away".to_owned()));
        seat.picture.set_away(None);
        seat.picture.put(b"panel");
    }
    assert!(seat.picture.has_room() && seat.picture.out().len() < 2 * WAITING);
}
