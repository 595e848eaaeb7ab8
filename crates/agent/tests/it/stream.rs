//! A session's stream: output and changes of size, and the places where it may be cut.

use crate::judge::{self, SCROLLBACK, Verdict};
use longrein_agent::Screen;
use serde_json::{Value, json};

/// One event of a session.
#[derive(Clone, Debug)]
pub enum Op {
    /// Bytes that the program wrote.
    Write(Vec<u8>),
    /// Columns and rows from here on.
    Resize(u16, u16),
}

/// A stream from its start.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Columns and rows at the start.
    pub size: (u16, u16),
    /// What happened.
    pub ops: Vec<Op>,
}

impl Stream {
    /// Bytes in all; a resize counts as one.
    pub fn len(&self) -> usize {
        self.ops.iter().map(Op::len).sum()
    }

    /// The stream in two at a place, counted as [`Stream::len`] counts.
    fn split(&self, at: usize) -> (Vec<Op>, Vec<Op>) {
        let (mut before, mut after, mut left) = (Vec::new(), Vec::new(), at);
        for op in &self.ops {
            if left >= op.len() {
                before.push(op.clone());
                left -= op.len();
            } else if let (Op::Write(bytes), true) = (op, left > 0) {
                before.push(Op::Write(bytes[..left].to_vec()));
                after.push(Op::Write(bytes[left..].to_vec()));
                left = 0;
            } else {
                after.push(op.clone());
            }
        }
        (before, after)
    }

    /// Cut at each of these places, snapshot and rest must show what the whole shows: at the cut, and at the end.
    pub fn judge(&self, cuts: &[usize]) -> Verdict {
        let mut cuts = cuts.to_vec();
        cuts.sort_unstable();
        cuts.dedup();
        let mut whole = Vec::new();
        let mut runs = vec![Value::Null];
        let mut rest = self.clone();
        let mut done = 0;
        let mut screen = Screen::new(self.size.0, self.size.1, SCROLLBACK);
        for cut in cuts {
            let (before, after) = rest.split(cut - done);
            done = cut;
            for op in &before {
                op.apply(&mut screen);
            }
            whole.extend(before.iter().map(Op::json));
            let name = format!("cut {cut}");
            whole.push(json!({ "c": name }));
            let snapshot = Op::Write(screen.snapshot());
            let mut ops = vec![snapshot.json(), json!({ "c": name })];
            ops.extend(after.iter().map(Op::json));
            ops.push(json!({ "c": "end" }));
            runs.push(json!({ "cols": screen.cols(), "rows": screen.rows(), "ops": ops }));
            rest.ops = after;
        }
        whole.extend(rest.ops.iter().map(Op::json));
        whole.push(json!({ "c": "end" }));
        runs[0] = json!({ "cols": self.size.0, "rows": self.size.1, "ops": whole });
        judge::compare(&runs)
    }
}

impl Op {
    fn len(&self) -> usize {
        match self {
            Self::Write(bytes) => bytes.len(),
            Self::Resize(..) => 1,
        }
    }

    /// As the model sees it.
    pub fn apply(&self, screen: &mut Screen) {
        match self {
            Self::Write(bytes) => screen.feed(bytes),
            Self::Resize(cols, rows) => screen.resize(*cols, *rows),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Write(bytes) => json!({ "w": data_encoding::BASE64.encode(bytes) }),
            Self::Resize(cols, rows) => json!({ "r": [cols, rows] }),
        }
    }
}
