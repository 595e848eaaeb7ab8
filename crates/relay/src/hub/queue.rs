//! What waits to be written on a link. Pure.

use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use wire::Conn;

/// What one frame counts for, so that many tiny ones are bounded too.
pub(crate) fn cost(frame: &Bytes) -> usize {
    frame.len() + 48
}

/// Frames in order.
#[derive(Debug, Default)]
pub(crate) struct Fifo {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Fifo {
    pub(crate) fn push(&mut self, frame: Bytes) {
        self.bytes += cost(&frame);
        self.frames.push_back(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= cost(&frame);
        if self.frames.is_empty() && self.frames.capacity() > 256 {
            self.frames = VecDeque::new();
        }
        Some(frame)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A host's link: a lane for each connection, served in turn, so that one client's flood does not delay another's
/// keystroke; and before all of them what concerns the link itself.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    link: Fifo,
    conns: HashMap<Conn, Fifo>,
    /// Lanes that are not empty, each once, in the order of their turns.
    turns: VecDeque<Conn>,
    bytes: usize,
}

impl Lanes {
    pub(crate) fn push_link(&mut self, frame: Bytes) {
        self.bytes += cost(&frame);
        self.link.push(frame);
    }

    pub(crate) fn push(&mut self, conn: Conn, frame: Bytes) {
        self.bytes += cost(&frame);
        let lane = self.conns.entry(conn).or_default();
        if lane.is_empty() {
            self.turns.push_back(conn);
        }
        lane.push(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.link.pop().or_else(|| self.pop_lane())?;
        self.bytes -= cost(&frame);
        Some(frame)
    }

    fn pop_lane(&mut self) -> Option<Bytes> {
        let conn = self.turns.pop_front()?;
        let lane = self.conns.get_mut(&conn)?;
        let frame = lane.pop();
        if lane.is_empty() {
            self.conns.remove(&conn);
        } else {
            self.turns.push_back(conn);
        }
        frame
    }

    /// Bytes that wait in one lane.
    pub(crate) fn lane(&self, conn: Conn) -> usize {
        self.conns.get(&conn).map_or(0, Fifo::bytes)
    }

    /// Bytes that wait for the link itself.
    pub(crate) fn link(&self) -> usize {
        self.link.bytes()
    }

    /// Forgets what waits in one lane.
    pub(crate) fn clear_lane(&mut self, conn: Conn) {
        if let Some(lane) = self.conns.remove(&conn) {
            self.bytes -= lane.bytes();
            self.turns.retain(|turn| *turn != conn);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.link.is_empty() && self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lanes_take_turns_and_keep_their_order() {
        let mut lanes = Lanes::default();
        for n in 0..3u8 {
            lanes.push(Conn(1), Bytes::from(vec![1, n]));
        }
        lanes.push(Conn(2), Bytes::from_static(&[2, 0]));
        lanes.push_link(Bytes::from_static(&[0]));
        let order: Vec<Vec<u8>> = std::iter::from_fn(|| lanes.pop()).map(|frame| frame.to_vec()).collect();
        assert_eq!(order, [vec![0], vec![1, 0], vec![2, 0], vec![1, 1], vec![1, 2]]);
        assert!(lanes.is_empty() && lanes.bytes() == 0);
    }

    proptest! {
        #[test]
        fn the_count_of_bytes_is_right(steps in prop::collection::vec((0u32..5, 0usize..100, 0u8..10), 0..200)) {
            let mut lanes = Lanes::default();
            for (conn, length, step) in steps {
                match step {
                    0 => lanes.clear_lane(Conn(conn)),
                    1..=3 => drop(lanes.pop()),
                    4 => lanes.push_link(vec![0; length].into()),
                    _ => lanes.push(Conn(conn), vec![0; length].into()),
                }
                let sum = lanes.link.bytes() + lanes.conns.values().map(Fifo::bytes).sum::<usize>();
                prop_assert_eq!(lanes.bytes(), sum);
                prop_assert_eq!(lanes.turns.len(), lanes.conns.len());
                prop_assert!(lanes.conns.values().all(|lane| !lane.is_empty()));
            }
        }
    }
}
