//! Snapshots in another terminal than xterm.js: alacritty's.

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config, Term};
use alacritty_terminal::vte::ansi::Processor;
use longrein_agent::Screen;
use std::fmt::Write as _;
use std::path::Path;

/// Each cell on the screen: character, colours, flags; and where the cursor is.
fn shown(size: (u16, u16), bytes: &[u8]) -> Vec<String> {
    let size = TermSize::new(usize::from(size.0), usize::from(size.1));
    let mut term = Term::new(Config::default(), &size, VoidListener);
    let mut parser: Processor = Processor::new();
    parser.advance(&mut term, bytes);
    parser.stop_sync(&mut term);
    let mut lines = vec![format!("cursor at {:?}, {:?}", term.grid().cursor.point, term.mode())];
    for cell in term.grid().display_iter() {
        if cell.point.column.0 == 0 {
            lines.push(String::new());
        }
        let line = lines.last_mut().expect("pushed");
        let flags = cell.flags & !(Flags::WRAPLINE | Flags::LEADING_WIDE_CHAR_SPACER);
        // It keeps a tab as a character.
        let c = if cell.c == '\t' { ' ' } else { cell.c };
        write!(line, "{c}{:?}{:?}{flags:?} ", cell.fg, cell.bg).expect("a string takes all");
    }
    lines
}

#[test]
fn a_snapshot_shows_the_same_in_alacritty() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (name, size) in [
        ("claude-tui-osc7501.raw", (120, 40)),
        ("codex-tui.raw", (120, 40)),
        ("git-log.raw", (80, 24)),
        ("htop.raw", (100, 30)),
        ("mc.raw", (80, 24)),
    ] {
        let bytes = std::fs::read(fixtures.join(name)).expect("a fixture");
        for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len()] {
            // Between two sequences: how a terminal draws the middle of one is its own affair.
            let cut = bytes[..cut].iter().rposition(|byte| *byte == 0x1b).unwrap_or(0);
            let mut screen = Screen::new(size.0, size.1, 1000);
            screen.feed(&bytes[..cut]);
            let (whole, again) = (shown(size, &bytes[..cut]), shown(size, &screen.snapshot()));
            for (line, (a, b)) in whole.iter().zip(&again).enumerate() {
                assert_eq!(a, b, "{name} cut at {cut}, line {line}");
            }
        }
    }
}
