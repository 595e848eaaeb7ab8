//! The kitty keyboard protocol's flags: a stack for each of the two screens.

/// Entries of one stack; the oldest is dropped.
const DEPTH: usize = 16;

/// The flags in force and those below them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    pub flags: u8,
    pub below: Vec<u8>,
}

/// Both stacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyboard {
    pub shown: Stack,
    pub other: Stack,
    on_alt: bool,
}

impl Keyboard {
    /// Each screen has its own stack.
    pub fn use_alt(&mut self, on_alt: bool) {
        if self.on_alt != on_alt {
            self.on_alt = on_alt;
            std::mem::swap(&mut self.shown, &mut self.other);
        }
    }

    /// `CSI > flags u`.
    pub fn push(&mut self, flags: i32) {
        let stack = &mut self.shown;
        if stack.below.len() == DEPTH {
            stack.below.remove(0);
        }
        stack.below.push(stack.flags);
        stack.flags = bits(flags);
    }

    /// `CSI < n u`.
    pub fn pop(&mut self, n: usize) {
        for _ in 0..n.min(DEPTH + 1) {
            self.shown.flags = self.shown.below.pop().unwrap_or(0);
        }
    }

    /// `CSI = flags ; how u`: 1 replaces, 2 adds, 3 takes away.
    pub fn set(&mut self, flags: i32, how: i32) {
        let flags = bits(flags);
        match how {
            0 | 1 => self.shown.flags = flags,
            2 => self.shown.flags |= flags,
            3 => self.shown.flags &= !flags,
            _ => {}
        }
    }
}

fn bits(flags: i32) -> u8 {
    u8::try_from(flags & 0x1f).unwrap_or(0)
}
