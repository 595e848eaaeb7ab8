//! Who sets a session's terminal size.
//!
//! The widest attached screen does, and of several equally wide ones the one that typed last; so a phone beside a desk
//! terminal keeps the desk's layout, whichever of them types. A client may take the size over, and gives it back, or
//! loses it to the next taker or by leaving. With no screen attached the size stays what it was.

use crate::message::Size;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
struct Screen {
    size: Size,
    /// When it typed last, in this machine's own count; 0 for never.
    typed: u64,
}

/// The machine for one session; `K` names a client. Sizes that come out are clamped, and come out only when they differ
/// from the one before.
#[derive(Clone, Debug)]
pub struct Sizing<K> {
    current: Size,
    screens: BTreeMap<K, Screen>,
    taken: Option<K>,
    count: u64,
}

impl<K: Ord + Clone> Sizing<K> {
    /// Nobody is attached, and the terminal has this size.
    pub fn new(size: Size) -> Self {
        Self { current: size.clamped(), screens: BTreeMap::new(), taken: None, count: 0 }
    }

    /// The terminal's size.
    pub fn current(&self) -> Size {
        self.current
    }

    /// A client's screen is this from now on: it attached, or was resized.
    pub fn handle_screen(&mut self, client: K, size: Size) -> Option<Size> {
        let typed = self.screens.get(&client).map_or(0, |screen| screen.typed);
        self.screens.insert(client, Screen { size: size.clamped(), typed });
        self.settle()
    }

    /// A client typed.
    pub fn handle_typed(&mut self, client: &K) -> Option<Size> {
        self.count += 1;
        if let Some(screen) = self.screens.get_mut(client) {
            screen.typed = self.count;
        }
        self.settle()
    }

    /// A client takes the size over; without a screen it has nothing to set it to, and nothing happens.
    pub fn handle_take(&mut self, client: &K) -> Option<Size> {
        if self.screens.contains_key(client) {
            self.taken = Some(client.clone());
        }
        self.settle()
    }

    /// A client gives back what it took; from anybody else it means nothing.
    pub fn handle_give(&mut self, client: &K) -> Option<Size> {
        if self.taken.as_ref() == Some(client) {
            self.taken = None;
        }
        self.settle()
    }

    /// A client left.
    pub fn handle_gone(&mut self, client: &K) -> Option<Size> {
        self.screens.remove(client);
        self.handle_give(client)
    }

    fn settle(&mut self) -> Option<Size> {
        let taker = self.taken.as_ref().and_then(|client| self.screens.get(client));
        let by_rule =
            || self.screens.values().max_by_key(|screen| (screen.size.cols, screen.typed, screen.size.rows));
        let size = taker.or_else(by_rule)?.size;
        (size != self.current).then(|| {
            self.current = size;
            size
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DESK: Size = Size { cols: 120, rows: 40 };
    const PHONE: Size = Size { cols: 45, rows: 60 };

    fn size(cols: u16, rows: u16) -> Size {
        Size { cols, rows }
    }

    #[test]
    fn a_phone_beside_a_desk_terminal_keeps_the_desks_size() {
        let mut sizing = Sizing::new(size(80, 24));
        assert_eq!(sizing.handle_screen("phone", PHONE), Some(PHONE));
        assert_eq!(sizing.handle_screen("desk", DESK), Some(DESK));
        assert_eq!(sizing.handle_typed(&"phone"), None);
        assert_eq!(sizing.handle_gone(&"desk"), Some(PHONE));
        assert_eq!(sizing.handle_gone(&"phone"), None);
        assert_eq!(sizing.current(), PHONE);
    }

    #[test]
    fn of_equally_wide_screens_the_one_that_typed_last_sets_it() {
        let mut sizing = Sizing::new(size(80, 24));
        sizing.handle_screen("a", size(80, 30));
        assert_eq!(sizing.handle_screen("b", size(80, 50)), Some(size(80, 50)));
        assert_eq!(sizing.handle_typed(&"a"), Some(size(80, 30)));
        assert_eq!(sizing.handle_typed(&"b"), Some(size(80, 50)));
        assert_eq!(sizing.handle_screen("a", size(80, 10)), None);
    }

    #[test]
    fn a_taker_keeps_the_size_until_it_gives_leaves_or_another_takes() {
        let mut sizing = Sizing::new(size(80, 24));
        sizing.handle_screen("desk", DESK);
        sizing.handle_screen("phone", PHONE);
        assert_eq!(sizing.handle_take(&"phone"), Some(PHONE));
        assert_eq!(sizing.handle_typed(&"desk"), None);
        assert_eq!(sizing.handle_screen("phone", size(60, 45)), Some(size(60, 45)));
        assert_eq!(sizing.handle_give(&"desk"), None);
        assert_eq!(sizing.handle_take(&"nobody"), None);
        assert_eq!(sizing.handle_take(&"desk"), Some(DESK));
        assert_eq!(sizing.handle_take(&"phone"), Some(size(60, 45)));
        assert_eq!(sizing.handle_give(&"phone"), Some(DESK));
        sizing.handle_take(&"phone");
        assert_eq!(sizing.handle_gone(&"phone"), Some(DESK));
    }

    #[test]
    fn absurd_sizes_are_clamped() {
        let mut sizing = Sizing::new(size(0, 0));
        assert_eq!(sizing.current(), size(2, 1));
        assert_eq!(sizing.handle_screen(1, size(u16::MAX, u16::MAX)), Some(size(1000, 500)));
        assert_eq!(sizing.handle_screen(1, size(1, 1)), Some(size(2, 1)));
    }

    proptest! {
        #[test]
        fn the_size_is_always_the_takers_or_a_widest_screen(
            steps in prop::collection::vec((0u8..5, 0u8..4, 1u16..200, 1u16..100), 1..60),
        ) {
            let mut sizing = Sizing::new(size(80, 24));
            for (what, client, cols, rows) in steps {
                let before = sizing.current();
                let out = match what {
                    0 => sizing.handle_screen(client, size(cols, rows)),
                    1 => sizing.handle_typed(&client),
                    2 => sizing.handle_take(&client),
                    3 => sizing.handle_give(&client),
                    _ => sizing.handle_gone(&client),
                };
                prop_assert_eq!(out.is_some(), before != sizing.current());
                match (&sizing.taken, sizing.screens.values().map(|screen| screen.size.cols).max()) {
                    (_, None) => prop_assert_eq!(before, sizing.current()),
                    (Some(taker), _) => prop_assert_eq!(sizing.screens[taker].size, sizing.current()),
                    (None, Some(widest)) => prop_assert_eq!(widest, sizing.current().cols),
                }
            }
        }
    }
}
