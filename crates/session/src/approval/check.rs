//! What may be asked, answered, and allowed until a session ends.

use super::{EXPIRES_WITHIN, MAX_CHOICE, MAX_CHOICES, MAX_QUESTIONS, MAX_TEXT, invalid};
use crate::message::{Failure, Question, Request, Risk, Scope, Tool};

pub(super) fn check_answers(questions: &[Question], answers: &[Vec<String>]) -> Result<(), Failure> {
    if answers.len() != questions.len() {
        return Err(invalid("every question has to be answered, and nothing else"));
    }
    let mut bytes = 0;
    for (question, answers) in questions.iter().zip(answers) {
        if answers.is_empty() || (answers.len() > 1 && !question.several) {
            return Err(invalid("a question has one answer, or some where it takes several"));
        }
        for (n, answer) in answers.iter().enumerate() {
            let offered = question.choices.iter().any(|choice| choice.id == *answer);
            if (!offered && !question.free_text) || answer.trim().is_empty() || answers[..n].contains(answer)
            {
                return Err(invalid("this is none of the answers"));
            }
            bytes += answer.len();
        }
    }
    if bytes > MAX_TEXT {
        return Err(invalid(format!("what is answered has at most {MAX_TEXT} bytes")));
    }
    Ok(())
}

pub(super) fn check(request: &Request) -> Result<(), Failure> {
    if request.question.trim().is_empty() {
        return Err(invalid("a request without a question cannot be decided"));
    }
    if request.choices.len() > MAX_CHOICES || request.choices.len() == 1 {
        return Err(invalid(format!("there are 2 to {MAX_CHOICES} choices, or none")));
    }
    for (n, choice) in request.choices.iter().enumerate() {
        let plain =
            !choice.trim().is_empty() && choice.len() <= MAX_CHOICE && !choice.contains(char::is_control);
        if !plain || request.choices[..n].contains(choice) {
            return Err(invalid(format!(
                "a choice is one line of at most {MAX_CHOICE} bytes, and each is another"
            )));
        }
    }
    let plain = |question: &Question| {
        !question.text.trim().is_empty()
            && question.choices.len() <= MAX_CHOICES
            && (question.free_text || !question.choices.is_empty())
            && question.choices.iter().enumerate().all(|(n, choice)| {
                let known = question.choices[..n].iter().any(|other| other.id == choice.id);
                !choice.id.trim().is_empty() && choice.id.len() <= MAX_CHOICE && !known
            })
    };
    if request.questions.len() > MAX_QUESTIONS || !request.questions.iter().all(plain) {
        return Err(invalid(format!(
            "there are at most {MAX_QUESTIONS} questions, each with something to answer it with, and no answer twice"
        )));
    }
    let (least, most) = EXPIRES_WITHIN;
    if request.expires_in.is_some_and(|seconds| !(least..=most).contains(&seconds)) {
        return Err(invalid("a request waits for ten seconds at least, and for a week at most"));
    }
    Ok(())
}

/// What may be allowed of this until the session ends: nothing dangerous, and nothing but what is shown of its tool, whatever
/// whoever asks says of it.
pub fn offered(request: &Request) -> Option<&Scope> {
    let scope = request.scope.as_ref().filter(|_| request.risk != Risk::Dangerous)?;
    is_shown(scope, request.tool.as_deref()).then_some(scope)
}

/// Whether a scope is for the tool's command, its one file, its address, or all of its input.
fn is_shown(scope: &Scope, tool: Option<&Tool>) -> bool {
    let Some(tool) = tool.filter(|tool| tool.name == scope.tool) else { return false };
    let all = || serde_json::from_str(&scope.pattern).is_ok_and(|all: serde_json::Value| all == tool.input);
    (tool.input.is_object() && all())
        || match (&tool.command, tool.paths.as_slice()) {
            (Some(command), _) => *command == scope.pattern,
            (None, [path]) => *path == scope.pattern,
            (None, _) => tool.input.get("url").and_then(|url| url.as_str()) == Some(&scope.pattern),
        }
}

/// What somebody wrote; nothing where it is blank.
pub(super) fn written(text: Option<&String>) -> Result<Option<String>, Failure> {
    match text {
        Some(text) if text.len() > MAX_TEXT => {
            Err(invalid(format!("what is written with a decision has at most {MAX_TEXT} bytes")))
        }
        text => Ok(text.filter(|text| !text.trim().is_empty()).cloned()),
    }
}
