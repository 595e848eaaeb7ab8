//! What an agent asks in a conversation: shown here, and answered by what is typed, one question after another.

use crate::asked;
use crate::margin::{self, rows};
use crate::questions;
use crate::visible::visible_line;
use session::approval::offered;
use session::message::{Approval, Decision, Request};

/// What is asked and waits, with what it asks.
pub struct Waiting {
    pub approval: Approval,
    pub request: Request,
    /// What was answered so far, where it asks several questions.
    answers: Vec<Vec<String>>,
    /// The command that decides it, once that was given.
    pub decided: Option<u64>,
}

impl Waiting {
    /// All of what is asked, and how it is answered, is shown.
    pub fn ask(approval: Approval, request: Request, bytes: &[u8]) -> Self {
        let columns = margin::columns();
        say!("{}", rows("? ", &format!("{} asks:", visible_line(&request.source)), columns));
        for line in asked::lines(&request, bytes, false, columns) {
            say!("{line}");
        }
        let waiting = Self { approval, request, answers: Vec::new(), decided: None };
        waiting.ask_next();
        waiting
    }

    /// The answers are asked for anew.
    pub fn ask_again(&mut self) {
        self.decided = None;
        self.answers.clear();
        self.ask_next();
    }

    fn ask_next(&self) {
        let n = self.answers.len();
        for line in self
            .request
            .questions
            .get(n)
            .iter()
            .flat_map(|question| questions::lines(n + 1, question, margin::columns()))
        {
            say!("  {line}");
        }
        say!("  {}", how(&self.approval, &self.request));
    }

    /// What a line says to it: the decision; nothing yet, where there is more to answer; or how it is answered.
    pub fn hear(&mut self, line: &str) -> Result<Option<Decision>, String> {
        let Self { approval, request, answers, .. } = &*self;
        let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let text = (!rest.trim().is_empty()).then(|| rest.trim().to_owned());
        let n = answers.len();
        let question = request.questions.get(n);
        let is_choice = request.choices.iter().any(|choice| choice == line)
            || question.is_some_and(|question| question.choices.iter().any(|choice| choice.id == line));
        // An answer in a person's own words may begin with this one.
        let denies = first == "n" || (first == "no" && question.is_none_or(|question| !question.free_text));
        if denies && !is_choice {
            return Ok(Some(Decision::Deny { text }));
        }
        let (choice, answers, for_session, word) = (None, Vec::new(), false, None);
        if let Some(question) = question {
            let answer = questions::answer(n + 1, line, question);
            self.answers.push(answer.map_err(|why| format!("{}. {}", why.message, why.hint))?);
            if self.answers.len() < self.request.questions.len() {
                self.ask_next();
                return Ok(None);
            }
            let answers = std::mem::take(&mut self.answers);
            return Ok(Some(Decision::Allow { choice, text: None, word, answers, for_session }));
        }
        if is_choice {
            let choice = Some(line.to_owned());
            return Ok(Some(Decision::Allow { choice, text: None, word, answers, for_session }));
        }
        match first {
            "y" | "yes" if request.choices.is_empty() => Ok(Some(Decision::Allow {
                choice,
                word: text.clone().filter(|_| approval.word.is_some()),
                text: text.filter(|_| request.free_text && approval.word.is_none()),
                answers,
                for_session,
            })),
            "s" if offered(request).is_some() => {
                Ok(Some(Decision::Allow { choice, text: None, word, answers, for_session: true }))
            }
            _ => Err(how(approval, request)),
        }
    }
}

fn how(approval: &Approval, request: &Request) -> String {
    if !request.questions.is_empty() {
        return "Answer it, or: n REASON".to_owned();
    }
    if !request.choices.is_empty() {
        return "Answer with one of them, or: n REASON".to_owned();
    }
    match &approval.word {
        Some(word) => format!("This is dangerous. If it is meant: y {}; else: n REASON", visible_line(word)),
        None => match offered(request) {
            Some(scope) => format!(
                "y allows it, s until the session ends ({}), n REASON denies it",
                visible_line(&scope.words)
            ),
            None => "y allows it, n REASON denies it".to_owned(),
        },
    }
}
