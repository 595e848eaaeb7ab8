//! What a program says of itself beside what it shows: its status (OSC 7501, the program status protocol), notifications
//! (OSC 9 of iTerm2, OSC 99 of kitty, OSC 777 of urxvt) and the bell.

use super::model::Model;
use crate::adapter::Said;
use data_encoding::{BASE64, BASE64_NOPAD};
use session::message::Doing;

/// Things said that wait to be taken; a program that says more is not heard.
const MAX_SAID: usize = 64;
/// Characters of a text.
const MAX_TEXT: usize = 1000;

impl Model {
    /// The bell rang. More than one at a time says no more than one.
    pub fn bell(&mut self) {
        if self.said.last() != Some(&Said::Bell) {
            self.say(Said::Bell);
        }
    }

    /// OSC 7501.
    pub fn status(&mut self, text: &str) {
        let fields = |name: &str| {
            let mut found = text.split(':').filter_map(|field| field.split_once('='));
            found.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let doing = match fields("state") {
            Some("idle" | "done") => Doing::Idle,
            Some("working") => Doing::Working,
            Some("blocked" | "error") => Doing::NeedsYou,
            Some("clear") => Doing::Unknown,
            _ => return,
        };
        let message = fields("msg").and_then(decode).unwrap_or_default();
        let app = plain(fields("app").unwrap_or_default());
        self.say(Said::Status { doing, app, message: plain(&message) });
    }

    /// OSC 9. The same number with a digit says something else, such as how far something is, and no notification.
    pub fn notify_iterm(&mut self, text: &str) {
        let other = text.split(';').next().is_some_and(|first| first.parse::<u8>().is_ok());
        if !other {
            self.notify(text);
        }
    }

    /// OSC 99: `metadata ; text`, in the metadata `p` for what it is and `e=1` for base64.
    pub fn notify_kitty(&mut self, text: &str) {
        let Some((metadata, text)) = text.split_once(';') else { return };
        let has = |field: &str| metadata.split(':').any(|one| one == field);
        let is_text =
            !metadata.split(':').any(|one| one.starts_with("p=")) || has("p=title") || has("p=body");
        if is_text && has("e=1") {
            self.notify(&decode(text).unwrap_or_default());
        } else if is_text {
            self.notify(text);
        }
    }

    /// OSC 777: `notify ; title ; text`.
    pub fn notify_urxvt(&mut self, text: &str) {
        if let Some(text) = text.strip_prefix("notify;") {
            self.notify(&text.replacen(';', ": ", 1));
        }
    }

    fn notify(&mut self, text: &str) {
        let text = plain(text);
        if !text.is_empty() {
            self.say(Said::Notice(text));
        }
    }

    fn say(&mut self, said: Said) {
        // Of states the newest counts.
        if let (Some(last @ Said::Status { .. }), Said::Status { .. }) = (self.said.last_mut(), &said) {
            *last = said;
        } else if self.said.len() < MAX_SAID {
            self.said.push(said);
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let bytes = BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes())).ok()?;
    String::from_utf8(bytes).ok()
}

fn plain(text: &str) -> String {
    crate::text::line(text, MAX_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Screen;

    fn said(bytes: &str) -> Vec<Said> {
        let mut screen = Screen::new(80, 24, 10);
        screen.feed(bytes.as_bytes());
        screen.said()
    }

    fn status(doing: Doing, app: &str, message: &str) -> Said {
        Said::Status { doing, app: app.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn a_status_is_what_the_program_says_last() {
        let blocked = "\x1b]7501;state=blocked:app=claude-code:kind=question:msg=YW5zd2VyOiBXaGljaCBjb2xvdXI/IChSZWQgwrcgQmx1ZSk=\x07";
        assert_eq!(
            said(blocked),
            [status(Doing::NeedsYou, "claude-code", "answer: Which colour? (Red · Blue)")]
        );
        assert_eq!(
            said("\x1b]7501;state=working:app=codex\x1b\\\x1b]7501;state=done:app=codex\x07"),
            [status(Doing::Idle, "codex", "")]
        );
        assert_eq!(said("\x1b]7501;state=clear\x07"), [status(Doing::Unknown, "", "")]);
        for nothing in ["?", "", "state", "state=dancing:app=x", "app=x"] {
            assert_eq!(said(&format!("\x1b]7501;{nothing}\x07")), [], "{nothing}");
        }
        let broken = "\x1b]7501;state=blocked:app=a\u{202e}b:msg=%%%\x07";
        assert!(matches!(&said(broken)[..], [Said::Status { message, .. }] if message.is_empty()));
    }

    #[test]
    fn notifications_in_each_dialect_and_nothing_else() {
        let notice = |text: &str| vec![Said::Notice(text.to_owned())];
        assert_eq!(said("\x1b]9;Approval requested: ls\x07"), notice("Approval requested: ls"));
        assert_eq!(said("\x1b]9;4;1;50\x07"), [], "progress");
        assert_eq!(said("\x1b]99;i=439:p=body;Claude needs you\x1b\\"), notice("Claude needs you"));
        assert_eq!(said("\x1b]99;i=1:e=1;aGk=\x1b\\"), notice("hi"));
        assert_eq!(said("\x1b]99;i=1:p=close;x\x1b\\"), []);
        assert_eq!(said("\x1b]777;notify;Build;done\x07"), notice("Build: done"));
        assert_eq!(said("\x07\x07x\x07"), [Said::Bell]);
        assert_eq!(said(&"\x1b]9;x\x07\x1b]0;t\x07".repeat(1000)).len(), MAX_SAID, "it is bounded");
    }
}
