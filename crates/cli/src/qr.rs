//! A link as a QR code of half blocks.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white by name, whatever the terminal's own colours: a camera needs dark on light.
const COLOURS: &str = "\x1b[38;5;16;48;5;231m";

/// The code's lines, each with its colours, and its width in columns. `None` where the text is too long for any code.
pub fn lines(text: &str) -> Option<(Vec<String>, usize)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let width = picture.lines().next()?.chars().count();
    let lines = picture.lines().map(|line| format!("{COLOURS}{line}\x1b[0m")).collect();
    Some((lines, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_fits_a_common_terminal() {
        let url = format!("http://192.168.100.200:47800/#i={}", "A".repeat(108));
        let (lines, width) = lines(&url).unwrap();
        assert!(width <= 60 && lines.len() <= 30, "{width} x {}", lines.len());
        assert!(lines.iter().all(|line| line.starts_with(COLOURS)));
    }

    #[test]
    fn text_beyond_every_code_is_none() {
        assert!(lines(&"x".repeat(5000)).is_none());
    }
}
