//! What others say stands behind a margin on every row, so that nothing in it can look like what Longrein says.

use crate::terminal::tty;
use crate::visible::visible;

/// What each of their rows begins with.
pub const MARGIN: &str = "│ ";

/// Columns of rows that are not folded: nothing shows them.
pub const ENDLESS: usize = usize::MAX;
/// In fewer, a margin leaves no room for text.
const LEAST: usize = 12;

/// The columns of the terminal on standard output: it would go on with a longer row at its left edge, without a margin.
pub fn columns() -> usize {
    tty::size().map_or(ENDLESS, |size| usize::from(size.cols).max(LEAST))
}

/// Text that comes in pieces.
#[derive(Debug)]
pub struct Margin {
    columns: usize,
    /// Cells of this row; none where it is still to begin.
    at: usize,
}

impl Margin {
    /// At the beginning of a row.
    pub fn new(columns: usize) -> Self {
        Self { columns, at: 0 }
    }

    /// The piece as it is to be written.
    pub fn write(&mut self, piece: &str) -> String {
        let mut rows = String::with_capacity(piece.len() + MARGIN.len());
        for c in visible(piece).chars() {
            if self.at == 0 {
                self.begin(&mut rows);
            }
            if c == '\n' {
                rows.push(c);
                self.at = 0;
                continue;
            }
            if self.at + cells(c) > self.columns {
                rows.push('\n');
                self.begin(&mut rows);
            }
            rows.push(c);
            self.at += cells(c);
        }
        rows
    }

    fn begin(&mut self, rows: &mut String) {
        rows.push_str(MARGIN);
        self.at = width(MARGIN);
    }
}

/// The text's rows, the first of them behind this mark or label of ours.
pub fn rows(first: &str, text: &str, columns: usize) -> String {
    let mut margin = Margin { columns, at: width(first) };
    let rows = margin.write(text.strip_suffix('\n').unwrap_or(text));
    format!("{first}{rows}")
}

/// As [`rows`], all behind the margin.
pub fn behind(text: &str, columns: usize) -> String {
    rows(MARGIN, text, columns)
}

fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

/// As many as any terminal takes for it.
fn cells(c: char) -> usize {
    match c {
        '\t' => 8,
        '\0'..'\u{1100}' | '│' | '●' | '…' | '→' | '⟨' | '⟩' => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_a_text_has_the_margin_also_where_a_terminal_would_fold_it() {
        let imitation = format!("make{}  → denied by local\n? Read a file\n", " ".repeat(16));
        let shown = behind(&imitation, 22);
        assert_eq!(
            shown.lines().collect::<Vec<_>>(),
            [&format!("│ make{}", " ".repeat(16)), "│   → denied by local", "│ ? Read a file"]
        );
        assert!(rows("Folder: ", &"x ".repeat(99), 20).lines().skip(1).all(|row| row.starts_with(MARGIN)));
        let wide = behind(&"漢".repeat(10), 12);
        assert_eq!(wide.lines().collect::<Vec<_>>(), ["│ 漢漢漢漢漢", "│ 漢漢漢漢漢"]);
        assert_eq!(behind("", 20), "│ ");
        assert_eq!(behind("a\n\nb", 20), "│ a\n│ \n│ b");
        assert_eq!(behind("\u{1b}[2Kx\ry", ENDLESS), "│ ⟨U+001B⟩[2Kx⟨U+000D⟩y");
    }

    #[test]
    fn what_comes_in_pieces_has_the_margin_once_a_row() {
        let mut margin = Margin::new(10);
        let pieces = ["on", "e\n", "\n", "12345678", "9"].map(|piece| margin.write(piece));
        assert_eq!(pieces, ["│ on", "e\n", "│ \n", "│ 12345678", "\n│ 9"]);
    }
}
