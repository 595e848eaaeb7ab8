//! Questions that wait for a person: asked by a program, answered from anywhere, and never answered by themselves but with
//! a no.

use crate::support::{Home, PROGRAM, eventually, kill, pid, with_agent};
use serde_json::Value;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};

/// A host, and a machine that is a client of it.
fn joined() -> (Home, Home) {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    guest.ok(&["join", &host.link(), "--name", "desk"]);
    (host, guest)
}

/// A session whose program asks this, says how that ended, and stays.
fn asks(home: &Home, args: &str) -> String {
    home.session(&["/bin/sh", "-c", &format!("{PROGRAM} ask {args}; echo exit-$?.; exec sleep 1000")])
}

/// What waits on this machine, once something does.
fn waits(home: &Home) -> Value {
    eventually("a question", || {
        let list = home.json(&["approvals", "--json"]);
        list.as_array().unwrap().first().cloned()
    })
}

fn id(approval: &Value) -> &str {
    approval["id"].as_str().unwrap()
}

fn says(home: &Home, session: &str, what: &str) {
    eventually(what, || home.ok(&["logs", session]).contains(what).then_some(()));
}

/// What was printed, and the exit status.
fn answer(mut asker: Child) -> (String, i32) {
    let mut out = String::new();
    asker.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    (out, asker.wait().unwrap().code().unwrap_or(-1))
}

fn spawn(home: &Home, args: &[&str]) -> Child {
    home.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_program_asks_in_its_session_and_the_first_answer_from_anywhere_counts() {
    let (host, guest) = joined();
    let session = asks(&host, "'Deploy to production?'");
    let approval = waits(&host);
    assert_eq!(
        (approval["session"].as_str(), approval["title"].as_str()),
        (Some(&*session), Some("Deploy to production?"))
    );
    let there = guest.ok(&["approvals", "desk"]);
    assert!(there.contains(id(&approval)) && there.contains("Deploy to production?"), "{there}");
    let shown = guest.ok(&["approve", &format!("desk/{}", id(&approval))]);
    assert!(shown.contains("Deploy to production?") && shown.contains("Allowed."), "{shown}");
    says(&host, &session, "yes\r\nexit-0.");
    let late = host.run(&["deny", id(&approval)]);
    assert_ne!(late.status, 0);
    assert!(late.err.contains("has allowed it already"), "{late:?}");
    assert_eq!(host.json(&["approvals", "--json"]), serde_json::json!([]));
    let all = host.json(&["approvals", "--all", "--json"]);
    assert_eq!(
        (all[0]["state"].as_str(), all[0]["by"]["device"].is_string()),
        (Some("allowed"), true),
        "{all}"
    );
}

#[test]
fn a_closed_pipe_makes_no_yes_of_a_no_and_what_cannot_be_told_is_no_answer() {
    let host = Home::new();
    host.up(&[]);
    let session = host.session(&["sleep", "1000"]);
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for (args, verdict, closed, status) in [
        (&[][..], &["deny"][..], true, 1),
        (&[], &["deny"], false, 1),
        (&["--choices", "a,b"], &["deny"], true, 100),
        (&[], &["approve"], true, 125),
        (&["--json"], &["approve"], true, 125),
        (&["--choices", "a,b"], &["approve", "--choice", "a"], false, 125),
    ] {
        let mut asker = host.command(&[&["ask", "Now?"], args].concat());
        asker.env("LONGREIN_SESSION", &session).stderr(Stdio::null());
        asker.stdout(if closed { Stdio::piped() } else { full() });
        let mut asker = asker.spawn().unwrap();
        drop(asker.stdout.take());
        let approval = waits(&host);
        host.ok(&[&verdict[..1], &[id(&approval)], &verdict[1..]].concat());
        assert_eq!(asker.wait().unwrap().code(), Some(status), "{args:?} {verdict:?}");
    }
    let mut asker = host.command(&["ask", " ", "--json"]);
    let mut asker = asker.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(asker.stdout.take());
    assert_eq!(asker.wait().unwrap().code(), Some(125), "a failure that nobody reads is still one");
}

#[test]
fn what_needs_somebody_comes_first_in_the_list() {
    let home = Home::new();
    home.up(&[]);
    let asking = asks(&home, "'Go on?'");
    let later = home.session(&["sleep", "1000"]);
    waits(&home);
    let first = || {
        let list = home.ok(&["ls"]);
        let mut lines = list.lines().skip(1).map(str::to_owned);
        lines.next().unwrap_or_else(|| panic!("{list}"))
    };
    assert!(first().starts_with(&asking) && first().contains("needs you"), "{}", first());
    home.ok(&["deny", id(&waits(&home))]);
    says(&home, &asking, "exit-1");
    eventually("it to need nobody", || first().starts_with(&later).then_some(()));
}

#[test]
fn how_it_is_used_is_no_answer() {
    let host = Home::new();
    for wrong in
        [&["--help"][..], &["-h"], &[], &["--danger"], &["Now?", "then?"], &["Now?", "--timeout", "x"]]
    {
        let ran = host.run(&[&["ask"], wrong].concat());
        assert_eq!(ran.status, 125, "{wrong:?}: {ran:?}");
        assert_eq!(
            ran.out.contains("Exit status: 0 yes"),
            wrong.starts_with(&["-h"]) || wrong.starts_with(&["--help"]),
            "{wrong:?}: {ran:?}"
        );
    }
    assert_eq!(host.run(&["--help"]).status, 0);
    assert_eq!(host.run(&["deny"]).status, 2);
}

#[test]
fn a_reason_reaches_whoever_asked_and_a_choice_is_its_exit_status() {
    let host = Home::new();
    host.up(&[]);
    let session = asks(&host, "'Deploy?'");
    host.ok(&["deny", &id(&waits(&host))[..6], "--reason", "not on a Friday"]);
    says(&host, &session, "no\r\nnot on a Friday\r\nexit-1.");

    let session = asks(&host, "Where? --choices 'staging, production, moon'");
    let approval = waits(&host);
    let unclear = host.run(&["approve", id(&approval)]);
    assert!(unclear.status != 0 && unclear.err.contains("staging, production, moon"), "{unclear:?}");
    assert_ne!(host.run(&["approve", id(&approval), "--choice", "mars"]).status, 0);
    host.ok(&["approve", id(&approval), "--choice", "moon"]);
    says(&host, &session, "moon\r\nexit-2.");
    let twice = host.run(&["ask", "Where?", "--choices", "moon, moon"]);
    assert!(twice.status == 125 && twice.err.contains("each is another"), "{twice:?}");

    let session = asks(&host, "Where? --choices staging,production");
    host.ok(&["deny", id(&waits(&host))]);
    says(&host, &session, "no\r\nexit-100.");
}

#[test]
fn all_of_what_is_asked_is_shown_before_it_is_allowed_and_nothing_hides_in_it() {
    let host = Home::new();
    host.up(&[]);
    asks(&host, "'Run \u{202e}x\u{200b}?' --choices 'no\u{2066}w,later' --text");
    let approval = waits(&host);
    let list = host.ok(&["approvals"]);
    assert!(list.contains("Run ⟨U+202E⟩x⟨U+200B⟩?"), "{list}");
    let shown = host.ok(&["approve", id(&approval), "--choice", "later"]);
    for line in ["Run ⟨U+202E⟩x⟨U+200B⟩?", "Choice 1: no⟨U+2066⟩w", "Choice 2: later", "--text", "Allowed."]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn what_is_allowed_until_the_session_ends_is_shown_listed_and_taken_back() {
    let host = with_agent();
    let once = asks(&host, "'Deploy?'");
    let approval = waits(&host);
    let refused = host.run(&["approve", id(&approval), "--for-session"]);
    assert!(refused.status == 1 && refused.err.contains("This can be allowed for once only."), "{refused:?}");
    assert_eq!(host.json(&["approvals", "--granted", "--json"]), serde_json::json!([]));
    host.ok(&["approve", id(&approval)]);
    says(&host, &once, "yes\r\nexit-0.");

    let session = host.ok(&["chat", "--agent", "claude", "--detach"]).trim().to_owned();
    let mut terminal = host.terminal(&["attach", &session]);
    terminal.keys("make\r");
    let approval = waits(&host);
    let shown = host.ok(&["approve", id(&approval), "--for-session"]);
    let words = "Bash, exactly this command: make";
    let (before, after) = shown.split_once("Allowed until the session ends: ").expect(&shown);
    assert!(before.contains(&format!("With --for-session until the session ends: {words}")), "{shown}");
    assert_eq!(after.trim(), words);
    terminal.wait("allowed by someone at the host until the session ends");
    terminal.wait("heard yes");
    let granted = eventually("it in the list", || {
        Some(host.json(&["approvals", "--granted", "--json"])).filter(|list| list[0].is_object())
    });
    assert_eq!((&granted[0]["words"], &granted[0]["session"]), (&words.into(), &session.as_str().into()));
    assert!(host.ok(&["approvals", "--granted"]).contains(words));
    // The same again is allowed without being asked, until that is taken back.
    terminal.keys("make\r");
    terminal.wait("heard yes");
    let grant = granted[0]["id"].as_str().unwrap();
    let unknown = host.run(&["revoke", "--grant", "aaaaaaaaaaaaaaaa"]);
    assert!(unknown.status == 1 && unknown.err.contains("longrein approvals --granted"), "{unknown:?}");
    assert!(host.ok(&["revoke", "--grant", &grant[..6]]).contains(words));
    eventually("it to be gone", || {
        (host.json(&["approvals", "--granted", "--json"]) == serde_json::json!([])).then_some(())
    });
    terminal.keys("make\r");
    host.ok(&["deny", id(&waits(&host))]);
    terminal.wait("heard no");
}

#[test]
fn what_is_dangerous_wants_a_word_that_is_not_in_the_question() {
    let host = Home::new();
    host.up(&[]);
    let session = asks(&host, "'Drop the database?' --danger");
    let approval = waits(&host);
    let word = approval["word"].as_str().unwrap();
    let plain = host.run(&["approve", id(&approval)]);
    assert!(plain.status != 0 && plain.err.contains(&format!("--word {word}")), "{plain:?}");
    assert_ne!(host.run(&["approve", id(&approval), "--word", "please"]).status, 0);
    assert!(!host.ok(&["logs", &session]).contains("exit-"));
    host.ok(&["approve", id(&approval), "--word", word]);
    says(&host, &session, "yes\r\nexit-0.");
}

#[test]
fn a_question_outlives_the_daemon_and_not_whoever_asked() {
    let host = Home::new();
    host.up(&[]);
    let session = asks(&host, "'Still there?'");
    let approval = waits(&host);
    kill(host.daemon(), "KILL");
    host.up(&[]);
    assert_eq!(id(&waits(&host)), id(&approval));
    host.ok(&["approve", id(&approval)]);
    says(&host, &session, "yes\r\nexit-0.");

    // Its keeper takes the session with it, and the question: a no.
    let session = host.session(&["sleep", "1000"]);
    let mut asker = host.command(&["ask", "Now?"]);
    asker.env("LONGREIN_SESSION", &session).stdout(Stdio::piped()).stderr(Stdio::null());
    let asker = asker.spawn().unwrap();
    waits(&host);
    kill(pid(&host.listed(&session)["keeper_pid"]), "KILL");
    assert_eq!(answer(asker), (String::new(), 125));
    eventually("the question to be gone", || {
        (host.json(&["approvals", "--json"]) == serde_json::json!([])).then_some(())
    });
    let all = host.json(&["approvals", "--all", "--json"]);
    let lost = all.as_array().unwrap().iter().find(|one| one["session"] == session.as_str()).unwrap();
    assert_eq!(lost["state"], "withdrawn", "{all}");
}

#[test]
fn what_was_decided_is_found_again_when_its_session_has_ended_and_the_daemon_is_another() {
    let (host, guest) = joined();
    let session = host.session(&["sleep", "1000"]);
    let questions: Vec<String> = (0..12).map(|n| format!("Step {n}?")).collect();
    for question in &questions {
        let mut asker = host.command(&["ask", question]);
        asker.env("LONGREIN_SESSION", &session).stdout(Stdio::piped()).stderr(Stdio::null());
        let asker = asker.spawn().unwrap();
        host.ok(&["deny", id(&waits(&host)), "--reason", question]);
        assert_eq!(answer(asker).1, 1);
    }
    let shown = guest.ok(&["approvals", "desk", "--history", "--limit", "2"]);
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(shown.contains("denied by someone at the host") && shown.contains("Step 11?"), "{shown}");
    host.ok(&["kill", &session]);
    eventually("its end", || (host.listed(&session)["state"] == "ended").then_some(()));
    kill(host.daemon(), "KILL");
    host.up(&[]);
    let history = host.json(&["approvals", "--history", "--json"]);
    let texts: Vec<_> = history.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(texts, questions.iter().rev().collect::<Vec<_>>());
    assert_eq!(history[0]["session"].as_str(), Some(&*session));
}

#[test]
fn a_script_outside_of_any_session_asks_in_one_of_its_own() {
    let host = Home::new();
    let asker = spawn(&host, &["ask", "Publish \u{1b}[31mnow\u{1b}[0m?", "--json"]);
    let approval = waits(&host);
    let session = approval["session"].as_str().unwrap().to_owned();
    assert_eq!(host.listed(&session)["name"], "ask: Publish \u{fffd}[31mnow\u{fffd}[0m?");
    host.ok(&["approve", id(&approval)]);
    let (out, status) = answer(asker);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (out["answer"].as_str(), out["approval"]["by"]["label"].as_str(), status),
        (Some("yes"), Some("someone at the host"), 0)
    );
    eventually("its session to end", || (host.listed(&session)["state"] == "ended").then_some(()));
    let late = host.run(&["deny", id(&approval)]);
    assert!(late.status != 0 && late.err.contains("someone at the host has allowed it already"), "{late:?}");

    let mut asker = spawn(&host, &["ask", "And now?"]);
    let approval = waits(&host);
    let session = approval["session"].as_str().unwrap().to_owned();
    asker.kill().unwrap();
    asker.wait().unwrap();
    eventually("its session to end", || (host.listed(&session)["state"] == "ended").then_some(()));
    let late = host.run(&["approve", id(&approval)]);
    assert_ne!(late.status, 0, "{late:?}");
    assert_eq!(host.listed(&session)["approvals"][0]["state"], "withdrawn");
}

#[test]
fn a_question_may_be_long_and_what_is_too_long_for_an_answer_is_said_with_the_limit() {
    let host = Home::new();
    let question = format!("{}?", "Really ".repeat(15_000));
    let asker = spawn(&host, &["ask", &question]);
    let approval = waits(&host);
    let long = host.run(&["deny", id(&approval), "--reason", &question]);
    assert!(
        long.status == 1 && long.err.contains("A reason has at most 4000 bytes, not 105001."),
        "{long:?}"
    );
    let shown = host.ok(&["approve", id(&approval)]);
    assert!(shown.contains(&format!("│ {question}\n")), "{} bytes", shown.len());
    assert_eq!(answer(asker), ("yes\n".to_owned(), 0));
}

#[test]
fn nobody_s_answer_is_a_no() {
    let host = Home::new();
    let asker = spawn(&host, &["ask", "Anybody?", "--timeout", "10s"]);
    waits(&host);
    let (out, status) = answer(asker);
    assert_eq!((out.lines().next(), status), (Some("no"), 124));
    for wrong in
        [&["ask", "Soon?", "--timeout", "9s"][..], &["ask", "Which?", "--choices", "one"], &["ask", " "]]
    {
        let ran = host.run(wrong);
        assert!(ran.status == 125 && ran.out.is_empty() && !ran.err.is_empty(), "{wrong:?}: {ran:?}");
    }
    assert_eq!(host.json(&["ls", "--json"]).as_array().unwrap().len(), 1, "no session was started for those");
}

#[test]
fn a_program_inside_a_session_answers_no_question_and_its_orphans_neither() {
    let host = Home::new();
    host.up(&[]);
    let session = asks(&host, "'Deploy?'");
    let approval = waits(&host);
    let out = host.path().join("out");
    let id = id(&approval);
    // The second is orphaned before it decides.
    let script = format!(
        "{PROGRAM} approve {id}; echo child-$?.; {PROGRAM} deny {id}; \
         sh -c 'p=$$; setsid sh -c \"while test -d /proc/$p; do :; done; \
         {PROGRAM} approve {id} 2>&1; echo orphan-\\$?.\" </dev/null >{} & '; exec sleep 1000",
        out.display()
    );
    let inside = host.session(&["/bin/sh", "-c", &script]);
    says(&host, &inside, "child-1.");
    assert!(host.ok(&["logs", &inside]).contains("decided outside of sessions"));
    let orphan = eventually("the orphan", || {
        std::fs::read_to_string(&out).ok().filter(|text| text.contains("orphan-"))
    });
    assert!(orphan.contains("orphan-1.") && orphan.contains("decided outside of sessions"), "{orphan}");
    let keeper = pid(&host.listed(&inside)["keeper_pid"]);
    eventually("its orphan to be let go of", || {
        let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).unwrap();
        (children.split_whitespace().count() == 1).then_some(())
    });
    assert_eq!(waits(&host)["id"], approval["id"], "it waits still");
    host.ok(&["approve", id]);
    says(&host, &session, "yes\r\nexit-0.");
}

#[test]
fn orphans_that_end_with_a_program_take_nothing_of_its_exit_status() {
    let host = Home::new();
    host.up(&[]);
    for round in 0..10 {
        let script =
            format!("for n in 1 2 3 4 5 6 7 8; do (sleep 0.0{round} &); done; sleep 0.0{round}; exit 7");
        let session = host.session(&["/bin/sh", "-c", &script]);
        let ended = eventually("its end", || {
            let listed = host.listed(&session);
            (listed["state"] == "ended").then_some(listed)
        });
        assert_eq!(ended["exit"], 7, "{ended}");
    }
}

/// A program called `claude` that asks for this tool by a hook as Claude does, says what it heard, and stays.
fn claude(home: &Home, tool: &str, input: &str) -> String {
    let folder = home.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let asked = format!(
        r#"{{"session_id":"s","cwd":"/","hook_event_name":"PermissionRequest","tool_name":"{tool}","tool_input":{input}}}"#
    );
    std::fs::write(folder.join("asked.json"), asked).unwrap();
    let program = folder.join("claude");
    let script =
        format!("#!/bin/sh\n{PROGRAM} hook < {}\nexec sleep 1000\n", folder.join("asked.json").display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.session(&[program.to_str().unwrap()])
}

#[test]
fn what_an_agent_asks_waits_for_as_long_as_the_settings_say() {
    let host = Home::new();
    let config = host.path().join("lr/config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[approvals]\nexpire = \"59s\"\n").unwrap();
    let refused = host.run(&["up", "--bind", "127.0.0.1:0"]);
    assert!(refused.status != 0 && refused.err.contains("1m at least"), "{refused:?}");
    assert!(refused.err.contains("expire = \"30m\""), "{refused:?}");
    std::fs::write(config.join("config.toml"), "[approvals]\nexpire = \"2m\"\n").unwrap();
    host.up(&[]);
    let session = claude(&host, "Bash", r#"{"command":"make"}"#);
    let approval = waits(&host);
    let waits_for = approval["expires_at"].as_u64().unwrap() - approval["asked_at"].as_u64().unwrap();
    assert_eq!((approval["source"].as_str(), waits_for), (Some("claude"), 120_000));
    host.ok(&["deny", id(&approval), "--reason", "not today"]);
    says(&host, &session, "not today");
}

#[test]
fn questions_are_answered_from_a_terminal_and_a_plan_is_sent_back() {
    let host = Home::new();
    host.up(&[]);
    let questions = r#"{"questions":[
        {"question":"Which colour?","header":"Colour","options":[{"label":"Red","description":""},{"label":"Blue","description":"light"}],"multiSelect":false},
        {"question":"Which shapes?","header":"Shape","options":[{"label":"Round","description":""},{"label":"Flat","description":""}],"multiSelect":true}]}"#;
    let session = claude(&host, "AskUserQuestion", &questions.replace('\n', ""));
    let approval = waits(&host);
    let few = host.run(&["approve", id(&approval), "--answer", "Red"]);
    assert!(few.status != 0 && few.err.contains("2 questions to answer"), "{few:?}");
    assert!(few.out.contains("- Blue  light"), "{few:?}");
    let wrong = host.run(&["approve", id(&approval), "--answer", "Red", "--answer", " "]);
    assert!(wrong.status != 0 && wrong.err.contains("no answer to question 2"), "{wrong:?}");
    host.ok(&["approve", id(&approval), "--answer", "Blue", "--answer", "Round,Flat"]);
    says(&host, &session, "Blue");
    says(&host, &session, "Round, Flat");
    let session = claude(&host, "ExitPlanMode", r##"{"plan":"# Paint it all"}"##);
    let approval = waits(&host);
    let text = host.run(&["approve", id(&approval), "--text", "but red"]);
    assert!(text.status != 0 && text.err.contains("--reason TEXT"), "{text:?}");
    assert!(text.out.contains("# Paint it all"), "{text:?}");
    host.ok(&["deny", id(&approval), "--reason", "only the fence"]);
    says(&host, &session, "only the fence");
}

#[test]
fn who_asks_too_often_is_told_so_and_that_is_no_answer() {
    let host = Home::new();
    host.up(&[]);
    let session = host.session(&["sleep", "1000"]);
    let asks = || {
        let mut asker = host.command(&["ask", "Again?"]);
        asker.env("LONGREIN_SESSION", &session).stdout(Stdio::piped()).stderr(Stdio::piped());
        asker.spawn().unwrap()
    };
    let mut askers: Vec<Child> = (0..8).map(|_| asks()).collect();
    eventually("eight questions", || {
        let list = host.json(&["approvals", "--json"]);
        (list.as_array().unwrap().len() == 8).then_some(())
    });
    let ninth = asks().wait_with_output().unwrap();
    assert_eq!((ninth.status.code(), ninth.stdout.is_empty()), (Some(125), true), "{ninth:?}");
    assert!(String::from_utf8_lossy(&ninth.stderr).contains("wait in this session already"), "{ninth:?}");
    for asker in &mut askers {
        asker.kill().unwrap();
        asker.wait().unwrap();
    }
}

#[test]
fn who_asks_too_often_outside_of_sessions_is_told_so_before_one_is_started() {
    let host = Home::new();
    let mut askers: Vec<Child> = (0..8).map(|_| spawn(&host, &["ask", "Again?"])).collect();
    eventually("eight questions", || {
        let list = host.json(&["approvals", "--json"]);
        (list.as_array().unwrap().len() == 8).then_some(())
    });
    let ninth = host.run(&["ask", "Again?"]);
    assert_eq!((ninth.status, &*ninth.out), (125, ""), "{ninth:?}");
    assert!(ninth.err.contains("wait already.") && ninth.err.contains("longrein approvals"), "{ninth:?}");
    assert_eq!(host.json(&["ls", "--json"]).as_array().unwrap().len(), 8);
    // Who is not waited for any more makes room.
    askers[0].kill().unwrap();
    askers[0].wait().unwrap();
    eventually("its session to end", || {
        let list = host.json(&["ls", "--json"]);
        list.as_array().unwrap().iter().any(|one| one["state"] == "ended").then_some(())
    });
    askers.push(spawn(&host, &["ask", "Again?"]));
    eventually("the next question", || {
        let list = host.json(&["approvals", "--json"]);
        (list.as_array().unwrap().len() == 8).then_some(())
    });
    for asker in &mut askers[1..] {
        asker.kill().unwrap();
        asker.wait().unwrap();
    }
}

#[test]
fn a_program_is_inside_its_session_from_its_first_moment_on_and_while_the_daemon_begins() {
    let host = Home::new();
    host.up(&[]);
    let made = format!("{PROGRAM} token create; echo made-$?.; exec sleep 1000");
    let all: Vec<_> = (0..12).map(|_| host.session(&["/bin/sh", "-c", &made])).collect();
    for session in &all {
        says(&host, session, "made-1.");
    }
    let again = format!("until {PROGRAM} token create; do :; done; echo made");
    let session = host.session(&["/bin/sh", "-c", &again]);
    for _ in 0..3 {
        kill(host.daemon(), "KILL");
        // Whoever asks starts it, too.
        eventually("the daemon", || {
            host.run(&["up", "--bind", "127.0.0.1:0"]);
            (host.run(&["status"]).status == 0).then_some(())
        });
        eventually("the session to be followed", || host.listed(&session)["keeper_pid"].as_u64());
    }
    assert_eq!(host.json(&["token", "list", "--json"]).as_array().unwrap().len(), 0);
}
