//! Which sequence does what.

use super::charset::{Charset, by_final};
use super::grapheme::Join;
use super::model::Model;
use super::params::Params;
use super::parser::Actions;

/// A prefix or intermediate as the parser collects it.
const fn with(first: u8) -> u32 {
    first as u32
}

const NONE: u32 = 0;
const PRIVATE: u32 = with(b'?');
const GREATER: u32 = with(b'>');
const LESS: u32 = with(b'<');
const EQUALS: u32 = with(b'=');
const SPACE: u32 = with(b' ');
const QUOTE: u32 = with(b'\'');
const DOUBLE_QUOTE: u32 = with(b'"');
const BANG: u32 = with(b'!');
const DOLLAR: u32 = with(b'$');
const PRIVATE_DOLLAR: u32 = with(b'?') << 8 | with(b'$');

impl Actions for Model {
    fn print_ascii(&mut self, text: &[u8]) {
        self.put_ascii(text);
    }

    fn print(&mut self, c: char) {
        self.put(c);
    }

    fn end_of_run(&mut self) {
        self.finish_run();
    }

    fn execute(&mut self, code: u32) {
        match code {
            0x07 => self.bell(),
            0x08 => self.backspace(),
            0x09 => self.tab(),
            0x0a..=0x0c => self.line_feed(),
            0x0d => self.buffer().x = 0,
            0x0e => self.charsets.shift(1),
            0x0f => self.charsets.shift(0),
            0x84 => self.index(),
            0x85 => self.next_line(),
            0x88 => self.set_tab(),
            _ => {}
        }
        self.join = Join::default();
    }

    fn esc(&mut self, collect: u32, code: u8) {
        self.esc_dispatch(collect, code);
        self.join = Join::default();
    }

    fn csi(&mut self, collect: u32, params: &Params, code: u8) {
        match collect {
            NONE => self.csi_plain(params, code),
            PRIVATE => self.csi_private(params, code),
            SPACE => self.csi_space(params, code),
            _ => self.csi_other(collect, params, code),
        }
        self.join = Join::default();
    }

    fn osc(&mut self, text: &str) {
        let (id, payload) = text.split_once(';').unwrap_or((text, ""));
        if let Ok(id) = id.parse::<u32>()
            && !text.starts_with('+')
        {
            self.command(id, payload);
        }
    }

    fn dcs(&mut self, collect: u32, code: u8, text: &str) {
        if (collect, code) == (DOLLAR, b'q') {
            self.report_setting(text);
        }
    }

    fn end_of_string(&mut self) {
        self.join = Join::default();
    }
}

impl Model {
    fn esc_dispatch(&mut self, collect: u32, code: u8) {
        match (collect, code) {
            (NONE, b'7') => self.save_cursor(),
            (NONE, b'8') => self.restore_cursor(),
            (NONE, b'D') => self.index(),
            (NONE, b'E') => self.next_line(),
            (NONE, b'H') => self.set_tab(),
            (NONE, b'M') => self.reverse_index(),
            (NONE, b'=') => self.modes.app_keypad = true,
            (NONE, b'>') => self.modes.app_keypad = false,
            (NONE, b'c') => self.reset(),
            (NONE, b'n' | b'}') => self.charsets.shift(2),
            (NONE, b'o' | b'|') => self.charsets.shift(3),
            (NONE, b'~') => self.charsets.shift(1),
            (0x25, b'@' | b'G') => {
                self.charsets.shift(0);
                self.charsets.load(0, Charset::Ascii);
            }
            (0x23, b'8') => self.alignment_test(),
            _ => {
                let slot = match u8::try_from(collect) {
                    Ok(b'(') => 0,
                    Ok(b')' | b'-') => 1,
                    Ok(b'*' | b'.') => 2,
                    Ok(b'+') => 3,
                    _ => return,
                };
                if let Some(set) = by_final(code) {
                    self.charsets.load(slot, set);
                }
            }
        }
    }

    fn csi_plain(&mut self, params: &Params, code: u8) {
        let n = params.count(0);
        match code {
            b'@' => self.insert_chars(n),
            b'A' => self.up(n),
            b'B' => self.down(n),
            b'C' | b'a' => self.right(n),
            b'D' => self.left(n),
            b'E' => {
                self.down(n);
                self.buffer().x = 0;
            }
            b'F' => {
                self.up(n);
                self.buffer().x = 0;
            }
            b'G' | b'`' => self.go_to_column(n - 1),
            b'H' | b'f' => self.go(params.count(1) - 1, n - 1),
            b'I' => self.tabs_forward(n),
            b'J' => self.erase_display(params.get(0), false),
            b'K' => self.erase_line(params.get(0), false),
            b'L' => self.insert_lines(n),
            b'M' => self.delete_lines(n),
            b'P' => self.delete_chars(n),
            b'S' => self.scroll_up(n),
            b'T' => self.scroll_down(n),
            b'X' => self.erase_chars(n),
            b'Z' => self.tabs_backward(n),
            b'b' => self.repeat(n),
            b'c' if params.get(0) <= 0 => self.reply("\x1b[?1;2c"),
            b'd' => self.go_to_row(n - 1),
            b'e' => self.lines_down(n),
            b'g' => self.clear_tabs(params.get(0)),
            b'h' => params.iter().for_each(|mode| self.set_ansi_mode(mode, true)),
            b'l' => params.iter().for_each(|mode| self.set_ansi_mode(mode, false)),
            b'm' => self.character_attributes(params),
            b'n' => self.report_status(params.get(0), ""),
            b'r' => self.set_region(params),
            b's' => self.save_cursor(),
            b't' => self.window(params.get(0), if params.len() > 1 { params.get(1) } else { 0 }),
            b'u' => self.restore_cursor(),
            _ => {}
        }
    }

    fn csi_private(&mut self, params: &Params, code: u8) {
        match code {
            b'J' => self.erase_display(params.get(0), true),
            b'K' => self.erase_line(params.get(0), true),
            b'h' => params.iter().for_each(|mode| self.set_private_mode(mode, true)),
            b'l' => params.iter().for_each(|mode| self.set_private_mode(mode, false)),
            b'n' => self.report_status(params.get(0), "?"),
            b'u' => self.reply(&format!("\x1b[?{}u", self.keyboard.shown.flags)),
            _ => {}
        }
    }

    fn csi_space(&mut self, params: &Params, code: u8) {
        match code {
            b'@' => self.shift_columns(Some(0), params.count(0), false),
            b'A' => self.shift_columns(Some(0), params.count(0), true),
            b'q' => self.modes.set_cursor(params.get(0)),
            _ => {}
        }
    }

    fn csi_other(&mut self, collect: u32, params: &Params, code: u8) {
        match (collect, code) {
            (QUOTE, b'}') => self.shift_columns(None, params.count(0), true),
            (QUOTE, b'~') => self.shift_columns(None, params.count(0), false),
            (DOUBLE_QUOTE, b'q') => self.protect(params.get(0)),
            (BANG, b'p') => self.soft_reset(),
            (DOLLAR, b'p') => self.report_ansi_mode(params.get(0)),
            (PRIVATE_DOLLAR, b'p') => {
                let mode = params.get(0);
                self.reply(&format!("\x1b[?{mode};{}$y", self.modes.report(mode, self.on_alt)));
            }
            (GREATER, b'c') if params.get(0) <= 0 => self.reply("\x1b[>0;276;0c"),
            (GREATER, b'q') if params.get(0) <= 0 => {
                self.reply(concat!("\x1bP>|longrein ", env!("CARGO_PKG_VERSION"), "\x1b\\"));
            }
            (GREATER, b'u') => self.keyboard.push(params.get(0)),
            (LESS, b'u') => self.keyboard.pop(params.count(0)),
            (EQUALS, b'u') => self.keyboard.set(params.get(0), params.get(1)),
            _ => {}
        }
    }

    fn set_ansi_mode(&mut self, mode: i32, on: bool) {
        match mode {
            4 => self.modes.insert = on,
            20 => self.modes.newline = on,
            _ => {}
        }
    }

    fn set_private_mode(&mut self, mode: i32, on: bool) {
        match (mode, on) {
            (2, true) => (0..4).for_each(|slot| self.charsets.load(slot, Charset::Ascii)),
            (6, _) => {
                self.modes.origin = on;
                self.go(0, 0);
            }
            (1048, true) => self.save_cursor(),
            (1048, false) => self.restore_cursor(),
            (1049, true) => {
                self.save_cursor();
                self.use_alt();
            }
            (1049, false) => {
                self.use_main();
                self.restore_cursor();
            }
            (47 | 1047, true) => self.use_alt(),
            (47 | 1047, false) => self.use_main(),
            _ => self.modes.set(mode, on),
        }
    }
}
