//! Text of agents, kept within bounds.

/// At most so many bytes of a text, its beginning and its end, and how many were left out between them. Never in the middle
/// of a character.
pub fn cut(text: &str, most: usize) -> (String, u64) {
    if text.len() <= most {
        return (text.to_owned(), 0);
    }
    let half = most.saturating_sub(1) / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    let left_out = tail - head;
    (format!("{}\n{}", &text[..head], &text[tail..]), left_out as u64)
}

/// The beginning as one line for lists: at most so many characters, without what a terminal would obey.
pub fn line(text: &str, most: usize) -> String {
    // More than that many words are never needed.
    let words: Vec<_> = text.split_whitespace().take(most + 1).collect();
    let words = words.join(" ");
    let mut plain = words.chars().filter(|c| !c.is_control());
    let mut line: String = plain.by_ref().take(most).collect();
    if plain.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

/// What is to be typed, without what would be a key there, or would end a paste.
pub fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(cut("short", 5), ("short".to_owned(), 0));
        let (text, left_out) = cut(&"äöü".repeat(100), 21);
        assert_eq!((text.as_str(), left_out), ("äöüäö\nöüäöü", 580));
        assert!(text.len() <= 21);
    }

    #[test]
    fn a_line_has_no_breaks_and_nothing_that_a_terminal_obeys() {
        assert_eq!(line(" a\n\tb  c ", 80), "a b c");
        assert_eq!(line("red \x1b[31m", 80), "red [31m");
        assert_eq!(line("abcdef", 3), "ab…");
        assert_eq!(line("", 3), "");
    }
}
