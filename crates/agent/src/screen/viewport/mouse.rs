//! The mouse, from the terminal's cells to the screen's.

use super::Viewport;
use crate::screen::Screen;

/// The last column or row that the oldest encoding can name.
const PLAIN: usize = 223;

/// A report of mode 1006.
struct Report {
    button: usize,
    x: usize,
    y: usize,
    release: bool,
}

impl Report {
    /// Reads `ESC [ < button ; x ; y`, and `M` or `m`.
    fn read(bytes: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(bytes.strip_prefix(b"\x1b[<")?).ok()?;
        let (body, release) = match body.strip_suffix('m') {
            Some(body) => (body, true),
            None => (body.strip_suffix('M')?, false),
        };
        let mut numbers = body.split(';').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        let report = Self { button: next()?, x: next()?, y: next()?, release };
        (numbers.next().is_none() && report.x > 0 && report.y > 0).then_some(report)
    }
}

impl Viewport {
    /// What the program is to be sent for a mouse report of the terminal: shifted to where that is on the screen, in
    /// the encoding that the program asked for. `None` for what is no such report, or cannot be said in that encoding.
    /// Beside the screen counts as its edge, so that a button that was pressed on it is also let go.
    pub fn mouse(&self, screen: &Screen, report: &[u8]) -> Option<Vec<u8>> {
        let model = &screen.model;
        let Report { button, x, y, release } = Report::read(report).filter(|_| model.wants_mouse())?;
        let (left, top) = self.origin.unwrap_or_default();
        let (x, y) = ((x + left).min(model.cols), (y + top).min(model.rows));
        if model.modes.mouse_encoding == 1006 {
            return Some(format!("\x1b[<{button};{x};{y}{}", if release { 'm' } else { 'M' }).into_bytes());
        }
        // The older ones do not say which button was let go.
        let code = 32 + if release { button & !3 | 3 } else { button };
        if model.modes.others.get(&1015) == Some(&true) {
            return Some(format!("\x1b[{code};{x};{y}M").into_bytes());
        }
        let byte = |n: usize| u8::try_from(n).ok();
        (x <= PLAIN && y <= PLAIN)
            .then(|| Some([b"\x1b[M", [byte(code)?, byte(32 + x)?, byte(32 + y)?].as_slice()].concat()))
            .flatten()
    }
}
