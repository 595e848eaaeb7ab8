//! A command in pieces. Nobody can know how a shell reads a text without being that shell, so it is read in three ways,
//! and whatever is found in any of them counts:
//!
//! - without any regard for quotes: `;` always ends a piece, so no quote, heredoc or comment that the shell takes for
//!   something else can hide what is behind it;
//! - the same, where `&` and `|` beside a `>` end a piece, too;
//! - with quotes, so that a `;` in them does not part a command from its arguments.
//!
//! That finds more than would be run (`echo 'a; rm -rf b'`), which only asks for more care. What follows a `;` never takes
//! anything away from what is before it.

/// One simple command.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Its words, without quotes and backslashes.
    pub words: Vec<String>,
    /// Where it writes to by `>`.
    pub targets: Vec<String>,
    /// It reads what the piece before it writes.
    pub piped: bool,
    /// It stands in `(…)`, `$(…)` or backticks behind the piece before it.
    pub nested: bool,
    /// It is given a text of the command itself to read.
    pub heredoc: bool,
}

/// A way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Plain,
    Parted,
    Quoted,
}

impl Reading {
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Parted, Self::Quoted];
}

/// Splits a command. Where a quote is still open at the end, its piece is left out: no shell would run it.
pub(super) fn pieces(text: &str, reading: Reading) -> Vec<Piece> {
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let text = text.replace("${IFS}", " ").replace("$IFS", " ");
    let text = text.replace("${HOME}", "~").replace("$HOME", "~");
    let redirects = reading != Reading::Parted;
    let mut split = Split::default();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        if reading == Reading::Quoted {
            match (quote, c) {
                (Some('\''), '\\') => {}
                (_, '\\') => {
                    match chars.next() {
                        Some(c) => split.word.push(c),
                        None => quote = Some('\\'),
                    }
                    before = ' ';
                    continue;
                }
                (Some(open), c) if open == c => {
                    quote = None;
                    continue;
                }
                (None, '\'' | '"') => {
                    quote = Some(c);
                    continue;
                }
                _ => {}
            }
            if quote.is_some() {
                split.word.push(c);
                before = ' ';
                continue;
            }
        }
        match c {
            '\'' | '"' | '\\' => {}
            '(' | '`' => {
                if split.word.ends_with('$') {
                    split.word.pop();
                }
                split.end();
                split.next.nested = true;
            }
            '|' if redirects && before == '>' => {}
            '|' => {
                split.end();
                if chars.next_if_eq(&'|').is_none() {
                    chars.next_if_eq(&'&');
                    split.next.piped = true;
                }
            }
            '&' if redirects && before == '>' => split.to_descriptor = true,
            '&' if redirects && chars.peek() == Some(&'>') => {}
            '\n' | '\r' | ';' | ')' | '&' => split.end(),
            '>' => {
                if split.word.bytes().all(|b| b.is_ascii_digit()) {
                    split.word.clear();
                }
                split.end_word();
                split.target = redirects;
            }
            '<' => {
                split.end_word();
                split.piece.heredoc |= before == '<';
            }
            c if c.is_whitespace() => split.end_word(),
            c => split.word.push(c),
        }
        before = c;
    }
    if quote.is_none() {
        split.end();
    }
    split.pieces
}

#[derive(Default)]
struct Split {
    pieces: Vec<Piece>,
    piece: Piece,
    word: String,
    /// What is known of the next piece.
    next: Piece,
    /// The next word is what is written to, or the number of a descriptor.
    target: bool,
    to_descriptor: bool,
}

impl Split {
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let descriptor = std::mem::take(&mut self.to_descriptor);
        if !std::mem::take(&mut self.target) {
            self.piece.words.push(word);
        } else if !(descriptor && word.bytes().all(|b| b.is_ascii_digit() || b == b'-')) {
            self.piece.targets.push(word);
        }
    }

    fn end(&mut self) {
        self.end_word();
        (self.target, self.to_descriptor) = (false, false);
        if !self.piece.words.is_empty() || !self.piece.targets.is_empty() {
            let mut piece = std::mem::take(&mut self.piece);
            let next = std::mem::take(&mut self.next);
            (piece.piped, piece.nested) = (next.piped, next.nested);
            self.pieces.push(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, reading: Reading) -> Vec<String> {
        pieces(text, reading).iter().map(|piece| piece.words.join(" ")).collect()
    }

    #[test]
    fn a_command_is_split_wherever_a_shell_might_split_it() {
        let words = |text| words(text, Reading::Plain);
        assert_eq!(words("a 1 && b;c | d || e & f\ng"), ["a 1", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(words("a $(b `c`) <(d) 'e;f'"), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(words("r''m \"-r\"f\\\n x \\;"), ["rm -rf x"]);
        assert_eq!(words("a${IFS}b 2>&1 >/x 2>>'y' &>z >|w q"), ["a b q"]);
    }

    #[test]
    fn what_only_looks_like_a_redirection_hides_no_command() {
        assert_eq!(words(r"echo \>| sh", Reading::Parted), ["echo", "sh"]);
        assert_eq!(words(r"echo \>& rm -rf x", Reading::Parted), ["echo", "rm -rf x"]);
        assert_eq!(words("a 'b;c' \"d'e\" f\\ g; h", Reading::Quoted), ["a b;c d'e f g", "h"]);
        assert_eq!(words("a; b 'c", Reading::Quoted), ["a"]);
        assert_eq!(words("a; b\\", Reading::Quoted), ["a"]);
    }

    #[test]
    fn what_is_written_to_is_told_apart_from_descriptors() {
        let targets = |text| -> Vec<_> {
            pieces(text, Reading::Plain).into_iter().flat_map(|piece| piece.targets).collect()
        };
        assert_eq!(targets("a 2>&1 >/x 2>>'y' &>z >|w > v"), ["/x", "y", "z", "w", "v"]);
        assert_eq!(targets("a >&2; b >& c"), ["c"]);
        assert_eq!(targets("a >\nb"), [""; 0]);
    }

    #[test]
    fn it_is_known_what_reads_from_what() {
        let joined =
            |text| -> Vec<_> { pieces(text, Reading::Plain).iter().map(|p| (p.piped, p.nested)).collect() };
        assert_eq!(joined("a | b || c"), [(false, false), (true, false), (false, false)]);
        assert_eq!(joined("(a) |\n b $(c)"), [(false, true), (true, false), (false, true)]);
        let heredoc = |text| pieces(text, Reading::Plain)[0].heredoc;
        assert!(heredoc("a <<EOF") && !heredoc("a < f"));
    }
}
