//! Whether a prompt that was typed into Claude's composer, the lines of its terminal where prompts are written, was sent off.
//! As it starts, Claude shows what is typed and may lose the Enter behind it: then it is pressed once more.

use crate::adapter::Looked;
use std::time::Duration;

/// From one look to the next.
pub(super) const LOOK: Duration = Duration::from_millis(400);
/// How often Enter is pressed once more.
const MOST: u32 = 4;
/// Milliseconds after which what is not shown is taken to be sent off: commands are told by no hook.
const SENT: u64 = 60_000;
/// Bytes of a prompt that are looked for, from its end.
const MAX_TEXT: usize = 256 * 1024;
/// The lines above and below it begin with this.
const RULE: &str = "───";
/// Its first line does.
const MARK: char = '❯';

/// What was typed, and no hook has told of.
#[derive(Debug, Default)]
pub(super) struct Composer {
    /// Without blanks: its lines are broken somewhere. Empty where there is nothing.
    typed: String,
    /// Unix milliseconds until which it is looked for; 0 before the first look.
    until: u64,
    /// What stood there at the last look.
    seen: Option<String>,
    pressed: u32,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing is typed.
    Rest,
    Look,
    Enter,
    /// Claude does not take it.
    GiveUp,
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What stands in the composer, without blanks; `None` where there is none, as while something is asked.
fn shown(screen: &[String]) -> Option<String> {
    let below = screen.iter().rposition(|line| line.starts_with(RULE))?;
    let above = screen[..below].iter().rposition(|line| line.starts_with(RULE))?;
    let text = bare(&screen[above + 1..below].concat());
    text.strip_prefix(MARK).map(str::to_owned)
}

impl Composer {
    /// This was typed, with Enter.
    pub(super) fn typed(&mut self, text: &str) {
        let mut typed = std::mem::take(&mut self.typed) + &bare(text);
        let from = typed.len().saturating_sub(MAX_TEXT);
        typed.drain(..typed.ceil_char_boundary(from));
        *self = Self { typed, ..Self::default() };
    }

    /// It has this prompt, and perhaps not yet what was typed behind that.
    pub(super) fn taken(&mut self, prompt: &str) {
        let prompt = bare(prompt);
        if prompt.ends_with(&self.typed) {
            // With what stood there before it.
            self.stop();
        } else if let Some(at) = self.typed.find(&prompt).filter(|_| !prompt.is_empty()) {
            // No hook tells of the commands before it.
            self.typed.drain(..at + prompt.len());
        }
    }

    /// Whatever stands there now stays there.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// The terminal looks like this; `ready` where Claude does nothing and asks nothing.
    pub(super) fn looked(&mut self, looked: &Looked, ready: bool, now: u64) -> Next {
        if self.until == 0 {
            self.until = now + SENT;
        }
        let shown = shown(&looked.screen).filter(|shown| !shown.is_empty());
        let seen = std::mem::replace(&mut self.seen, shown.clone());
        // Whoever is at the desk sees what stands there. A long prompt shows its end.
        if self.typed.is_empty() || looked.typing {
            self.stop();
            return Next::Rest;
        }
        match shown {
            Some(shown) if self.typed.ends_with(&shown) => {
                if !ready || seen != Some(shown) {
                    return Next::Look;
                }
                self.pressed += 1;
                self.seen = None;
                if self.pressed <= MOST {
                    return Next::Enter;
                }
                self.stop();
                Next::GiveUp
            }
            _ if now >= self.until => {
                self.stop();
                Next::Rest
            }
            _ => Next::Look,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(composer: &str) -> Looked {
        let rule = "─".repeat(40);
        let screen = ["~/project", &rule, composer, &rule, "  ⏸ manual mode on"];
        let screen = screen.into_iter().flat_map(str::lines).map(str::to_owned).collect();
        Looked { screen, ..Looked::default() }
    }

    fn typed(text: &str) -> Composer {
        let mut composer = Composer::default();
        composer.typed(text);
        composer
    }

    #[test]
    fn enter_is_pressed_again_where_a_prompt_stays_in_the_composer() {
        let text = "hi there\n\n  what is all of this 👩‍👩‍👧";
        let mut composer = typed(text);
        // It is shown late, and is looked at twice.
        assert_eq!(composer.looked(&Looked::default(), true, 1), Next::Look);
        assert_eq!(composer.looked(&looked("❯ Try \"edit main.rs\""), true, 1), Next::Look);
        let whole = looked("❯ hi there\n\n    what is all of\n  this 👩‍👩‍👧");
        assert_eq!(composer.looked(&whole, true, 1), Next::Look);
        assert_eq!(composer.looked(&whole, false, 1), Next::Look, "something is asked");
        assert_eq!(composer.looked(&whole, true, 1), Next::Enter);
        assert_eq!(composer.looked(&whole, true, 1), Next::Look, "it was pressed just now");
        composer.taken(text);
        assert_eq!(composer.looked(&whole, true, 1), Next::Rest);
    }

    #[test]
    fn it_is_not_pressed_for_what_a_person_writes_or_took_back() {
        for (shown, typing) in [("❯ hi there", false), ("❯ x hi", false), ("❯ hi", true), ("hi", false)]
        {
            let mut composer = typed("hi");
            for _ in 0..5 {
                let looked = Looked { typing, ..looked(shown) };
                assert_ne!(composer.looked(&looked, true, 1), Next::Enter, "{shown}");
            }
        }
        let mut composer = typed("hi");
        composer.looked(&looked("❯ hi"), true, 1);
        composer.stop();
        assert_eq!(composer.looked(&looked("❯ hi"), true, 1), Next::Rest);
    }

    #[test]
    fn what_is_typed_behind_another_prompt_is_looked_for_too() {
        let mut composer = typed("one");
        composer.typed("two");
        composer.looked(&looked("❯ onetwo"), true, 1);
        assert_eq!(composer.looked(&looked("❯ onetwo"), true, 1), Next::Enter);
        composer.taken("one");
        composer.looked(&looked("❯ two"), true, 1);
        assert_eq!(composer.looked(&looked("❯ two"), true, 1), Next::Enter);
    }

    #[test]
    fn what_claude_has_is_not_looked_for_whatever_stood_before_it() {
        for (before, prompt) in [("/context", "yes"), ("", "my draft, yes")] {
            let mut composer = typed(before);
            composer.typed("yes");
            composer.taken(prompt);
            assert_eq!(composer.looked(&looked("❯ yes"), true, 1), Next::Rest, "{prompt}");
        }
        // Another prompt, from the desk.
        let mut composer = typed("yes");
        composer.taken("no");
        composer.taken("");
        assert_eq!(composer.looked(&looked("❯ yes"), true, 1), Next::Look);
    }

    #[test]
    fn it_is_given_up_in_the_end() {
        let mut composer = typed("hi");
        let next: Vec<_> = (0..10).map(|_| composer.looked(&looked("❯ hi"), true, 1)).collect();
        assert_eq!(next.iter().filter(|next| **next == Next::Enter).count(), 4);
        assert_eq!(next[9], Next::GiveUp);
        // A command is told of by nobody.
        let mut composer = typed("/context");
        assert_eq!(composer.looked(&looked("❯ "), true, 1), Next::Look);
        assert_eq!(composer.looked(&looked("❯ "), true, SENT + 1), Next::Rest);
    }
}
