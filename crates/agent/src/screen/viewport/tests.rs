//! What is drawn is fed to a screen model of the terminal's own size, which then has to show the same cells.

use super::Viewport;
use crate::screen::Screen;
use crate::screen::cell::{Attr, PROTECTED};
use crate::screen::snapshot::pen::plain;
use testkit::{Dice, each_seed};

/// Text and look of a cell of the screen that is shown.
fn cell(screen: &Screen, x: usize, y: usize) -> (String, Attr, Option<(Option<String>, String)>) {
    let model = &screen.model;
    let cell = model.shown().row(y).get(x);
    let mut text = String::new();
    cell.push_text(&model.pool, &mut text);
    if text.is_empty() && cell.width() > 0 {
        text.push(' ');
    }
    let pen = super::Pen::new(&model.pool, 1);
    let mut look = plain(pen.look_of(cell));
    look.bg &= !PROTECTED;
    // Each screen numbers links for itself.
    let link = model.pool.link(look.extra.link).map(|link| (link.id.clone(), link.uri.clone()));
    look.extra.link = 0;
    (text, look, link)
}

/// A terminal that is drawn into, and its cells beside those of the screen.
struct Seen {
    terminal: Screen,
    viewport: Viewport,
}

impl Seen {
    fn new(cols: u16, rows: u16) -> Self {
        Self { terminal: Screen::new(cols, rows, 0), viewport: Viewport::new(cols, rows) }
    }

    fn draw(&mut self, screen: &Screen) {
        let bytes = self.viewport.draw(screen);
        self.terminal.feed(&bytes);
        self.check(screen, &bytes);
        assert_eq!(self.viewport.draw(screen), b"", "drawn twice");
    }

    fn check(&self, screen: &Screen, drawn: &[u8]) {
        let (big, small) = (&screen.model, &self.terminal.model);
        let (left, top) = self.viewport.origin.unwrap();
        let drawn = String::from_utf8_lossy(drawn);
        for y in 0..small.rows {
            for x in 0..small.cols {
                let (text, look, link) = cell(&self.terminal, x, y);
                if left + x >= big.cols || top + y >= big.rows {
                    assert_eq!(
                        (text.as_str(), look),
                        (" ", Attr::default()),
                        "margin at {x},{y} after {drawn:?}"
                    );
                    continue;
                }
                let (mut wanted, wanted_look, wanted_link) = cell(screen, left + x, top + y);
                let row = big.shown().row(top + y);
                let width = row.width(left + x);
                let end = (left + small.cols).min(big.cols);
                let whole = match width {
                    2 => left + x + 1 < end && row.width(left + x + 1) == 0,
                    0 => x > 0 && row.width(left + x - 1) == 2,
                    _ => true,
                };
                if width == 0 && whole {
                    // Goes with the first half, whose look it has in a terminal.
                    assert_eq!(text.trim(), "");
                    continue;
                }
                if !whole {
                    wanted = " ".to_owned();
                }
                assert_eq!((text, look, link), (wanted, wanted_look, wanted_link), "{x},{y} after {drawn:?}");
            }
        }
        let shown = big.shown();
        let (x, y) = (shown.x.min(big.cols - 1), shown.y);
        assert_eq!(small.modes.hidden, big.modes.hidden);
        if !big.modes.hidden {
            assert_eq!((small.shown().x + left, small.shown().y + top), (x, y), "cursor after {drawn:?}");
        }
        assert_eq!(small.modes.cursor_shape, big.modes.cursor_shape);
        assert_eq!(small.modes.app_cursor, big.modes.app_cursor);
        assert_eq!(small.modes.bracketed_paste, big.modes.bracketed_paste);
        assert_eq!(small.modes.focus, big.modes.focus);
        assert_eq!(small.modes.mouse, big.modes.mouse);
        assert_eq!(small.modes.app_keypad, big.modes.app_keypad);
        assert_eq!(small.keyboard.shown.flags, big.keyboard.shown.flags);
        assert_eq!(small.palette, big.palette);
    }
}

fn screen(cols: u16, rows: u16, bytes: &str) -> Screen {
    let mut screen = Screen::new(cols, rows, 100);
    screen.feed(bytes.as_bytes());
    screen
}

fn text(screen: &Screen) -> Vec<String> {
    let row = |y| {
        let mut text = String::new();
        screen.model.shown().row(y).push_text(&screen.model.pool, &mut text);
        text.trim_end().to_owned()
    };
    (0..screen.model.rows).map(row).collect()
}

fn seen(cols: u16, rows: u16, screen: &Screen) -> Vec<String> {
    let mut seen = Seen::new(cols, rows);
    seen.draw(screen);
    text(&seen.terminal)
}

/// Each of so many lines says its number.
fn numbered(rows: u16) -> String {
    (0..rows).map(|row| [format!("\x1b[{};1H", row + 1), format!("row {row}")].concat()).collect()
}

#[test]
fn the_end_of_the_screen_is_shown_at_first_and_from_its_left_edge() {
    let screen = screen(20, 10, &(numbered(10) + "\x1b[10;1H"));
    assert_eq!(seen(10, 3, &screen), ["row 7", "row 8", "row 9"]);
    assert_eq!(seen(3, 3, &screen), ["row", "row", "row"]);
}

#[test]
fn a_shell_at_the_top_is_shown_from_the_top() {
    assert_eq!(seen(10, 3, &screen(20, 10, "$ ls\r\na\r\n$ ")), ["$ ls", "a", "$"]);
    assert_eq!(seen(10, 3, &screen(20, 10, &(numbered(10) + "\x1b[2;1H"))), ["row 0", "row 1", "row 2"]);
}

#[test]
fn the_view_stays_until_the_cursor_leaves_it() {
    let mut seen = Seen::new(8, 4);
    let mut big = screen(20, 20, &(numbered(20) + "\x1b[10;1H"));
    let mut top_at = |row: u16, seen: &mut Seen| {
        big.feed(format!("\x1b[{row};1H").as_bytes());
        seen.draw(&big);
        seen.viewport.origin.unwrap().1
    };
    assert_eq!(top_at(10, &mut seen), 6);
    assert_eq!(top_at(8, &mut seen), 6);
    assert_eq!(top_at(6, &mut seen), 5);
    assert_eq!(top_at(9, &mut seen), 5);
    assert_eq!(top_at(10, &mut seen), 6);
    // What stands below comes along where it can, and what stands above.
    assert_eq!(top_at(17, &mut seen), 16);
    assert_eq!(top_at(8, &mut seen), 4);
    assert_eq!(top_at(2, &mut seen), 0);
}

#[test]
fn sideways_the_left_edge_is_shown_again_as_soon_as_it_can() {
    let mut seen = Seen::new(8, 2);
    let mut big = screen(30, 2, "$ abcdefghijklmnop");
    seen.draw(&big);
    assert_eq!(text(&seen.terminal)[0], "jklmnop");
    big.feed(b"\r\n$ ");
    seen.draw(&big);
    assert_eq!(text(&seen.terminal), ["$ abcdef", "$"]);
}

#[test]
fn half_a_wide_character_is_blank_at_either_edge() {
    let big = screen(12, 1, "一二三四五六\x1b[1;6H");
    let mut seen = Seen::new(5, 1);
    seen.draw(&big);
    assert_eq!((text(&seen.terminal), seen.viewport.origin), (vec![" 二三".to_owned()], Some((1, 0))));
    assert_eq!(self::seen(5, 1, &screen(12, 1, "一二三\r")), ["一二"]);
    let family = screen(12, 1, "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}x e\u{301}y\r");
    assert_eq!(self::seen(6, 1, &family), ["\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}x e\u{301}y"]);
}

#[test]
fn a_larger_terminal_shows_all_of_it_with_a_margin() {
    assert_eq!(seen(9, 4, &screen(5, 2, "abcdefg")), ["abcde", "fg", "", ""]);
}

#[test]
fn only_rows_that_changed_are_drawn_again() {
    let mut big = screen(20, 6, &numbered(6));
    let mut viewport = Viewport::new(10, 4);
    viewport.draw(&big);
    big.feed(b"!");
    let bytes = String::from_utf8(viewport.draw(&big)).unwrap();
    assert!(bytes.contains("row 5!") && !bytes.contains("row 4"), "{bytes:?}");
    assert!(bytes.len() < 60, "{bytes:?}");
    viewport.resize(10, 3);
    assert_eq!(String::from_utf8(viewport.draw(&big)).unwrap().matches("row").count(), 3);
}

#[test]
fn the_mouse_is_where_the_screen_is_and_says_it_as_the_program_asked() {
    let told = |modes: &str, report: &str| {
        let big = screen(300, 20, &format!("{modes}{}\x1b[18;1H", numbered(20)));
        let mut viewport = Viewport::new(100, 10);
        let drawn = String::from_utf8(viewport.draw(&big)).unwrap();
        assert_eq!(
            drawn.contains("\x1b[?1006h\x1b[?1000h"),
            modes.contains("1000") && !modes.contains("1016")
        );
        viewport.mouse(&big, report.as_bytes()).map(|told| String::from_utf8_lossy(&told).into_owned())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(told("\x1b[?1000;1006h", "\x1b[<0;5;1M"), some("\x1b[<0;5;11M"));
    assert_eq!(told("\x1b[?1000;1006h", "\x1b[<0;5;1m"), some("\x1b[<0;5;11m"));
    assert_eq!(told("\x1b[?1000h", "\x1b[<0;5;1M"), some("\x1b[M %+"));
    assert_eq!(told("\x1b[?1000h", "\x1b[<0;5;1m"), some("\x1b[M#%+"));
    assert_eq!(told("\x1b[?1000;1015h", "\x1b[<64;5;1M"), some("\x1b[96;5;11M"));
    assert_eq!(told("\x1b[?1000h", "\x1b[<0;250;1M"), None);
    assert_eq!(told("\x1b[?1000;1016h", "\x1b[<0;5;1M"), None);
    assert_eq!(told("", "\x1b[<0;5;1M"), None);
    for wrong in ["\x1b[<0;5M", "\x1b[<0;0;1M", "\x1b[<0;5;1;1M", "\x1b[A", "\x1b[<a;1;1M"] {
        assert_eq!(told("\x1b[?1000;1006h", wrong), None, "{wrong:?}");
    }
}

#[test]
fn no_terminal_is_too_small() {
    for (cols, rows) in [(0, 0), (1, 1), (1, 9), (9, 1)] {
        let mut viewport = Viewport::new(cols, rows);
        let mut big = screen(20, 6, "一二三四五六七八九十");
        assert!(!viewport.draw(&big).is_empty());
        for bytes in ["\x1b[6;20Hx", "\r一", "\x1b[H", "\x1b[3;6H", "\x1b[?1049h\x1b[2;4H二"] {
            big.feed(bytes.as_bytes());
            viewport.draw(&big);
        }
        big.resize(2, 1);
        viewport.draw(&big);
    }
}

const PLAIN: &[&str] = &["plain words", "x", "~~~~~~~~~~~~~~~~~~~~~~~~", "a  b", "\t."];
const WIDE: &[&str] =
    &["一二三", "🦄", "e\u{301}", "\u{1f468}\u{200d}\u{1f469}", "🇩🇪", "─┐", "❤\u{fe0f}", "각"];
const LOOKS: &[&str] =
    &["\x1b[m", "\x1b[38;2;1;2;3m", "\x1b[48;5;200m", "\x1b[4:3m\x1b[58:2::9:8:7m", "\x1b[1\"q"];
const EDITS: &[&str] =
    &["\x1b[J", "\x1b[K", "\x1b[1K", "\x1b[2J", "\x1b[3X", "\x1b[2P", "\x1b[2@", "\x1b[L", "\x1b[S"];
const CURSOR: &[&str] = &["\x1b[?25l", "\x1b[?25h", "\x1b[4 q", "\x1b[0 q", "\x1b[?7l", "\x1b[?7h"];
const MODES: &[&str] = &[
    "\x1b[?1h",
    "\x1b[?1l",
    "\x1b[?2004h",
    "\x1b[?1004h",
    "\x1b[?1002;1006h",
    "\x1b[?1002l",
    "\x1b=",
    "\x1b>",
    "\x1b[>5u",
    "\x1b[<u",
    "\x1b]11;#102030\x07",
    "\x1b]4;1;#ff0000\x07",
    "\x1b]104\x07",
];
const OTHERS: &[&str] = &[
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b]8;;http://x\x1b\\",
    "\x1b]8;;\x1b\\",
    "\x1b[3;9r",
    "\x1b[r",
    "\x1b(0",
];

/// Something a program may print.
fn thrown(dice: &mut Dice) -> String {
    let one =
        |dice: &mut Dice, of: &[&str]| of[usize::try_from(dice.below(of.len() as u64)).unwrap()].to_owned();
    match dice.below(16) {
        0..4 => one(dice, PLAIN),
        4..7 => one(dice, WIDE),
        7 => one(dice, &["\r\n", "\r\n\r\n\r\n"]),
        8 | 9 => format!("\x1b[{};{}H", dice.below(14) + 1, dice.below(30) + 1),
        10 => format!("\x1b[{};{};{}m", dice.below(10), 30 + dice.below(8), 40 + dice.below(8)),
        11 => one(dice, LOOKS),
        12 => one(dice, EDITS),
        13 => one(dice, CURSOR),
        14 => one(dice, MODES),
        _ => one(dice, OTHERS),
    }
}

#[test]
fn whatever_a_program_prints_its_part_looks_the_same() {
    each_seed(300, |seed| {
        let mut dice = Dice::new(seed);
        let size = |dice: &mut Dice, cols: u64, rows: u64| {
            (u16::try_from(dice.below(cols) + 2).unwrap(), u16::try_from(dice.below(rows) + 1).unwrap())
        };
        let (cols, rows) = size(&mut dice, 30, 12);
        let mut big = Screen::new(cols, rows, 20);
        let (cols, rows) = size(&mut dice, 24, 10);
        let mut seen = Seen::new(cols, rows);
        for _ in 0..60 {
            for _ in 0..dice.below(6) {
                big.feed(thrown(&mut dice).as_bytes());
            }
            if dice.one_in(20) {
                let (cols, rows) = size(&mut dice, 30, 12);
                big.resize(cols, rows);
            }
            if dice.one_in(20) {
                let (cols, rows) = size(&mut dice, 24, 10);
                seen.terminal.resize(cols, rows);
                seen.viewport.resize(cols, rows);
            }
            seen.draw(&big);
        }
    });
}

#[test]
fn a_snapshot_for_a_terminal_that_has_the_history_leaves_it_out() {
    each_seed(300, |seed| {
        let mut dice = Dice::new(seed);
        let mut screen = Screen::new(20, 5, 30);
        for _ in 0..dice.below(40) {
            screen.feed(thrown(&mut dice).as_bytes());
        }
        let known = screen.scrolled();
        let lines = dice.below(50);
        (0..lines).for_each(|n| screen.feed(format!("\x1b[r{n}\r\n").as_bytes()));
        let new = usize::try_from(screen.scrolled() - known).unwrap().min(screen.model.main.base());
        let mut whole = Screen::new(20, 5, 30);
        whole.feed(&screen.snapshot());
        let mut part = Screen::new(20, 5, 30);
        part.feed(&screen.snapshot_after(known));
        assert_eq!(part.model.main.base(), new);
        for y in 0..5 {
            for x in 0..20 {
                assert_eq!(cell(&part, x, y), cell(&whole, x, y), "{x},{y}");
            }
        }
        let at =
            |screen: &Screen| (screen.model.shown().x, screen.model.shown().y, screen.model.modes.clone());
        assert_eq!(at(&part), at(&whole));
    });
}
