//! The panel: a QR code, its link and what has happened to it, drawn on the alternate screen over the program.
//!
//! Nothing here talks to anybody. It turns a picture of the state into the bytes that draw it.

use crate::duration;
use crate::qr;
use crate::terminal::keys::Prefix;
use session::message::Size;
use std::fmt::Write as _;

/// What the panel shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Panel {
    /// A link that pairs one device.
    Link {
        /// With the invitation in its fragment.
        url: String,
        /// Seconds until it is dead; 0 is dead.
        left: u32,
    },
    /// Something that happened, or went wrong, in lines.
    Told(Vec<String>),
    /// The session ends by itself soon.
    Ending {
        /// Its name or id, for a command.
        session: String,
        /// Seconds.
        left: u64,
    },
    /// The keys.
    Help,
}

/// Onto the alternate screen, cleared, cursor hidden, nothing reported.
pub const OPEN: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[0m\x1b[2J\x1b[H";
/// Back to the main screen.
pub const CLOSE: &[u8] = b"\x1b[?1049l\x1b[?25h";

/// The bytes that draw the panel on a cleared screen of this size.
pub fn draw(panel: &Panel, size: Size, prefix: Prefix) -> Vec<u8> {
    let mut lines = Vec::new();
    match panel {
        Panel::Link { url, left } => link(&mut lines, url, *left, size, prefix),
        Panel::Told(told) => block(&mut lines, told),
        Panel::Ending { session, left } => block(&mut lines, &ending(session, *left)),
        Panel::Help => block(&mut lines, &help(prefix)),
    }
    place(&lines, size)
}

/// Lines that begin in the same column, and how to go on.
fn block(lines: &mut Vec<Line>, text: &[String]) {
    let back = [String::new(), "Press any key to go back.".to_owned()];
    let text = || text.iter().chain(&back);
    let width = text().map(|line| line.chars().count()).max().unwrap_or(0);
    lines.extend(text().map(|line| Line { text: line.clone(), width }));
}

fn ending(session: &str, left: u64) -> [String; 2] {
    [
        format!("This session ends by itself in {}.", duration::show(left)),
        format!("More time: longrein ttl {session} +30m"),
    ]
}

fn help(prefix: Prefix) -> [String; 9] {
    [
        format!("{prefix} d   leave; the session goes on"),
        format!("{prefix} f   give the session this terminal's size; again to give that back"),
        format!("{prefix} q   show or hide the QR code that pairs a device"),
        format!("{prefix} ?   this help"),
        format!("{prefix} {prefix}   type {prefix} itself"),
        String::new(),
        "The terminal has the size of the largest screen attached, among equals of the one".to_owned(),
        "that typed last, or that took it over. Where yours is smaller you see the part that the".to_owned(),
        "cursor is in; where it is larger, a margin.".to_owned(),
    ]
}

struct Line {
    text: String,
    width: usize,
}

impl Line {
    fn text(text: &str) -> Self {
        Self { text: text.to_owned(), width: text.chars().count() }
    }
}

fn link(lines: &mut Vec<Line>, url: &str, left: u32, size: Size, prefix: Prefix) {
    if left == 0 {
        lines.push(Line::text("This code is dead: it was not used in 60 seconds."));
        lines.push(Line::text(""));
        lines.push(Line::text("r  a fresh code"));
        lines.push(Line::text(&format!("q  back to the program ({prefix} q brings this panel again)")));
        return;
    }
    let text = [
        format!("Scan to open this session on another device. One use, {left} s left."),
        format!("r  a fresh code    q  back to the program ({prefix} q brings this panel again)"),
    ];
    let columns = usize::from(size.cols);
    let link_rows = url.len().div_ceil(columns.max(1));
    let fits = |height: usize, width: usize| {
        width <= columns && height + text.len() + link_rows + 2 <= usize::from(size.rows)
    };
    match qr::lines(url) {
        Some((code, width)) if fits(code.len(), width) => {
            lines.extend(code.into_iter().map(|text| Line { text, width }));
        }
        _ => lines
            .push(Line::text("(This terminal is too small for the QR code; open the link, or enlarge it.)")),
    }
    lines.push(Line::text(""));
    // Unbroken by us and from the left edge, so that the terminal joins it again when it is selected.
    lines.push(Line { text: url.to_owned(), width: columns.max(url.len()) });
    lines.push(Line::text(""));
    lines.extend(text.iter().map(|line| Line::text(line)));
}

/// Lines in the middle of the screen, as many as fit.
fn place(lines: &[Line], size: Size) -> Vec<u8> {
    let columns = usize::from(size.cols);
    let height: usize = lines.iter().map(|line| line.width.div_ceil(columns.max(1)).max(1)).sum();
    let mut row = usize::from(size.rows).saturating_sub(height) / 2 + 1;
    let mut bytes = String::from("\x1b[0m\x1b[2J");
    for line in lines {
        if row > usize::from(size.rows) {
            break;
        }
        let column = columns.saturating_sub(line.width) / 2 + 1;
        let _ = write!(bytes, "\x1b[{row};{column}H{}", line.text);
        row += line.width.div_ceil(columns.max(1)).max(1);
    }
    bytes.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:7373/#i=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn drawn(panel: &Panel, cols: u16, rows: u16) -> String {
        String::from_utf8(draw(panel, Size { cols, rows }, Prefix::default())).unwrap()
    }

    #[test]
    fn the_code_is_drawn_where_it_fits_and_the_link_always() {
        let panel = Panel::Link { url: URL.to_owned(), left: 60 };
        let large = drawn(&panel, 100, 40);
        assert!(large.contains('\u{2580}') && large.contains(URL) && large.contains("60 s left"));
        let small = drawn(&panel, 40, 12);
        assert!(!small.contains('\u{2580}') && small.contains(URL));
    }

    #[test]
    fn a_dead_code_is_not_shown() {
        let dead = drawn(&Panel::Link { url: URL.to_owned(), left: 0 }, 100, 40);
        assert!(!dead.contains(URL) && !dead.contains('\u{2580}') && dead.contains("fresh code"));
    }

    #[test]
    fn an_end_that_is_near_says_how_near_and_what_to_do() {
        let panel = Panel::Ending { session: "host/abc".to_owned(), left: 600 };
        let shown = drawn(&panel, 80, 24);
        assert!(shown.contains("in 10 min.") && shown.contains("longrein ttl host/abc +30m"), "{shown}");
    }

    #[test]
    fn no_screen_is_too_small() {
        for (cols, rows) in [(1, 1), (2, 1), (1000, 1), (1, 1000)] {
            for panel in
                [Panel::Help, Panel::Link { url: URL.to_owned(), left: 1 }, Panel::Told(vec!["x".into()])]
            {
                assert!(drawn(&panel, cols, rows).starts_with("\x1b[0m\x1b[2J"));
            }
        }
    }
}
