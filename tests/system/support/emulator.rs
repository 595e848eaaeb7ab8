//! What a terminal shows, as another program's terminal has it: alacritty's.

use super::Terminal;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config, Term, TermMode};
use alacritty_terminal::vte::ansi::Processor;

/// Takes in what one [`Terminal`] was given.
pub struct Emulator {
    term: Term<VoidListener>,
    parser: Processor,
    taken: usize,
}

impl Emulator {
    pub fn new(cols: usize, rows: usize) -> Self {
        let term = Term::new(Config::default(), &TermSize::new(cols, rows), VoidListener);
        Self { term, parser: Processor::new(), taken: 0 }
    }

    /// To be called before the terminal's program can know of it.
    pub fn resize(&mut self, cols: usize, rows: usize) {
        self.term.resize(TermSize::new(cols, rows));
    }

    /// The text of every row, after all that was shown so far.
    pub fn rows(&mut self, terminal: &Terminal) -> Vec<String> {
        let bytes = terminal.bytes(self.taken);
        self.taken += bytes.len();
        self.parser.advance(&mut self.term, &bytes);
        let mut rows: Vec<String> = Vec::new();
        for cell in self.term.grid().display_iter() {
            if cell.point.column.0 == 0 {
                rows.push(String::new());
            }
            if !cell.flags.contains(Flags::WIDE_CHAR_SPACER) {
                rows.last_mut().unwrap().push(cell.c);
            }
        }
        rows
    }

    /// Column and row.
    pub fn cursor(&self) -> (usize, usize) {
        let point = self.term.grid().cursor.point;
        (point.column.0, usize::try_from(point.line.0).unwrap())
    }

    pub fn is_alternate(&self) -> bool {
        self.term.mode().contains(TermMode::ALT_SCREEN)
    }
}
