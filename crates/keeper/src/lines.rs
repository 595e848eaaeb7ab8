//! Bytes into lines, each of a bounded length.

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A longer one was thrown away; it had so many bytes.
    Overlong(u64),
}

/// Collects bytes until a line is whole.
#[derive(Debug)]
pub(crate) struct Lines {
    most: usize,
    buffer: Vec<u8>,
    /// Bytes of the line that were thrown away.
    dropped: u64,
}

impl Lines {
    pub fn new(most: usize) -> Self {
        Self { most, buffer: Vec::new(), dropped: 0 }
    }

    /// Takes bytes, and gives out the lines that they end.
    pub fn feed(&mut self, mut bytes: &[u8], mut line: impl FnMut(Line)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.add(&bytes[..end]);
            bytes = &bytes[end + 1..];
            line(self.take());
        }
        self.add(bytes);
    }

    /// What is left at the end, if anything is.
    pub fn finish(&mut self) -> Option<Line> {
        (self.dropped > 0 || !self.buffer.is_empty()).then(|| self.take())
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.dropped == 0 && self.buffer.len() + bytes.len() <= self.most {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.dropped += (std::mem::take(&mut self.buffer).len() + bytes.len()) as u64;
        }
    }

    fn take(&mut self) -> Line {
        let mut buffer = std::mem::take(&mut self.buffer);
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            return Line::Overlong(dropped);
        }
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        Line::Whole(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_the_bytes_are_cut() {
        let text = b"one\r\n\ntwo is longer than eight\nthree\nfour";
        let expected = [
            Line::Whole(b"one".to_vec()),
            Line::Whole(b"".to_vec()),
            Line::Overlong(24),
            Line::Whole(b"three".to_vec()),
            Line::Whole(b"four".to_vec()),
        ];
        for size in 1..text.len() {
            let (mut lines, mut found) = (Lines::new(8), Vec::new());
            for piece in text.chunks(size) {
                lines.feed(piece, |line| found.push(line));
            }
            found.extend(lines.finish());
            assert_eq!(found, expected, "pieces of {size}");
            assert_eq!(lines.finish(), None);
        }
    }
}
