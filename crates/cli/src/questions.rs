//! An agent's questions, several at once: how they are read here, and what answers them.

use crate::margin::rows;
use crate::problem::{Hint as _, invalid};
use crate::visible::visible_line;
use session::message::{Failure, Question};

/// A question as it is to be read; they are counted from 1. For a terminal of so many columns.
pub fn lines(n: usize, question: &Question, columns: usize) -> Vec<String> {
    let mut lines = vec![rows(&format!("Question {n}: "), &question.text, columns)];
    for choice in &question.choices {
        let about = visible_line(&choice.about);
        let gap = if about.is_empty() { "" } else { "  " };
        lines.push(rows("  - ", &format!("{}{gap}{about}", visible_line(&choice.id)), columns));
    }
    lines.extend(question.several.then(|| "  It takes several, with commas between them.".to_owned()));
    lines.extend(question.free_text.then(|| "  It takes a text of your own.".to_owned()));
    lines
}

/// What was given, as an answer to it.
pub fn answer(n: usize, given: &str, question: &Question) -> Result<Vec<String>, Failure> {
    let given = given.trim();
    let is_choice = |answer: &str| question.choices.iter().any(|choice| choice.id == answer);
    if !given.is_empty() && is_choice(given) {
        return Ok(vec![given.to_owned()]);
    }
    let parts: Vec<String> = given.split(',').map(|part| part.trim().to_owned()).collect();
    if parts.iter().all(|part| is_choice(part)) {
        if !question.several {
            return Err(invalid(format!("Question {n} takes one answer")).hint(choices(question)));
        }
        let mut once = Vec::new();
        for part in parts {
            if !once.contains(&part) {
                once.push(part);
            }
        }
        return Ok(once);
    }
    if question.free_text && !given.is_empty() {
        return Ok(vec![given.to_owned()]);
    }
    Err(invalid(format!("{given:?} is no answer to question {n}")).hint(choices(question)))
}

fn choices(question: &Question) -> String {
    let all: Vec<_> = question.choices.iter().map(|choice| visible_line(&choice.id)).collect();
    let text = if question.free_text { "a text of your own" } else { "" };
    match (all.join(", "), question.several) {
        (none, _) if none.is_empty() => format!("It takes {text}."),
        (all, true) if text.is_empty() => format!("One or more, with commas between them, of: {all}"),
        (all, true) => format!("{text}, or one or more, with commas between them, of: {all}"),
        (all, false) if text.is_empty() => format!("One of: {all}"),
        (all, false) => format!("{text}, or one of: {all}"),
    }
}
