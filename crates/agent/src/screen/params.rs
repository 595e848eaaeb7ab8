//! The parameters of a control sequence: numbers, each with sub-parameters of its own.

const MAX: usize = 32;

/// At most 32 parameters and 32 sub-parameters in all; a value that is missing is 0, a missing sub-parameter -1.
#[derive(Clone, Debug)]
pub struct Params {
    values: [i32; MAX],
    len: usize,
    subs: [i32; MAX],
    subs_len: usize,
    /// Where each parameter's sub-parameters begin and end.
    ranges: [(u8, u8); MAX],
    reject_digits: bool,
    reject_sub_digits: bool,
    digit_is_sub: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            values: [0; MAX],
            len: 1,
            subs: [0; MAX],
            subs_len: 0,
            ranges: [(0, 0); MAX],
            reject_digits: false,
            reject_sub_digits: false,
            digit_is_sub: false,
        }
    }
}

impl Params {
    /// Back to one parameter, 0.
    pub fn clear(&mut self) {
        self.values[0] = 0;
        self.ranges[0] = (0, 0);
        self.len = 1;
        self.subs_len = 0;
        self.reject_digits = false;
        self.reject_sub_digits = false;
        self.digit_is_sub = false;
    }

    /// How many; at least one.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The value, 0 where there is none.
    pub fn get(&self, at: usize) -> i32 {
        if at < self.len { self.values[at] } else { 0 }
    }

    /// The value, or 1 where it is missing or 0.
    pub fn count(&self, at: usize) -> usize {
        usize::try_from(self.get(at)).unwrap_or(1).max(1)
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = i32> {
        self.values[..self.len].iter().copied()
    }

    /// The sub-parameters of one.
    pub fn subs(&self, at: usize) -> &[i32] {
        if at >= self.len {
            return &[];
        }
        let (start, end) = self.ranges[at];
        &self.subs[usize::from(start)..usize::from(end)]
    }

    /// A digit, `;` or `:`.
    pub fn push(&mut self, c: u8) {
        match c {
            b';' => self.add(),
            b':' => self.add_sub(),
            _ => self.digit(i32::from(c) - i32::from(b'0')),
        }
    }

    /// Digits and `;` after [`Self::clear`].
    pub fn push_plain(&mut self, text: &[u8]) {
        let mut value = 0i32;
        for c in text {
            if *c == b';' {
                if self.len == MAX {
                    break;
                }
                self.values[self.len - 1] = value;
                self.ranges[self.len] = (0, 0);
                self.len += 1;
                value = 0;
            } else {
                value = value.saturating_mul(10).saturating_add(i32::from(c - b'0'));
            }
        }
        self.values[self.len - 1] = value;
    }

    fn add(&mut self) {
        self.digit_is_sub = false;
        if self.len >= MAX {
            self.reject_digits = true;
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX")]
        let here = self.subs_len as u8;
        self.ranges[self.len] = (here, here);
        self.values[self.len] = 0;
        self.len += 1;
    }

    fn add_sub(&mut self) {
        self.digit_is_sub = true;
        if self.reject_digits || self.subs_len >= MAX {
            self.reject_sub_digits = true;
            return;
        }
        self.subs[self.subs_len] = -1;
        self.subs_len += 1;
        self.ranges[self.len - 1].1 += 1;
    }

    fn digit(&mut self, digit: i32) {
        if self.reject_digits || self.digit_is_sub && (self.reject_sub_digits || self.subs_len == 0) {
            return;
        }
        let value = if self.digit_is_sub {
            &mut self.subs[self.subs_len - 1]
        } else {
            &mut self.values[self.len - 1]
        };
        *value = if *value == -1 { digit } else { value.saturating_mul(10).saturating_add(digit) };
    }
}
