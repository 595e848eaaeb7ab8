//! What `longrein approve` says to what is asked, where that fits it.

use crate::args::Approve;
use crate::problem::{Hint as _, invalid};
use crate::questions;
use crate::visible::visible_line;
use session::approval::{MAX_TEXT, offered};
use session::message::{Approval, Decision, Failure, Question, Request};

/// What the arguments allow.
pub fn decision(args: &Approve, approval: &Approval, request: &Request) -> Result<Decision, Failure> {
    let id = &approval.id;
    match (&approval.word, &args.word) {
        (Some(word), None) => {
            return Err(invalid("This is dangerous, and wants a word").hint(format!(
                "If it is really meant: longrein approve {id} --word {}",
                visible_line(word)
            )));
        }
        (Some(word), Some(given)) if word != given => {
            return Err(invalid("That is not the word that it wants")
                .hint(format!("If it is really meant: --word {}", visible_line(word))));
        }
        (None, Some(_)) => return Err(invalid("This wants no word").hint("Leave --word out.")),
        _ => {}
    }
    match &args.choice {
        None if !request.choices.is_empty() => {
            return Err(invalid("There is a choice to make").hint(one_of("--choice", &request.choices)));
        }
        Some(_) if request.choices.is_empty() => {
            return Err(invalid("There is nothing to choose from").hint("Leave --choice out."));
        }
        Some(choice) if !request.choices.contains(choice) => {
            return Err(invalid(format!("{choice:?} is none of the choices"))
                .hint(one_of("--choice", &request.choices)));
        }
        _ => {}
    }
    fits(args.text.as_deref(), "A text")?;
    if args.text.is_some() && !request.free_text {
        let hint = match request.plan {
            Some(_) => format!("To send the plan back: longrein deny {id} --reason TEXT"),
            None => "Leave --text out.".to_owned(),
        };
        return Err(invalid("This takes no text").hint(hint));
    }
    if args.for_session && offered(request).is_none() {
        return Err(invalid("This can be allowed for once only").hint("Leave --for-session out."));
    }
    let answers = answers(&args.answers, &request.questions)?;
    let (choice, text, word) = (args.choice.clone(), args.text.clone(), args.word.clone());
    Ok(Decision::Allow { choice, text, word, answers, for_session: args.for_session })
}

/// Whether a decision has room for what is written with it.
pub fn fits(text: Option<&str>, what: &str) -> Result<(), Failure> {
    match text.map_or(0, str::len) {
        0..=MAX_TEXT => Ok(()),
        long => Err(invalid(format!("{what} has at most {MAX_TEXT} bytes, not {long}"))
            .hint("Put what is long into a file, and name that.")),
    }
}

fn one_of(option: &str, all: &[String]) -> String {
    let all: Vec<_> = all.iter().map(|one| visible_line(one)).collect();
    format!("{option} with one of: {}", all.join(", "))
}

/// An answer for each question, in their order.
fn answers(given: &[String], questions: &[Question]) -> Result<Vec<Vec<String>>, Failure> {
    if given.len() != questions.len() {
        return Err(match (questions.len(), given.len()) {
            (0, _) => invalid("This asks no questions").hint("Leave --answer out."),
            (1, _) => invalid("There is one question to answer").hint("--answer once, with the answer."),
            (all, given) => invalid(format!("There are {all} questions to answer, not {given}"))
                .hint("--answer once for each question, in their order."),
        });
    }
    let numbered = given.iter().zip(questions).enumerate();
    numbered.map(|(n, (given, question))| questions::answer(n + 1, given, question)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::approval::{Approvals, Change};
    use session::id::ApprovalId;
    use session::message::{Choice, Risk};

    fn question(choices: &[&str], several: bool, free_text: bool) -> Question {
        let choices =
            choices.iter().map(|id| Choice { id: (*id).to_owned(), about: String::new() }).collect();
        Question { text: "Which?".to_owned(), choices, several, free_text }
    }

    /// What these arguments say to it, and whether the keeper takes that.
    fn decide(request: &Request, args: &Approve) -> Result<Decision, Failure> {
        let request =
            Request { source: "claude".to_owned(), question: "Well?".to_owned(), ..request.clone() };
        let mut approvals = Approvals::default();
        let id = ApprovalId::from_random([1; 10]);
        let json = serde_json::to_vec(&request).unwrap();
        let asked = approvals.ask(id.clone(), json.into(), "window", 1).unwrap();
        let Change::Asked(approval, _) = asked.clone() else { panic!("{asked:?}") };
        approvals.apply(asked);
        let decision = decision(args, &approval, &request)?;
        let by = session::message::Decider { device: None, label: String::new() };
        approvals.decide(&id, &approval.digest, &decision, by, 2).expect("the keeper takes it");
        Ok(decision)
    }

    fn args(answers: &[&str]) -> Approve {
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        Approve { approval: String::new(), choice: None, text: None, word: None, answers, for_session: false }
    }

    #[test]
    fn each_question_has_its_answer_and_what_does_not_fit_says_what_would() {
        let questions = vec![
            question(&["Red", "Blue, light"], false, false),
            question(&["A", "B", "C"], true, false),
            question(&["Small"], false, true),
        ];
        let request = Request { questions, ..Request::default() };
        let given = |answers: &[&str]| match decide(&request, &args(answers)) {
            Ok(Decision::Allow { answers, .. }) => Ok(answers.iter().map(|of_it| of_it.join("|")).collect()),
            Ok(deny) => panic!("{deny:?}"),
            Err(why) => Err(format!("{} {}", why.message, why.hint)),
        };
        let took = |answers: &[&str]| given(answers).map(|all: Vec<String>| all.join("/"));
        assert_eq!(took(&["Red", "B, C", "Small"]).unwrap(), "Red/B|C/Small");
        assert_eq!(
            took(&["Blue, light", "A,A", "as large, as it gets"]).unwrap(),
            "Blue, light/A/as large, as it gets"
        );
        for (answers, why) in [
            (&["Red", "B"][..], "3 questions to answer, not 2"),
            (&["Green", "B", "Small"], "\"Green\" is no answer to question 1 One of: Red, Blue, light"),
            (&["Red", "B,D", "Small"], "question 2 One or more"),
            (&["Red", "", "Small"], "question 2"),
            (&["Red", "A", " "], "question 3 a text of your own, or one of: Small"),
            (&[], "--answer once for each"),
        ] {
            let said = took(answers).unwrap_err();
            assert!(said.contains(why), "{answers:?}: {said}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_here_with_what_would() {
        let yes_or_no = Request::default();
        let choices = vec!["staging".to_owned(), "production".to_owned()];
        let chosen = Request { choices, free_text: true, ..Request::default() };
        let plan = Request { plan: Some("1. Do it".to_owned()), ..Request::default() };
        let dangerous = Request { risk: Risk::Dangerous, ..Request::default() };
        let some = |text: &str| Some(text.to_owned());
        let none = || args(&[]);
        for (request, args, why) in [
            (&yes_or_no, args(&["A"]), "asks no questions"),
            (&yes_or_no, Approve { text: some("x"), ..none() }, "takes no text"),
            (&yes_or_no, Approve { choice: some("x"), ..none() }, "nothing to choose"),
            (&yes_or_no, Approve { word: some("x"), ..none() }, "wants no word"),
            (&yes_or_no, Approve { for_session: true, ..none() }, "for once only"),
            (&plan, Approve { text: some("x"), ..none() }, "--reason TEXT"),
            (&chosen, none(), "--choice with one of: staging, production"),
            (&chosen, Approve { choice: some("x"), ..none() }, "none of the choices"),
            (&dangerous, none(), "--word window"),
            (&dangerous, Approve { word: some("door"), ..none() }, "--word window"),
        ] {
            let said =
                decide(request, &args).map_err(|said| (said.message.clone(), said.hint.clone())).unwrap_err();
            assert!(said.0.contains(why) || said.1.contains(why), "{said:?}");
            assert!(!said.1.is_empty(), "{said:?}");
        }
        decide(&plan, &none()).unwrap();
        decide(&chosen, &Approve { choice: some("staging"), text: some("now"), ..none() }).unwrap();
        decide(&dangerous, &Approve { word: some("window"), ..none() }).unwrap();
    }
}
