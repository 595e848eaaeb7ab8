//! The switches.

use std::collections::BTreeMap;

/// Which mouse events the program wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mouse {
    #[default]
    None,
    X10,
    Normal,
    Drag,
    Any,
}

impl Mouse {
    /// The private mode that sets it.
    pub fn mode(self) -> Option<u16> {
        match self {
            Self::None => None,
            Self::X10 => Some(9),
            Self::Normal => Some(1000),
            Self::Drag => Some(1002),
            Self::Any => Some(1003),
        }
    }
}

/// Switches that xterm.js does not have and other terminals do. They are handed on and mean nothing here:
/// reverse video, mouse encodings, alternate scroll, meta keys, colour scheme reports.
const OTHERS: &[u16] = &[5, 1005, 1007, 1015, 1034, 1035, 1036, 1039, 1042, 1043, 2031];

/// All of them. The default is a fresh terminal's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "that is what a terminal has")]
pub struct Modes {
    pub insert: bool,
    /// LNM: a line feed also returns.
    pub newline: bool,
    pub app_cursor: bool,
    pub app_keypad: bool,
    pub bracketed_paste: bool,
    pub origin: bool,
    pub reverse_wrap: bool,
    pub focus: bool,
    pub synchronized: bool,
    pub wrap: bool,
    pub hidden: bool,
    /// Mode 12, if it was ever set or reset.
    pub blink: Option<bool>,
    /// DECSCUSR: 1 block, 2 underline, 3 bar; 0 is the terminal's own.
    pub cursor_shape: u8,
    /// DECSCUSR: whether that blinks.
    pub cursor_blink: Option<bool>,
    pub mouse: Mouse,
    /// 1006 or 1016; 0 is the plain encoding.
    pub mouse_encoding: u16,
    pub others: BTreeMap<u16, bool>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            insert: false,
            newline: false,
            app_cursor: false,
            app_keypad: false,
            bracketed_paste: false,
            origin: false,
            reverse_wrap: false,
            focus: false,
            synchronized: false,
            wrap: true,
            hidden: false,
            blink: None,
            cursor_shape: 0,
            cursor_blink: None,
            mouse: Mouse::None,
            mouse_encoding: 0,
            others: BTreeMap::new(),
        }
    }
}

impl Modes {
    /// The modes that a reset resets; a full one takes the mouse too.
    pub fn reset(&mut self, full: bool) {
        let old = std::mem::take(self);
        self.newline = old.newline;
        self.hidden = old.hidden;
        self.blink = old.blink;
        if !full {
            self.mouse = old.mouse;
            self.mouse_encoding = old.mouse_encoding;
            self.others = old.others;
        }
    }

    /// DECSCUSR. Of an unknown style only whether it blinks is taken.
    pub fn set_cursor(&mut self, style: i32) {
        if style == 0 {
            (self.cursor_shape, self.cursor_blink) = (0, None);
            return;
        }
        if let 1..=6 = style {
            self.cursor_shape = u8::try_from((style + 1) / 2).unwrap_or(0);
        }
        self.cursor_blink = Some(style % 2 == 1);
    }

    /// Sets or resets a private mode that is nothing but a switch.
    pub fn set(&mut self, mode: i32, on: bool) {
        let mouse = |kind| if on { kind } else { Mouse::None };
        match mode {
            1 => self.app_cursor = on,
            7 => self.wrap = on,
            9 => self.mouse = mouse(Mouse::X10),
            12 => self.blink = Some(on),
            25 => self.hidden = !on,
            45 => self.reverse_wrap = on,
            66 => self.app_keypad = on,
            1000 => self.mouse = mouse(Mouse::Normal),
            1002 => self.mouse = mouse(Mouse::Drag),
            1003 => self.mouse = mouse(Mouse::Any),
            1004 => self.focus = on,
            1006 => self.mouse_encoding = if on { 1006 } else { 0 },
            1016 => self.mouse_encoding = if on { 1016 } else { 0 },
            2004 => self.bracketed_paste = on,
            2026 => self.synchronized = on,
            _ => {
                if let Some(mode) = u16::try_from(mode).ok().filter(|m| OTHERS.contains(m)) {
                    self.others.insert(mode, on);
                }
            }
        }
    }

    /// What DECRQM answers for a private mode: 1 set, 2 reset, 3 and 4 for good, 0 unknown.
    pub fn report(&self, mode: i32, on_alt: bool) -> u8 {
        let answer = |on: bool| if on { 1 } else { 2 };
        match mode {
            1 => answer(self.app_cursor),
            6 => answer(self.origin),
            7 => answer(self.wrap),
            8 | 1048 => 1,
            9 => answer(self.mouse == Mouse::X10),
            12 => answer(self.blink == Some(true)),
            25 => answer(!self.hidden),
            45 => answer(self.reverse_wrap),
            66 => answer(self.app_keypad),
            1000 => answer(self.mouse == Mouse::Normal),
            1002 => answer(self.mouse == Mouse::Drag),
            1003 => answer(self.mouse == Mouse::Any),
            1004 => answer(self.focus),
            67 | 1005 | 1015 => 4,
            1006 | 1016 => answer(i32::from(self.mouse_encoding) == mode),
            47 | 1047 | 1049 => answer(on_alt),
            2004 => answer(self.bracketed_paste),
            2026 => answer(self.synchronized),
            // Clusters are always drawn as one.
            2027 => 3,
            _ => 0,
        }
    }
}
