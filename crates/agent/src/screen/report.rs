//! Operating system commands, window operations, and the answers a program is owed.

use super::cell::{Link, PROTECTED};
use super::model::Model;
use super::palette::{Color, SPECIAL, parse};

/// Bytes of a link's address and id; text has no link whose are longer.
const MAX_LINK: usize = 4096;
/// Characters of a title that are kept.
const MAX_TITLE: usize = 4096;
/// Titles on the stack; the oldest is dropped.
const MAX_TITLES: usize = 10;

impl Model {
    /// OSC.
    pub fn command(&mut self, id: u32, text: &str) {
        match id {
            0 => {
                self.title = title(text);
                self.icon = title(text);
            }
            1 => self.icon = title(text),
            2 => self.title = title(text),
            4 => self.indexed_colors(text),
            8 => self.hyperlink(text),
            10..=12 => {
                let first = u16::try_from(id - 10).unwrap_or(0);
                for (slot, spec) in (first..3).zip(text.split(';')) {
                    self.color(SPECIAL + slot, spec, &format!("{}", 10 + slot));
                }
            }
            104 if text.is_empty() => self.palette.restore_all(),
            104 => text.split(';').filter_map(index).for_each(|i| self.palette.restore(i)),
            110..=112 => self.palette.restore(SPECIAL + u16::try_from(id - 110).unwrap_or(0)),
            9 => self.notify_iterm(text),
            99 => self.notify_kitty(text),
            777 => self.notify_urxvt(text),
            // The program status protocol: who is answered reports what it does.
            7501 if text == "?" => self.reply("\x1b]7501;?\x1b\\"),
            7501 => self.status(text),
            _ => {}
        }
    }

    fn indexed_colors(&mut self, text: &str) {
        let mut parts = text.split(';');
        while let (Some(slot), Some(spec)) = (parts.next(), parts.next()) {
            if let Some(slot) = index(slot) {
                self.color(slot, spec, &format!("4;{slot}"));
            }
        }
    }

    fn color(&mut self, slot: u16, spec: &str, name: &str) {
        if spec == "?" {
            let [r, g, b]: Color = self.palette.get(slot);
            self.reply(&format!("\x1b]{name};rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}\x1b\\"));
        } else if let Some(color) = parse(spec) {
            self.palette.set(slot, color);
        }
    }

    fn hyperlink(&mut self, text: &str) {
        let Some((params, uri)) = text.split_once(';') else { return };
        let params = params.trim();
        if uri.is_empty() {
            if !params.is_empty() {
                return;
            }
            self.attr.extra.link = 0;
        } else {
            let id =
                params.split(':').find_map(|param| param.strip_prefix("id=")).filter(|id| !id.is_empty());
            let link = Link { id: id.map(str::to_owned), uri: uri.to_owned() };
            self.attr.extra.link = if link.size() > MAX_LINK { 0 } else { self.pool.intern_link(link) };
        }
        self.attr.update_extended();
        self.extra_changed();
    }

    /// `CSI t`.
    pub fn window(&mut self, what: i32, which: i32) {
        let (of_title, of_icon) = (matches!(which, 0 | 2), matches!(which, 0 | 1));
        match what {
            18 => {
                let (rows, cols) = (self.rows, self.cols);
                self.reply(&format!("\x1b[8;{rows};{cols}t"));
            }
            22 => {
                for (wanted, stack, text) in
                    [(of_title, &mut self.titles, &self.title), (of_icon, &mut self.icons, &self.icon)]
                {
                    if wanted {
                        stack.push_back(text.clone());
                        if stack.len() > MAX_TITLES {
                            stack.pop_front();
                        }
                    }
                }
            }
            23 => {
                if let Some(text) = of_title.then(|| self.titles.pop_back()).flatten() {
                    self.title = text;
                }
                if let Some(text) = of_icon.then(|| self.icons.pop_back()).flatten() {
                    self.icon = text;
                }
            }
            _ => {}
        }
    }

    /// DSR.
    pub fn report_status(&mut self, what: i32, private: &str) {
        if what == 5 && private.is_empty() {
            self.reply("\x1b[0n");
        } else if what == 6 {
            let (cols, origin) = (self.cols, self.modes.origin);
            let buffer = self.shown();
            let top = if origin { buffer.top } else { 0 };
            let (row, col) = (buffer.y.saturating_sub(top) + 1, (buffer.x + 1).min(cols));
            self.reply(&format!("\x1b[{private}{row};{col}R"));
        }
    }

    pub fn report_ansi_mode(&mut self, mode: i32) {
        let answer = |on: bool| if on { 1 } else { 2 };
        let value = match mode {
            2 => 4,
            4 => answer(self.modes.insert),
            12 => 3,
            20 => answer(self.modes.newline),
            _ => 0,
        };
        self.reply(&format!("\x1b[{mode};{value}$y"));
    }

    /// DECRQSS.
    pub fn report_setting(&mut self, what: &str) {
        let answer = match what {
            "\"q" => format!("1$r{}\"q", u8::from(self.attr.bg & PROTECTED != 0)),
            "\"p" => "1$r61;1\"p".to_owned(),
            "r" => format!("1$r{};{}r", self.shown().top + 1, self.shown().bottom + 1),
            "m" => "1$r0m".to_owned(),
            " q" => {
                let shape = self.modes.cursor_shape.max(1) * 2;
                format!(
                    "1$r{} q",
                    shape - u8::from(self.modes.cursor_blink.or(self.modes.blink).unwrap_or(false))
                )
            }
            _ => "0$r".to_owned(),
        };
        self.reply(&format!("\x1bP{answer}\x1b\\"));
    }
}

fn title(text: &str) -> String {
    text.chars().take(MAX_TITLE).collect()
}

fn index(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|i| *i < SPECIAL)
}
