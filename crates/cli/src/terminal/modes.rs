//! What a program's output has switched on in a terminal, as far as it must be undone by name.
//!
//! Most modes can be switched off blindly, on or not. A few cannot: leaving an alternate screen that is not there
//! moves the cursor, and popping more keyboard flags than were pushed would take those of the shell around us.

/// The modes that are noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mode of its own")]
pub struct Modes {
    /// On the alternate screen.
    alternate: bool,
    /// Cursor addressing relative to the scroll region.
    origin: bool,
    /// Keyboard flags pushed on the main and on the alternate screen, less those popped.
    pushed: [u16; 2],
    /// Keyboard flags were set at all.
    keyboard: bool,
    /// Colours were given new values.
    palette: bool,
    /// Tab stops were moved.
    tabs: bool,
}

impl Modes {
    /// Notes a CSI sequence that passed.
    pub fn note(&mut self, prefix: u8, params: &[u8], last: u8) {
        let numbers =
            || params.split(|b| *b == b';').map(|field| std::str::from_utf8(field).ok()?.parse::<u16>().ok());
        let count = || numbers().next().flatten().unwrap_or(1).max(1);
        match (prefix, last) {
            (b'?', b'h' | b'l') => {
                for number in numbers().flatten() {
                    match number {
                        47 | 1047 | 1049 => self.alternate = last == b'h',
                        6 => self.origin = last == b'h',
                        _ => {}
                    }
                }
            }
            (b'>', b'u') => {
                self.keyboard = true;
                *self.depth() = self.depth().saturating_add(1);
            }
            (b'=', b'u') => self.keyboard = true,
            (0, b'g') => self.tabs = true,
            (b'<', b'u') => *self.depth() = self.depth().saturating_sub(count()),
            _ => {}
        }
    }

    /// Notes a text that passed, such as an OSC with its introducer.
    pub fn note_text(&mut self, text: &[u8]) {
        let Some(body) = text.strip_prefix(b"\x1b]") else { return };
        let number = body.split(|b| !b.is_ascii_digit()).next().unwrap_or_default();
        if matches!(number, b"4" | b"5" | b"10" | b"11" | b"12" | b"17" | b"19" | b"21") {
            self.palette = true;
        }
    }

    /// Notes a tab stop.
    pub fn note_tab(&mut self) {
        self.tabs = true;
    }

    /// Whether the program shows itself on the alternate screen.
    pub fn is_alternate(&self) -> bool {
        self.alternate
    }

    /// The bytes that make the terminal as it was before the program, but for what stands on its main screen.
    pub fn undo(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.alternate {
            self.pop_keyboard(1, &mut bytes);
            bytes.extend_from_slice(b"\x1b[?1049l");
        }
        self.pop_keyboard(0, &mut bytes);
        if self.origin {
            bytes.extend_from_slice(b"\x1b[?6l");
        }
        if self.palette {
            bytes.extend_from_slice(
                b"\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\\x1b]117\x1b\\\x1b]119\x1b\\",
            );
        }
        if self.tabs {
            bytes.extend_from_slice(b"\x1b[?5W");
        }
        bytes.extend_from_slice(UNDO);
        bytes
    }

    fn pop_keyboard(&self, screen: usize, bytes: &mut Vec<u8>) {
        let pushed = self.pushed[screen];
        if pushed > 0 {
            bytes.extend_from_slice(format!("\x1b[<{pushed}u").as_bytes());
        }
        if self.keyboard {
            // Flags that were set without being pushed.
            bytes.extend_from_slice(b"\x1b[=0u");
        }
    }

    fn depth(&mut self) -> &mut u16 {
        &mut self.pushed[usize::from(self.alternate)]
    }
}

/// Switches off, in this order: synchronized output; every mouse mode; focus reports; bracketed paste; colour scheme
/// reports; key modifiers, application cursor keys and keypad; insert mode; reverse screen; the scroll region (which
/// moves the cursor, hence saved and restored around it); open link; colours; charset; cursor shape. Switches on
/// autowrap and the cursor.
const UNDO: &[u8] =
    b"\x1b[?2026l\x1b[?9;1000;1001;1002;1003;1005;1006;1015;1016l\x1b[?1004l\x1b[?2004l\x1b[?2031l\
\x1b[>4m\x1b[?1l\x1b>\x1b[4l\x1b[?5l\x1b7\x1b[r\x1b8\x1b]8;;\x1b\\\x1b[0m\x1b(B\x0f\x1b[0 q\x1b[?7h\x1b[?25h";

#[cfg(test)]
mod tests {
    use super::super::filter::Filter;

    fn undo(output: &str) -> String {
        let mut filter = Filter::default();
        filter.feed(output.as_bytes(), &mut Vec::new());
        String::from_utf8(filter.modes().undo()).unwrap()
    }

    #[test]
    fn the_alternate_screen_is_left_only_where_it_was_entered() {
        assert!(!undo("hello").contains("1049"));
        assert!(undo("\x1b[?1049h").contains("\x1b[?1049l"));
        assert!(!undo("\x1b[?1049h\x1b[?1049l").contains("1049"));
        assert!(!undo("\x1b[?1049h\x1bc").contains("1049"));
    }

    #[test]
    fn as_many_keyboard_flags_are_popped_as_were_pushed() {
        assert!(undo("\x1b[>5u\x1b[>1u\x1b[<u").starts_with("\x1b[<1u"));
        assert!(undo("\x1b[>5u\x1b[?1049h\x1b[>1u").starts_with("\x1b[<1u\x1b[=0u\x1b[?1049l\x1b[<1u"));
        assert!(!undo("\x1b[<u").contains('u'));
    }

    #[test]
    fn colours_and_tab_stops_are_put_back_where_they_were_touched() {
        assert!(!undo("\x1b]0;title\x07").contains("\x1b]104"));
        assert!(undo("\x1b]11;#000000\x07").contains("\x1b]111"));
        assert!(undo("\x1bH").contains("\x1b[?5W"));
    }

    #[test]
    fn mouse_paste_and_cursor_are_put_right_whatever_came() {
        let bytes = undo("");
        for part in ["1000;", "?2004l", "?1004l", "?25h", "\x1b[0m"] {
            assert!(bytes.contains(part), "{part}");
        }
    }
}
