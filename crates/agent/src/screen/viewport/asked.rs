//! What the program asked of the terminal beside its picture: which keys send what, the mouse, the cursor's shape.

use crate::screen::model::Model;
use crate::screen::modes::Mouse;
use std::collections::BTreeMap;

/// Mouse encodings: the terminal's is always 1006, which [`super::Viewport::mouse`] turns into the program's.
const ENCODINGS: &[u16] = &[1005, 1015];

/// All of it, as far as it is switched by one sequence. The default is a fresh terminal's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Private modes: on or off; what is not here was never touched.
    modes: BTreeMap<u16, bool>,
    app_keypad: bool,
    mouse: Option<u16>,
    /// Of the kitty keyboard protocol.
    keys: u8,
    /// DECSCUSR; 0 is the terminal's own.
    cursor: u8,
}

impl Asked {
    /// What the program wants now.
    pub fn by(model: &Model) -> Self {
        let all = &model.modes;
        let mut switched: BTreeMap<u16, bool> = all
            .others
            .iter()
            .filter(|(mode, _)| !ENCODINGS.contains(mode))
            .map(|(mode, on)| (*mode, *on))
            .collect();
        let plain = [(1, all.app_cursor), (1004, all.focus), (2004, all.bracketed_paste)];
        switched.extend(plain.into_iter().filter(|(_, on)| *on));
        switched.extend(all.blink.map(|blink| (12, blink)));
        Self {
            modes: switched,
            app_keypad: all.app_keypad,
            // What pixels the program would have to be told of is not known here.
            mouse: all.mouse.mode().filter(|_| all.mouse_encoding != 1016),
            keys: model.keyboard.shown.flags,
            cursor: match (all.cursor_shape, all.cursor_blink) {
                (0, None) => 0,
                // Numbers that terminals take for their own shape, of which only the blinking counts.
                (0, Some(blink)) => 8 - u8::from(blink),
                (shape, blink) => shape * 2 - u8::from(blink.unwrap_or(false)),
            },
        }
    }

    /// Becomes `wanted`, and writes what brings a terminal along.
    pub fn change(&mut self, wanted: Self, out: &mut Vec<u8>) {
        let mut say = |text: String| out.extend_from_slice(text.as_bytes());
        let switch = |mode: u16, on: bool| format!("\x1b[?{mode}{}", if on { 'h' } else { 'l' });
        for mode in self.modes.keys().filter(|mode| !wanted.modes.contains_key(mode)) {
            say(switch(*mode, false));
        }
        for (mode, on) in &wanted.modes {
            if self.modes.get(mode) != Some(on) {
                say(switch(*mode, *on));
            }
        }
        if self.app_keypad != wanted.app_keypad {
            say(format!("\x1b{}", if wanted.app_keypad { '=' } else { '>' }));
        }
        if self.mouse != wanted.mouse {
            self.mouse.into_iter().for_each(|mode| say(switch(mode, false)));
            say(switch(1006, wanted.mouse.is_some()));
            wanted.mouse.into_iter().for_each(|mode| say(switch(mode, true)));
        }
        if self.keys != wanted.keys {
            say(format!("\x1b[={};1u", wanted.keys));
        }
        if self.cursor != wanted.cursor {
            say(format!("\x1b[{} q", wanted.cursor));
        }
        *self = wanted;
    }
}

impl Model {
    /// Whether the program is told of the mouse at all.
    pub(super) fn wants_mouse(&self) -> bool {
        self.modes.mouse != Mouse::None && self.modes.mouse_encoding != 1016
    }
}
