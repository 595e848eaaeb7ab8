//! What is asked in a conversation: shown here one after the other, and answered by what is typed.

use crate::asked;
use crate::margin::{self, rows};
use crate::questions;
use crate::visible::visible_line;
use session::approval::{MAX_TEXT, offered};
use session::message::{Approval, Decision, Request};
use std::time::Duration;
use tokio::time::Instant;

/// How long something has to stand here before it is answered: what was typed before that was meant for something else.
pub const STILL: Duration = Duration::from_millis(400);

/// What is asked and waits.
pub struct Waiting {
    pub approval: Approval,
    request: Request,
    bytes: Vec<u8>,
    /// What was answered so far, where it asks several questions.
    answers: Vec<Vec<String>>,
    pub stage: Stage,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Others are before it; nothing of it is shown.
    Behind,
    /// It is shown, and takes an answer from then on.
    Shown(Instant),
    /// It takes an answer.
    Open,
    /// It is shown, and decided by a person elsewhere.
    Elsewhere,
    /// This command decides it.
    Decided(u64),
}

impl Waiting {
    /// What is asked with these bytes.
    pub fn new(approval: Approval, request: Request, bytes: Vec<u8>) -> Self {
        Self { approval, request, bytes, answers: Vec::new(), stage: Stage::Behind }
    }

    /// All of what is asked is shown. `here` where it is answered here, too.
    pub fn show(&mut self, here: bool) {
        let columns = margin::columns();
        say!("{}", rows("? ", &format!("{} asks:", visible_line(&self.request.source)), columns));
        for line in asked::lines(&self.request, &self.bytes, !here, columns) {
            say!("{line}");
        }
        if here {
            self.stage = Stage::Shown(Instant::now() + STILL);
            return;
        }
        say!("  To decide it: longrein approve {0}, or longrein deny {0}", self.approval.id);
        self.stage = Stage::Elsewhere;
    }

    /// From here on it takes an answer, which is said.
    pub fn open(&mut self) {
        self.stage = Stage::Open;
        self.answers.clear();
        self.ask_next();
    }

    /// Says what is to be answered next, and how.
    pub fn ask_next(&self) {
        let (n, columns) = (self.answers.len(), margin::columns());
        let question = self.request.questions.get(n);
        for line in question.iter().flat_map(|question| questions::lines(n + 1, question, columns)) {
            say!("{line}");
        }
        say!("{}", rows("  ", &how(&self.approval, &self.request), columns));
    }

    /// What a line says to it: the decision; nothing yet, where there is more to answer; or how it is answered.
    pub fn hear(&mut self, line: &str) -> Result<Option<Decision>, String> {
        let (approval, request, n) = (&self.approval, &self.request, self.answers.len());
        let question = request.questions.get(n);
        let chosen = request.choices.iter().any(|choice| choice == line)
            || question.is_some_and(|question| question.choices.iter().any(|choice| choice.id == line));
        if let Some(reason) = denial(line, request).filter(|_| !chosen) {
            return Ok(Some(Decision::Deny { text: fits(reason)? }));
        }
        if let Some(question) = question {
            let answer = questions::answer(n + 1, line, question);
            self.answers.push(answer.map_err(|why| format!("{}. {}", why.message, why.hint))?);
            let all = self.answers.len() == self.request.questions.len();
            return Ok(all.then(|| allow(None, None, std::mem::take(&mut self.answers), false)));
        }
        if line == "s" && request.choices.is_empty() && offered(request).is_some() {
            return Ok(Some(allow(None, None, Vec::new(), true)));
        }
        let (choice, text) = allowance(line, approval, request).ok_or_else(|| how(approval, request))?;
        let mut decision = allow(choice, fits(text)?, Vec::new(), false);
        if let Decision::Allow { word, .. } = &mut decision {
            word.clone_from(&approval.word);
        }
        Ok(Some(decision))
    }
}

fn allow(
    choice: Option<String>,
    text: Option<String>,
    answers: Vec<Vec<String>>,
    for_session: bool,
) -> Decision {
    Decision::Allow { choice, text, word: None, answers, for_session }
}

/// What is behind this word, where the line begins with it.
fn behind<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// The reason, where the line denies it. Where there is something to choose or to answer, `no` may be a part of that.
fn denial<'a>(line: &'a str, request: &Request) -> Option<&'a str> {
    let plain = request.choices.is_empty() && request.questions.is_empty();
    let words = if plain { &["/deny", "n", "no"][..] } else { &["/deny"] };
    words.iter().find_map(|word| behind(line, word))
}

/// What is chosen and what is written with it, where the line allows exactly what is asked and says nothing that would be
/// lost.
fn allowance<'a>(line: &'a str, approval: &Approval, request: &Request) -> Option<(Option<String>, &'a str)> {
    let takes = |text: &str| text.is_empty() || request.free_text;
    if request.choices.is_empty() {
        let rest = behind(line, "yes").or_else(|| behind(line, "y"))?;
        let text = approval.word.as_ref().map_or(Some(rest), |word| behind(rest, word))?;
        return takes(text).then_some((None, text));
    }
    let line = match &approval.word {
        Some(word) => line.strip_suffix(word.as_str())?.strip_suffix(char::is_whitespace)?.trim_end(),
        None => line,
    };
    let meant = |choice: &&String| behind(line, choice).is_some_and(takes);
    let choice = request.choices.iter().filter(meant).max_by_key(|choice| choice.len())?;
    Some((Some(choice.clone()), behind(line, choice)?))
}

fn fits(text: &str) -> Result<Option<String>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("What is written with it has at most {MAX_TEXT} bytes, not {}.", text.len()));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// How it is answered.
fn how(approval: &Approval, request: &Request) -> String {
    if !request.questions.is_empty() {
        return "Answer it, or: /deny REASON".to_owned();
    }
    let text = if request.free_text { " [TEXT]" } else { "" };
    let word = approval.word.as_ref().map(|word| visible_line(word));
    match (request.choices.is_empty(), word) {
        (false, None) if text.is_empty() => "Answer with one of them, or: /deny REASON".to_owned(),
        (false, None) => format!("Answer with one of them: CHOICE{text}; or: /deny REASON"),
        (false, Some(word)) => {
            format!("This is dangerous. If it is meant: CHOICE{text} {word}; else: /deny REASON")
        }
        (true, Some(word)) => {
            format!("This is dangerous. If it is meant: y {word}{text}; else: n REASON")
        }
        (true, None) => match offered(request) {
            Some(scope) => format!(
                "y{text} allows it, s until the session ends ({}), n REASON denies it",
                visible_line(&scope.words)
            ),
            None => format!("y{text} allows it, n REASON denies it"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::approval::{Approvals, Change};
    use session::id::ApprovalId;
    use session::message::{Choice, Decider, Question, Risk, Scope, Tool};

    fn waiting(request: &Request) -> (Waiting, Approvals) {
        let request = Request { source: "a".to_owned(), question: "Well?".to_owned(), ..request.clone() };
        let bytes = serde_json::to_vec(&request).unwrap();
        let mut approvals = Approvals::default();
        let asked =
            approvals.ask(ApprovalId::from_random([1; 10]), bytes.clone().into(), "window", 1).unwrap();
        let Change::Asked(approval, _) = asked.clone() else { panic!("{asked:?}") };
        approvals.apply(asked);
        (Waiting::new(approval, request, bytes), approvals)
    }

    /// What these lines come to, as far as the keeper takes it; a hint in brackets.
    fn hear(request: &Request, lines: &[&str]) -> String {
        let (mut waiting, approvals) = waiting(request);
        let mut heard = String::new();
        for line in lines {
            heard = match waiting.hear(line) {
                Ok(None) => "more".to_owned(),
                Err(how) => format!("({how})"),
                Ok(Some(decision)) => {
                    let (id, digest) = (&waiting.approval.id, &waiting.approval.digest);
                    let by = Decider { device: None, label: String::new() };
                    approvals.decide(id, digest, &decision, by, 2).expect("the keeper takes it");
                    match decision {
                        Decision::Deny { text } => format!("no:{}", text.unwrap_or_default()),
                        Decision::Allow { for_session: true, .. } => "always".to_owned(),
                        Decision::Allow { choice, text, answers, .. } => {
                            let all = answers.iter().map(|answer| answer.join("|")).chain(choice).chain(text);
                            format!("yes:{}", all.collect::<Vec<_>>().join("/"))
                        }
                    }
                }
            };
        }
        heard
    }

    fn question(choices: &[&str], several: bool, free_text: bool) -> Question {
        let choices =
            choices.iter().map(|id| Choice { id: (*id).to_owned(), about: String::new() }).collect();
        Question { text: "Which?".to_owned(), choices, several, free_text }
    }

    #[test]
    fn only_what_says_nothing_else_is_a_yes() {
        let tool = Tool { name: "Bash".to_owned(), command: Some("make".to_owned()), ..Tool::default() };
        let scope =
            Scope { tool: "Bash".to_owned(), pattern: "make".to_owned(), words: "Bash: make".to_owned() };
        let bash = Request { tool: Some(Box::new(tool)), scope: Some(scope), ..Request::default() };
        for (line, heard) in [
            ("y", "yes:"),
            ("yes", "yes:"),
            ("s", "always"),
            ("n", "no:"),
            ("no not now", "no:not now"),
            ("/deny not now", "no:not now"),
        ] {
            assert_eq!(hear(&bash, &[line]), heard, "{line}");
        }
        for line in
            ["yes but wait until I have read it", "y make", "s please", "yesterday", "Y?", "none", "make"]
        {
            let said = hear(&bash, &[line]);
            assert_eq!(
                said, "(y allows it, s until the session ends (Bash: make), n REASON denies it)",
                "{line}"
            );
        }
        assert_eq!(hear(&Request::default(), &["s"]), "(y allows it, n REASON denies it)");
        let long = format!("n {}", "x".repeat(MAX_TEXT + 1));
        assert!(hear(&bash, &[&long]).contains("at most 4000 bytes"));
    }

    #[test]
    fn what_is_dangerous_wants_its_word_and_nothing_else() {
        let dangerous = Request { risk: Risk::Dangerous, ..Request::default() };
        assert_eq!(hear(&dangerous, &["y window"]), "yes:");
        for line in ["y", "yes", "y door", "y windows", "y window and door", "s", "window"] {
            assert!(hear(&dangerous, &[line]).contains("If it is meant: y window; else"), "{line}");
        }
        let text = Request { free_text: true, ..dangerous.clone() };
        assert_eq!(hear(&text, &["y window and door"]), "yes:and door");
        let choices = vec!["left".to_owned(), "right".to_owned()];
        let choices = Request { choices, ..dangerous };
        assert_eq!(hear(&choices, &["left window"]), "yes:left");
        for line in ["left", "leftwindow", "left door", "window"] {
            assert!(hear(&choices, &[line]).contains("CHOICE window; else"), "{line}");
        }
    }

    #[test]
    fn every_choice_can_be_chosen_and_a_text_is_taken_where_it_is_wanted() {
        let choices = ["no", "yes", "no change", "/deny"].map(str::to_owned).to_vec();
        let choices = Request { choices, ..Request::default() };
        for line in ["no", "yes", "no change", "/deny"] {
            assert_eq!(hear(&choices, &[line]), format!("yes:{line}"));
        }
        for line in ["no thanks", "y", "n", "s", "yes please"] {
            assert_eq!(hear(&choices, &[line]), "(Answer with one of them, or: /deny REASON)", "{line}");
        }
        assert_eq!(hear(&choices, &["/deny none of them"]), "no:none of them");
        let written = Request { free_text: true, ..choices };
        assert_eq!(hear(&written, &["no change, thanks"]), "yes:no/change, thanks");
        assert_eq!(hear(&written, &["no change today"]), "yes:no change/today");
        let text = Request { free_text: true, ..Request::default() };
        assert_eq!(hear(&text, &["y to everybody"]), "yes:to everybody");
        assert_eq!(hear(&text, &["to everybody"]), "(y [TEXT] allows it, n REASON denies it)");
    }

    #[test]
    fn a_question_is_answered_as_it_is_meant() {
        let of = |question: Question| Request { questions: vec![question], ..Request::default() };
        let preference = of(question(&["no preference", "Red; or blue"], false, false));
        assert_eq!(hear(&preference, &["no preference"]), "yes:no preference");
        assert_eq!(hear(&preference, &["Red; or blue"]), "yes:Red; or blue");
        assert!(hear(&preference, &["no idea"]).contains("is no answer to question 1"));
        assert_eq!(hear(&preference, &["/deny ask later"]), "no:ask later");
        let own = of(question(&["Red"], false, true));
        assert_eq!(hear(&own, &["no, n = 5 is better"]), "yes:no, n = 5 is better");
        assert_eq!(hear(&own, &["n = 5 is better"]), "yes:n = 5 is better");
        let both = Request {
            questions: vec![question(&["A", "B"], true, false), question(&["C"], false, false)],
            ..Request::default()
        };
        assert_eq!(hear(&both, &["A, B"]), "more");
        assert_eq!(hear(&both, &["A, B", "D", "C"]), "yes:A|B/C");
    }
}
