use super::*;
use crate::id::DeviceId;
use crate::message::{Choice, Question};
use proptest::prelude::*;

const NOW: u64 = 1_790_000_000_000;

fn id(n: u8) -> ApprovalId {
    ApprovalId::from_random([n; 10])
}

fn request(question: &str) -> Request {
    Request { source: "ask".into(), question: question.into(), ..Request::default() }
}

fn bytes(request: &Request) -> Bytes {
    serde_json::to_vec(request).unwrap().into()
}

fn phone(n: u8) -> Decider {
    Decider { device: Some(DeviceId::from_random([n; 10])), label: format!("phone {n}") }
}

fn allow() -> Decision {
    Decision::allow()
}

fn allow_with(choice: Option<&str>, text: Option<&str>, word: Option<&str>) -> Decision {
    let (choice, text, word) = (choice.map(str::to_owned), text.map(str::to_owned), word.map(str::to_owned));
    Decision::Allow { choice, text, word, answers: Vec::new(), for_session: false }
}

fn deny(text: &str) -> Decision {
    Decision::Deny { text: Some(text.into()) }
}

/// One that waits, and its digest.
fn ask(all: &mut Approvals, n: u8, request: &Request) -> String {
    let change = all.ask(id(n), bytes(request), "window", NOW).unwrap();
    all.apply(change);
    all.get(&id(n)).unwrap().0.digest.clone()
}

fn decide(all: &mut Approvals, n: u8, digest: &str, decision: &Decision, by: u8) -> Result<(), Failure> {
    if let Some(change) = all.decide(&id(n), digest, decision, phone(by), NOW + 1)? {
        all.apply(change);
    }
    Ok(())
}

#[test]
fn the_first_valid_decision_wins_and_every_later_one_hears_of_it() {
    let mut all = Approvals::default();
    let digest = ask(&mut all, 1, &request("Deploy?"));
    decide(&mut all, 1, &digest, &deny("not today"), 1).unwrap();
    let late = decide(&mut all, 1, &digest, &allow(), 2).unwrap_err();
    assert_eq!((late.kind, late.message.as_str()), (ErrorKind::Ended, "phone 1 has denied it already"));
    assert!(decide(&mut all, 1, &digest, &allow(), 1).is_err(), "nor is it changed by who decided it");
    decide(&mut all, 1, &digest, &deny("not today"), 1).expect("said again, its answer having been lost");
    let other = decide(&mut all, 1, &digest, &deny("not this week"), 1).unwrap_err();
    assert_eq!(other.kind, ErrorKind::Ended, "its reason would be told nobody");
    let state = &all.get(&id(1)).unwrap().0.state;
    assert!(matches!(state, ApprovalState::Denied { text: Some(text), .. } if text == "not today"));
}

#[test]
fn of_two_tokens_that_say_the_same_only_the_first_has_decided() {
    let token = |name: &str| Decider { device: None, label: format!("token {name}") };
    for decision in [allow(), deny("not today")] {
        let mut all = Approvals::default();
        let digest = ask(&mut all, 1, &request("Deploy?"));
        let change = all.decide(&id(1), &digest, &decision, token("a"), NOW + 1).unwrap();
        all.apply(change.expect("it is the first"));
        let again = all.decide(&id(1), &digest, &decision, token("a"), NOW + 2);
        assert!(again.is_ok_and(|change| change.is_none()), "its answer was lost");
        let late = all.decide(&id(1), &digest, &decision, token("b"), NOW + 2).unwrap_err();
        assert_eq!(late.kind, ErrorKind::Ended, "{decision:?}");
    }
}

#[test]
fn a_decision_counts_only_for_the_bytes_that_were_shown() {
    let mut all = Approvals::default();
    let digest = ask(&mut all, 1, &request("rm -r build"));
    let other = ask(&mut all, 2, &request("rm -r /"));
    assert_ne!(digest, other);
    for wrong in ["", &other, &digest.to_uppercase()] {
        assert_eq!(decide(&mut all, 1, wrong, &allow(), 1).unwrap_err().kind, ErrorKind::Invalid);
    }
    assert!(all.get(&id(1)).unwrap().0.state == ApprovalState::Pending, "a wrong one decides nothing");
    decide(&mut all, 1, &digest, &allow(), 1).unwrap();
}

#[test]
fn no_answer_is_a_no() {
    let mut all = Approvals::default();
    let digest = ask(&mut all, 1, &Request { expires_in: Some(10), ..request("Deploy?") });
    assert_eq!(all.poll_timeout(), Some(NOW + 10_000));
    assert_eq!(all.handle_timeout(NOW + 9_999), None);
    // Whoever is late is late, also where the timer is later still.
    let late = all.decide(&id(1), &digest, &allow(), phone(1), NOW + 10_000).unwrap_err();
    assert_eq!(late.kind, ErrorKind::Ended);
    let change = all.handle_timeout(NOW + 10_000).unwrap();
    all.apply(change);
    assert_eq!(all.get(&id(1)).unwrap().0.state, ApprovalState::Expired { decided_at: NOW + 10_000 });
    assert_eq!((all.poll_timeout(), all.handle_timeout(u64::MAX)), (None, None));
    ask(&mut all, 2, &request("Deploy?"));
    assert_eq!(all.poll_timeout(), Some(NOW + 3_600_000), "an hour where nothing is said");
    let change = all.withdraw(&id(2), NOW + 5).unwrap();
    all.apply(change);
    assert_eq!(all.withdraw(&id(2), NOW + 6), None);
}

#[test]
fn what_is_dangerous_wants_its_word() {
    let mut all = Approvals::default();
    let digest = ask(&mut all, 1, &Request { risk: Risk::Dangerous, ..request("Drop the database?") });
    assert_eq!(all.get(&id(1)).unwrap().0.word.as_deref(), Some("window"));
    for word in [None, Some("Window")] {
        let typed = allow_with(None, None, word);
        assert!(decide(&mut all, 1, &digest, &typed, 1).is_err());
    }
    let typed = allow_with(None, None, Some("window"));
    decide(&mut all, 1, &digest, &typed, 1).unwrap();
    // A no needs none.
    let digest = ask(&mut all, 2, &Request { risk: Risk::Dangerous, ..request("Drop it?") });
    decide(&mut all, 2, &digest, &deny(" "), 1).unwrap();
    assert!(matches!(all.get(&id(2)).unwrap().0.state, ApprovalState::Denied { text: None, .. }));
}

#[test]
fn an_answer_is_one_of_the_choices() {
    let mut all = Approvals::default();
    let choices = vec!["staging".to_owned(), "production".to_owned()];
    let digest = ask(&mut all, 1, &Request { choices, ..request("Where?") });
    let take = |choice: Option<&str>, text: Option<&str>| allow_with(choice, text, None);
    for wrong in [take(None, None), take(Some("moon"), None), take(Some("staging"), Some("now"))] {
        assert!(decide(&mut all, 1, &digest, &wrong, 1).is_err(), "{wrong:?}");
    }
    decide(&mut all, 1, &digest, &take(Some("staging"), None), 1).unwrap();
    let digest = ask(&mut all, 2, &Request { free_text: true, ..request("Which name?") });
    assert!(decide(&mut all, 2, &digest, &take(None, Some(&"x".repeat(MAX_TEXT + 1))), 1).is_err());
    decide(&mut all, 2, &digest, &take(None, Some("Ada")), 1).unwrap();
    assert!(
        matches!(&all.get(&id(2)).unwrap().0.state, ApprovalState::Allowed { text: Some(text), .. } if text == "Ada")
    );
}

#[test]
fn what_cannot_be_shown_whole_or_read_is_not_asked() {
    let all = Approvals::default();
    let refused = |request: Bytes| all.ask(id(1), request, "window", NOW).unwrap_err().kind;
    assert_eq!(refused(Bytes::from_static(b"{")), ErrorKind::Invalid);
    assert_eq!(refused(Bytes::from_static(b"{\"source\":\"ask\"}")), ErrorKind::Invalid);
    assert_eq!(refused(bytes(&request(" \n"))), ErrorKind::Invalid);
    assert_eq!(refused(bytes(&request(&"x".repeat(MAX_REQUEST)))), ErrorKind::Invalid);
    let choices = |choices: &[&str]| {
        let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
        bytes(&Request { choices, ..request("Which?") })
    };
    for wrong in
        [&["one"][..], &["a", "a"], &["a", " "], &["a", "b\nc"], &["a"; 17], &["a", &"b".repeat(201)]]
    {
        assert_eq!(refused(choices(wrong)), ErrorKind::Invalid, "{wrong:?}");
    }
    for seconds in [0, 9, 604_801] {
        assert_eq!(
            refused(bytes(&Request { expires_in: Some(seconds), ..request("Now?") })),
            ErrorKind::Invalid
        );
    }
    // Unknown members are part of what was asked: they are in the bytes, and so in the digest.
    let more = Bytes::from_static(br#"{"source":"claude","question":"Run?","colour":"Bash"}"#);
    assert!(all.ask(id(1), more, "window", NOW).is_ok());
}

#[test]
fn a_title_is_one_line_that_no_terminal_obeys() {
    let mut all = Approvals::default();
    ask(&mut all, 1, &request("\n echo \x1b[31mred\x1b[0m \u{9b}2J\nand more "));
    assert_eq!(all.list()[0].title, "echo [31mred[0m 2J…");
    ask(&mut all, 2, &request(&"😀".repeat(121)));
    assert_eq!(all.list()[1].title, format!("{}…", "😀".repeat(119)));
    ask(&mut all, 3, &request(&"😀".repeat(120)));
    assert_eq!(all.list()[2].title, "😀".repeat(120));
}

#[test]
fn what_waits_and_what_is_listed_is_bounded() {
    let mut all = Approvals::default();
    let digests: Vec<_> = (0..16).map(|n| ask(&mut all, n, &request(&format!("{n}?")))).collect();
    let more = all.ask(id(99), bytes(&request("more?")), "window", NOW).unwrap_err();
    assert_eq!(more.kind, ErrorKind::Limited);
    let long = "x".repeat(MAX_TEXT);
    for (n, digest) in digests.iter().enumerate() {
        decide(&mut all, u8::try_from(n).unwrap(), digest, &deny(&long), 1).unwrap();
    }
    let listed = all.list();
    assert_eq!(
        listed.iter().map(|one| &one.id).collect::<Vec<_>>(),
        (8..16).map(id).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
}

#[test]
fn a_full_list_of_the_worst_leaves_room_in_a_message() {
    let mut all = Approvals::default();
    let wide = "😀".repeat(1000);
    let choices = vec!["\"".repeat(MAX_CHOICE), "b".to_owned()];
    let (source, risk) = (wide.clone(), Risk::Dangerous);
    let worst = Request { source, risk, choices: choices.clone(), free_text: true, ..request(&wide) };
    for n in 0..24 {
        let digest = ask(&mut all, n, &worst);
        if n < 8 {
            let (choice, text) = (Some(choices[0].clone()), Some(wide.clone()));
            let decision = Decision::Allow {
                choice,
                text,
                word: Some("window".into()),
                answers: Vec::new(),
                for_session: false,
            };
            let by = Decider { label: "😀".repeat(64), ..phone(n) };
            let change = all.decide(&id(n), &digest, &decision, by, NOW + 1).unwrap().unwrap();
            all.apply(change);
        }
    }
    assert_eq!(all.list().len(), MAX_PENDING + MAX_OVER);
    let size = serde_json::to_vec(&all.list()).unwrap().len();
    assert!(size < 40 * 1024, "{size}");
}

#[test]
fn what_is_logged_holds_the_whole_request() {
    let all = Approvals::default();
    let request = bytes(&request(&"é".repeat(50_000)));
    let change = all.ask(id(1), request.clone(), "window", NOW).unwrap();
    let events = change.events();
    assert_eq!(events.len(), 5);
    let mut whole = Vec::new();
    for (n, (event, payload)) in events.iter().enumerate() {
        assert!(event.is_trimmable() == (n > 0) && payload.is_empty() == (n == 0));
        assert!(payload.len() <= crate::codec::MAX_PAYLOAD && event.is_past() == (n == 0));
        assert!(matches!(event, Event::Asked { part, last, .. } if *part as usize == n && *last == (n == 4)));
        whole.extend_from_slice(payload);
    }
    assert_eq!(whole, request);
}

proptest! {
    /// Whatever happens in whatever order: at most one decision of each takes effect, and only one that named its digest
    /// and came in time.
    #[test]
    fn each_is_decided_at_most_once(steps in prop::collection::vec((0u8..6, 0u8..4, any::<bool>(), 0u64..30_000), 1..80)) {
        let mut all = Approvals::default();
        let mut now = NOW;
        let mut allowed = std::collections::BTreeMap::new();
        for (what, n, right, later) in steps {
            now += later;
            let change = match what {
                0 => all.ask(id(n), bytes(&Request { expires_in: Some(60), ..request(&format!("{n}?")) }), "w", now).ok(),
                1 => all.withdraw(&id(n), now),
                2 => all.handle_timeout(now),
                _ => {
                    let before = all.get(&id(n)).map(|(approval, _)| approval.clone());
                    let digest = before.as_ref().map(|one| one.digest.clone()).filter(|_| right).unwrap_or_default();
                    let decision = if what == 3 { deny("no") } else { allow() };
                    let change = all.decide(&id(n), &digest, &decision, phone(what), now).ok().flatten();
                    if change.is_some() {
                        let before = before.unwrap();
                        prop_assert!(right && before.state == ApprovalState::Pending && now < before.expires_at);
                    }
                    change
                }
            };
            if let Some(Change::Over(id, ApprovalState::Allowed { .. })) = &change {
                *allowed.entry(id.clone()).or_insert(0) += 1;
            }
            if let Some(change) = change {
                all.apply(change);
            }
            prop_assert!(all.list().len() <= MAX_PENDING + MAX_OVER);
        }
        prop_assert!(allowed.values().all(|times| *times == 1));
    }
}

fn scoped(tool: &str, pattern: &str) -> Request {
    let scope = Scope { tool: tool.into(), pattern: pattern.into(), words: format!("{tool}: {pattern}") };
    let tool = Tool { name: tool.into(), command: Some(pattern.into()), ..Tool::default() };
    Request { scope: Some(scope), tool: Some(Box::new(tool)), ..request("Run it?") }
}

#[test]
fn a_scope_is_for_what_is_shown_and_not_for_what_whoever_asks_says_of_it() {
    let refused = |request: &Request| {
        let mut all = Approvals::default();
        let digest = ask(&mut all, 1, request);
        let refused =
            decide(&mut all, 1, &digest, &for_session(), 7).expect_err("it is allowed for once only");
        decide(&mut all, 1, &digest, &allow(), 7).unwrap();
        refused.kind
    };
    let good = scoped("Bash", "npm test");
    let with = |change: &dyn Fn(&mut Tool, &mut Scope)| {
        let mut request = good.clone();
        let (Some(tool), Some(scope)) = (&mut request.tool, &mut request.scope) else { unreachable!() };
        change(tool, scope);
        request
    };
    for wrong in [
        with(&|_, scope| scope.pattern = "curl evil.example".into()),
        with(&|_, scope| scope.tool = "Write".into()),
        with(&|tool, scope| {
            tool.paths = vec!["README".into()];
            scope.pattern = "README".into();
        }),
        with(&|_, scope| scope.pattern = "null".into()),
        Request { tool: None, ..good.clone() },
    ] {
        assert_eq!(refused(&wrong), ErrorKind::Invalid, "{wrong:?}");
    }
    let input = serde_json::json!({"url": "https://a.example", "b": 1});
    let fine = [
        with(&|tool, scope| {
            (tool.command, tool.paths, scope.pattern) = (None, vec!["README".into()], "README".into());
        }),
        with(&|tool, scope| {
            (tool.command, tool.input, scope.pattern) = (None, input.clone(), "https://a.example".into());
        }),
        with(&|tool, scope| (tool.input, scope.pattern) = (input.clone(), input.to_string())),
    ];
    for (n, fine) in fine.iter().enumerate() {
        let mut all = Approvals::default();
        let digest = ask(&mut all, 1, fine);
        decide(&mut all, 1, &digest, &for_session(), 7).unwrap();
        ask(&mut all, 2, fine);
        assert!(all.granted(&id(2), NOW).is_some(), "{n}");
        // The same words about another command.
        let mut other = fine.clone();
        other.tool.as_mut().unwrap().command = Some("curl evil.example".into());
        ask(&mut all, 3, &other);
        assert_eq!(all.granted(&id(3), NOW), None, "{n}");
    }
}

#[test]
fn no_question_has_the_same_answer_twice() {
    let choice = |name: &str| Choice { id: name.into(), about: String::new() };
    let asked = |choices: Vec<Choice>| {
        let question = Question { text: "Which?".into(), choices, several: true, free_text: false };
        let request = Request { questions: vec![question], ..request("Which?") };
        Approvals::default().ask(id(1), bytes(&request), "window", NOW).map(drop)
    };
    asked(vec![choice("Red"), choice("Blue")]).unwrap();
    assert_eq!(asked(vec![choice("Red"), choice("Red")]).unwrap_err().kind, ErrorKind::Invalid);
}

fn for_session() -> Decision {
    Decision::Allow { choice: None, text: None, word: None, answers: Vec::new(), for_session: true }
}

#[test]
fn what_is_allowed_for_the_session_is_exactly_the_same_of_the_same_asker_until_it_is_taken_back() {
    let mut all = Approvals::default();
    let test = scoped("Bash", "npm test");
    let digest = ask(&mut all, 1, &test);
    assert_eq!(all.granted(&id(1), NOW), None);
    decide(&mut all, 1, &digest, &for_session(), 7).unwrap();
    assert_eq!(all.grants().len(), 1);
    let others = [
        scoped("Bash", "npm test; rm -rf ~"),
        scoped("Shell", "npm test"),
        Request { source: "somebody".into(), ..test.clone() },
        Request { cwd: Some("/elsewhere".into()), ..test.clone() },
        Request { risk: Risk::Dangerous, ..test.clone() },
        Request { scope: None, ..test.clone() },
    ];
    for (n, other) in others.iter().enumerate() {
        let n = u8::try_from(n).unwrap() + 2;
        ask(&mut all, n, other);
        assert_eq!(all.granted(&id(n), NOW), None, "{other:?}");
    }
    ask(&mut all, 20, &test);
    let change = all.granted(&id(20), NOW + 3).unwrap();
    assert!(matches!(&change, Change::Over(_, ApprovalState::Allowed { by, granted: Some(grant), .. })
        if *by == phone(7) && *grant == id(1)));
    all.apply(change);
    assert_eq!(all.grants().len(), 1, "what was granted grants nothing more");
    assert_eq!(all.revoke(&id(20), phone(8)), None);
    let change = all.revoke(&id(1), phone(8)).unwrap();
    assert!(matches!(&change.events()[..], [(Event::Revoked { .. }, _)]));
    all.apply(change);
    assert_eq!(all.revoke(&id(1), phone(8)), None);
    ask(&mut all, 21, &test);
    assert_eq!(all.granted(&id(21), NOW), None);
}

#[test]
fn nothing_dangerous_and_nothing_without_a_scope_is_allowed_for_a_session() {
    let mut all = Approvals::default();
    let dangerous = Request { risk: Risk::Dangerous, ..scoped("Bash", "rm -rf /") };
    let digest = ask(&mut all, 1, &dangerous);
    let typed = Decision::Allow {
        choice: None,
        text: None,
        word: Some("window".into()),
        answers: Vec::new(),
        for_session: true,
    };
    decide(&mut all, 1, &digest, &typed, 1).unwrap_err();
    let digest = ask(&mut all, 2, &request("Deploy?"));
    decide(&mut all, 2, &digest, &for_session(), 1).unwrap_err();
    decide(&mut all, 2, &digest, &allow(), 1).unwrap();
    assert!(all.grants().is_empty());
}

#[test]
fn every_question_is_answered_with_what_it_takes() {
    let mut all = Approvals::default();
    let choice = |id: &str| Choice { id: id.into(), about: String::new() };
    let choices = vec![choice("Red"), choice("Blue")];
    let questions = vec![
        Question { text: "Which colour?".into(), choices: choices.clone(), several: false, free_text: false },
        Question { text: "Which more?".into(), choices, several: true, free_text: true },
    ];
    let digest = ask(&mut all, 1, &Request { questions, ..request("Two questions") });
    let answer = |first: &[&str], second: &[&str]| Decision::Allow {
        choice: None,
        text: None,
        word: None,
        answers: [first, second].map(|list| list.iter().map(|&text| text.to_owned()).collect()).into(),
        for_session: false,
    };
    for wrong in [
        allow(),
        answer(&[], &["Red"]),
        answer(&["Red", "Blue"], &["Red"]),
        answer(&["Green"], &["Red"]),
        answer(&["Red"], &["Red", "Red"]),
        answer(&["Red"], &[" "]),
        answer(&["Red"], &[&"x".repeat(MAX_TEXT)]),
    ] {
        assert!(decide(&mut all, 1, &digest, &wrong, 1).is_err(), "{wrong:?}");
    }
    let right = answer(&["Red"], &["Blue", "mauve"]);
    decide(&mut all, 1, &digest, &right, 1).unwrap();
    decide(&mut all, 1, &digest, &right, 1).expect("the same again");
    assert!(decide(&mut all, 1, &digest, &answer(&["Blue"], &["Blue"]), 1).is_err());
    let unanswerable = Question { text: "What?".into(), choices: vec![], several: false, free_text: false };
    let request = Request { questions: vec![unanswerable], ..request("One") };
    all.ask(id(2), bytes(&request), "window", NOW).unwrap_err();
}

#[test]
fn what_is_no_text_is_not_asked() {
    let all = Approvals::default();
    let mut request = br#"{"source":"ask","question":"Deploy?","more":"X"}"#.to_vec();
    assert!(all.ask(id(1), request.clone().into(), "w", NOW).is_ok());
    let place = request.iter().position(|byte| *byte == b'X').unwrap();
    request[place] = 0xff;
    assert_eq!(all.ask(id(1), request.into(), "w", NOW).unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn an_allow_with_a_blank_text_may_be_said_again() {
    let mut all = Approvals::default();
    let digest = ask(&mut all, 1, &Request { free_text: true, ..request("Deploy?") });
    let blank = allow_with(None, Some(" "), None);
    decide(&mut all, 1, &digest, &blank, 1).unwrap();
    decide(&mut all, 1, &digest, &blank, 1).expect("said again, its answer having been lost");
    decide(&mut all, 1, &digest, &allow(), 1).expect("it is the same");
    let other = allow_with(None, Some("now"), None);
    assert!(decide(&mut all, 1, &digest, &other, 1).is_err());
}
