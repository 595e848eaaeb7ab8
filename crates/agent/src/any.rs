//! Any program: what it says of itself through its terminal.

use crate::adapter::{Adapter, Input, Output, Said};
use crate::text;
use session::message::{AgentState, Doing};

/// Characters of what is shown in lists.
const MAX_LINE: usize = 200;
/// What a program wants that rings the bell.
const BELL: &str = "it rang the bell";

/// The adapter of a program that is no agent that is known.
#[derive(Debug, Default)]
pub struct Any {
    state: AgentState,
    /// It tells its status.
    tells: bool,
    changed: bool,
}

impl Adapter for Any {
    fn handle(&mut self, input: Input<'_>, _now: u64) {
        let before = self.state.clone();
        match input {
            Input::Said(Said::Status { doing, app, message }) => {
                self.tells = *doing != Doing::Unknown;
                self.state.doing = *doing;
                self.state.name = text::line(app, 32);
                let needs_you = *doing == Doing::NeedsYou;
                self.state.wants = if needs_you { text::line(message, MAX_LINE) } else { String::new() };
            }
            Input::Said(Said::Notice(message)) => {
                self.state.doing = Doing::NeedsYou;
                self.state.wants = text::line(message, MAX_LINE);
            }
            // Rung for a person, since nobody was there.
            Input::Said(Said::Bell) => {
                self.state.doing = Doing::NeedsYou;
                BELL.clone_into(&mut self.state.wants);
            }
            // Whoever types has seen it; a program that tells its status will say so itself.
            Input::Typed if !self.tells => {
                self.state.doing = Doing::Unknown;
                self.state.wants = String::new();
            }
            _ => {}
        }
        self.changed |= self.state != before;
    }

    fn poll(&mut self) -> Option<Output> {
        std::mem::take(&mut self.changed).then(|| Output::State(Box::new(self.state.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(any: &mut Any, input: Input<'_>) -> Option<(Doing, String)> {
        any.handle(input, 0);
        match any.poll() {
            Some(Output::State(state)) => Some((state.doing, state.wants)),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_program_needs_somebody_when_it_says_so_until_somebody_comes() {
        let mut any = Any::default();
        let notice = Said::Notice("tests are green".to_owned());
        assert_eq!(
            state(&mut any, Input::Said(&notice)),
            Some((Doing::NeedsYou, "tests are green".to_owned()))
        );
        assert_eq!(state(&mut any, Input::Said(&notice)), None, "that is known");
        assert_eq!(state(&mut any, Input::Typed), Some((Doing::Unknown, String::new())));
        let status = |doing| Said::Status { doing, app: "crush".to_owned(), message: "run ls?".to_owned() };
        let asks = state(&mut any, Input::Said(&status(Doing::NeedsYou)));
        assert_eq!(asks, Some((Doing::NeedsYou, "run ls?".to_owned())));
        assert_eq!(state(&mut any, Input::Typed), None, "it will say so itself");
        assert_eq!(
            state(&mut any, Input::Said(&status(Doing::Working))),
            Some((Doing::Working, String::new()))
        );
    }
}
