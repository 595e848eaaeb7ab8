//! Texts that a person decides by: nothing in them hides.

use std::fmt::Write as _;

/// Whether a screen would leave it out, obey it or turn what is around it, other than the ends of lines and tabs: controls,
/// marks of direction, and what has no width (Unicode's `Default_Ignorable_Code_Point`, and the separators and annotations).
/// What only says how an emoji is drawn is not.
fn hides(c: char) -> bool {
    match c {
        '\t' | '\n' | '\u{fe0e}' | '\u{fe0f}' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// The text with what hides as `⟨U+202E⟩`, the same as in the web app.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// As [`visible`], on one line.
pub fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "⟨U+000A⟩").replace('\t', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_and_all_else_stays() {
        let plain = "rm -r build/\n\tçé 漢字 👩‍💻 ❤️ עברית";
        assert_eq!(visible(plain), plain.replace('\u{200d}', "⟨U+200D⟩"));
        assert_eq!(
            visible("a\u{202e}b\u{200b}c\u{1b}[2J\r\u{7f}\u{85}"),
            "a⟨U+202E⟩b⟨U+200B⟩c⟨U+001B⟩[2J⟨U+000D⟩⟨U+007F⟩⟨U+0085⟩"
        );
        assert_eq!(visible("\u{e0041}\u{2066}\u{3164}\u{2028}"), "⟨U+E0041⟩⟨U+2066⟩⟨U+3164⟩⟨U+2028⟩");
        assert_eq!(visible_line("a\nb\tc"), "a⟨U+000A⟩b c");
    }
}
