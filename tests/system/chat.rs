//! A conversation in a terminal, with an agent that has none.

use crate::support::{Home, Ran, Terminal, eventually, kill, pid, with_agent};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

/// A conversation, and it in a terminal.
fn chat(home: &Home) -> (String, Terminal) {
    let session = home.ok(&["chat", "--agent", "claude", "--detach"]).trim().to_owned();
    let mut terminal = home.terminal(&["attach", &session]);
    terminal.wait("Type what the agent is to do.");
    (session, terminal)
}

/// A command that is told this on its standard input, as by a script.
fn told(home: &Home, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
    let mut command = home.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_ref()).unwrap();
    let ran = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: ran.status.code().unwrap_or(-1), out: text(&ran.stdout), err: text(&ran.stderr) }
}

fn state(home: &Home, session: &str, state: &str) {
    eventually(state, || (home.listed(session)["state"] == state).then_some(()));
}

/// The session that goes on with this one.
fn next(home: &Home, session: &str) -> String {
    let list = home.json(&["ls", "--json"]);
    let next = list.as_array().unwrap().iter().find(|one| one["continues"] == session);
    next.unwrap_or_else(|| panic!("{list}"))["id"].as_str().unwrap().to_owned()
}

#[test]
fn each_question_takes_as_many_answers_as_it_allows_and_what_is_none_is_asked_again() {
    let home = with_agent();
    let (_, mut terminal) = chat(&home);
    terminal.keys("ask\r");
    terminal.wait("Question 1: Which colour?");
    terminal.wait("Answer it, or: /deny REASON");
    // One alone is taken there.
    terminal.keys("Red, Blue\r");
    terminal.wait("Question 1 takes one answer. a text of your own, or one of: Red, Blue");
    terminal.keys("dark grey, or so\r");
    terminal.wait("Question 2: Which shapes?");
    terminal.wait("It takes several, with commas between them.");
    terminal.keys("Round, Long\r");
    terminal.wait("heard Which colour?:dark grey, or so,Which shapes?:Round, Long");
    // What is typed next is said to the agent.
    terminal.keys("hello\r");
    terminal.wait("answer 2");
    terminal.keys("ask\r");
    terminal.wait("Question 1: Which colour?");
    terminal.keys("Blue\r");
    terminal.wait("Question 2: Which shapes?");
    terminal.keys("/deny ask me later\r");
    terminal.wait("heard no");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn an_answer_is_for_the_one_thing_that_was_read_and_says_nothing_else() {
    let home = with_agent();
    let (_, mut terminal) = chat(&home);
    terminal.keys("both\r");
    terminal.wait("Runs a command: Bash");
    let shown = terminal.wait("y allows it, s until the session ends");
    let rows: Vec<&str> = shown.lines().collect();
    for row in ["│ make evil", "│   → denied by local", "│ ? Read a file"] {
        assert!(rows.contains(&row), "{shown}");
    }
    assert!(rows.iter().any(|row| row.starts_with("Folder: /")), "{shown}");
    terminal.keys("yes but wait until I have read it\r");
    terminal.wait("y allows it, s until the session ends");
    assert!(!terminal.all().contains("mail"), "one at a time: {}", terminal.all());
    // Who types on when that was decided has not read the next one.
    terminal.keys("n not now\ry\r");
    terminal.wait("? claude asks:");
    let before = terminal.all();
    assert!(before.contains("→ denied by someone at the host:\r\n│ "), "{before}");
    let shown = terminal.wait("y allows it");
    for row in ["Uses a tool: mcp__mail__send", "│   \"body\": \"Hello\",", "│   \"to\": \"everybody\""] {
        assert!(shown.lines().any(|shown| shown == row), "{row}: {shown}");
    }
    let early = "Not taken: it was typed before what is asked could be read: y.";
    assert!(terminal.all().contains(early), "{}", terminal.all());
    terminal.keys("y\r");
    terminal.wait("→ allowed by someone at the host:\r\n│ ");
    terminal.wait("heard yes");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn a_conversation_whose_agent_ends_goes_on_and_is_told_what_was_typed() {
    let home = with_agent();
    let (session, mut terminal) = chat(&home);
    terminal.keys("hello\r");
    terminal.wait("answer 1");
    terminal.keys("slow\r");
    terminal.wait("> slow");
    terminal.keys("second\r");
    eventually("it to wait", || (home.listed(&session)["agent"]["queued"] == 1).then_some(()));
    home.ok(&["kill", &session]);
    terminal.wait(
        "Go on with its conversation in a new session, and say there what the agent was not told? [Y/n]",
    );
    // Somebody who did not look types on.
    terminal.keys("and third\r");
    terminal.wait("what the agent was not told? [Y/n]");
    terminal.keys("\r");
    for said in ["> second", "again-answer 1", "> and third", "again-answer 2"] {
        terminal.wait(said);
    }
    terminal.keys("fourth\r");
    terminal.wait("again-answer 3");
    terminal.keys("\u{4}");
    let (status, shown) = terminal.end();
    let after = next(&home, &session);
    assert_eq!((status, &home.listed(&after)["state"]), (0, &"running".into()));
    assert!(shown.contains(&format!("Come back to it with: longrein attach {after}")), "{shown}");
    // Who comes to the ended one is led to where it goes on.
    let mut again = home.terminal(&["attach", &session]);
    again.wait("> slow");
    again.wait(&format!("Go on with its conversation in {after}, where it was taken up? [Y/n]"));
    again.keys("y\r");
    again.wait("again-answer 3");
    again.keys("\u{4}");
    assert_eq!(again.end().0, 0);
}

#[test]
fn whoever_does_not_want_to_go_on_with_what_has_ended_is_told_how_and_nothing_is_started() {
    let home = with_agent();
    let (session, mut terminal) = chat(&home);
    terminal.keys("hello\r");
    terminal.wait("answer 1");
    terminal.keys("die\r");
    terminal.wait("Go on with its conversation in a new session? [Y/n]");
    terminal.keys("n\r");
    let (status, shown) = terminal.end();
    assert_eq!(status, 3, "as the agent: {shown}");
    let how = format!("longrein restart {session}");
    assert!(shown.contains(&how), "{shown}");
    // One that is lost is no other.
    let (lost, mut terminal) = chat(&home);
    terminal.keys("hello\r");
    terminal.wait("answer 1");
    kill(pid(&home.listed(&lost)["keeper_pid"]), "KILL");
    terminal.wait("Go on with its conversation in a new session? [Y/n]");
    terminal.keys("n\r");
    terminal.end();
    state(&home, &lost, "lost");
    let mut terminal = home.terminal(&["attach", &lost]);
    terminal.wait("answer 1");
    terminal.wait("Go on with its conversation in a new session? [Y/n]");
    terminal.keys("what next?\r");
    terminal.wait("[Y/n]");
    terminal.keys("no\r");
    let (_, shown) = terminal.end();
    assert!(shown.contains("The agent was not told: what next?"), "{shown}");
    assert_eq!(home.json(&["ls", "--json"]).as_array().unwrap().len(), 2, "nothing was started");
}

#[test]
fn what_somebody_else_has_gone_on_with_meanwhile_is_not_gone_on_with_twice() {
    let home = with_agent();
    let (session, mut terminal) = chat(&home);
    terminal.keys("hello\r");
    terminal.wait("answer 1");
    home.ok(&["kill", &session]);
    terminal.wait("Go on with its conversation in a new session? [Y/n]");
    home.ok(&["restart", &session, "--detach"]);
    let after = next(&home, &session);
    terminal.keys("y\r");
    terminal.wait(&format!("The session is {after}."));
    terminal.keys("hello again\r");
    terminal.wait("again-answer 1");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(home.json(&["ls", "--json"]).as_array().unwrap().len(), 2);
}

#[test]
fn one_that_is_started_again_goes_on_with_its_conversation_however_long_ago_it_was_written_down() {
    let home = with_agent();
    let (session, mut terminal) = chat(&home);
    terminal.keys("hello\r");
    terminal.wait("answer 1");
    // As it is on a disk that is slow: what was written down is from before there was a conversation.
    let meta = home.path().join("lr/state/sessions").join(&session).join("meta.json");
    let mut before: serde_json::Value = serde_json::from_slice(&std::fs::read(&meta).unwrap()).unwrap();
    before["agent"].as_object_mut().unwrap().remove("conversation");
    std::fs::write(&meta, before.to_string()).unwrap();
    home.ok(&["restart", "--stop", &session, "--detach"]);
    let after = next(&home, &session);
    let ran = told(&home, &["attach", &after], "hello again\n");
    assert!(ran.out.contains("again-answer 1"), "{ran:?}");
}

#[test]
fn a_script_whose_agent_ends_fails_and_is_told_how_to_go_on() {
    let home = with_agent();
    for input in ["hello\ndie\n", "hello\ndie\nand then?\n"] {
        let ran = told(&home, &["chat", "--agent", "claude"], input);
        let list = home.json(&["ls", "--json"]);
        let newest = list.as_array().unwrap().iter().max_by_key(|one| one["started_at"].as_u64()).unwrap();
        let how =
            format!("hint: Go on with its conversation: longrein restart {}", newest["id"].as_str().unwrap());
        assert!(
            ran.status == 1 && ran.err.contains("The agent has ended.") && ran.err.contains(&how),
            "{ran:?}"
        );
        assert_eq!(ran.err.contains("The agent was not told: and then?"), input.contains("then"), "{ran:?}");
    }
    let ended = home.json(&["ls", "--json"])[0]["id"].as_str().unwrap().to_owned();
    let late = told(&home, &["attach", &ended], "hello\n");
    assert!(late.status == 125 && late.err.contains(&format!("longrein restart {ended}")), "{late:?}");
    assert!(late.out.contains("> die"), "what was said is shown: {late:?}");
    // What was answered whole is none of this.
    let fine = told(&home, &["chat", "--agent", "claude"], "hello\n");
    assert!(fine.status == 0 && fine.out.contains("answer 1"), "{fine:?}");
}

#[test]
fn a_script_is_read_no_faster_than_the_agent_answers_and_fails_where_something_was_not_done() {
    let home = with_agent();
    let many = (1..=45).map(|n| format!("hi {n}")).collect::<Vec<_>>().join("\n");
    let all = told(&home, &["chat", "--agent", "claude"], many);
    assert!(all.status == 0 && all.out.contains("answer 45"), "{all:?}");
    let long = format!("one\n{}\ntwo\n", "x".repeat(300_000));
    for (input, why, last) in [
        (long.as_bytes(), "Not taken: a prompt has at most", "answer 2"),
        (b"bad \xff\nhi\n", "Not taken: it is not UTF-8 text.", "answer 1"),
        (b"fail\nhi\n", "longrein: Not all of it was done.", "answer 1"),
    ] {
        let ran = told(&home, &["chat", "--agent", "claude"], input);
        assert!(ran.status == 1 && ran.err.contains(why) && ran.out.contains(last), "{why}: {ran:?}");
    }
}

/// A conversation in which somebody else's turn is on, until there is a file `go`.
fn held(home: &Home) -> (String, PathBuf, Terminal) {
    let (session, mut terminal) = chat(home);
    terminal.keys("hold\r");
    terminal.wait("> hold");
    (session, home.path().join("go"), terminal)
}

fn queued(home: &Home, session: &str, many: u64) {
    eventually("it to wait", || (home.listed(session)["agent"]["queued"] == many).then_some(()));
}

#[test]
fn a_script_waits_for_the_answer_to_its_own_prompt_whoevers_turn_ends_before() {
    let home = with_agent();
    let (session, go, _terminal) = held(&home);
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| told(&home, &["attach", &session], "fail\n"));
        queued(&home, &session, 1);
        std::fs::write(&go, "").unwrap();
        let ran = ran.join().unwrap();
        assert!(ran.out.contains("answer 1") && ran.out.contains("no luck"), "{ran:?}");
        assert!(ran.status == 125 && ran.err.contains("Not all of it was done"), "{ran:?}");
    });
}

#[test]
fn what_somebody_else_says_in_the_same_words_is_not_what_a_script_said() {
    let home = with_agent();
    let (session, go, mut terminal) = held(&home);
    terminal.keys("slow\r");
    queued(&home, &session, 1);
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| told(&home, &["attach", &session], "slow\n"));
        queued(&home, &session, 2);
        std::fs::write(&go, "").unwrap();
        terminal.wait("> slow");
        home.ok(&["kill", &session]);
        let ran = ran.join().unwrap();
        assert!(ran.status == 125 && ran.err.contains("The agent was not told: slow"), "{ran:?}");
    });
}

#[test]
fn an_agent_that_ends_before_there_is_a_conversation_has_none_to_go_on_with() {
    let home = with_agent();
    let (_, mut terminal) = chat(&home);
    terminal.keys("die\r");
    let (status, shown) = terminal.end();
    assert!(status != 0 && shown.contains("before there was a conversation"), "{status}: {shown}");
    assert!(
        shown.contains("│ out of luck") && shown.contains("To start it again: longrein restart"),
        "{shown}"
    );
    let ran = told(&home, &["chat", "--agent", "claude", "--resume", "nothing"], "die\n");
    assert!(ran.status == 1 && ran.err.contains("hint: Without --resume"), "{ran:?}");
}

#[test]
fn a_script_tells_the_agent_every_line_and_decides_nothing() {
    let home = with_agent();
    let ran = std::thread::scope(|scope| {
        let ran = scope.spawn(|| told(&home, &["chat", "--agent", "claude"], "make\ny\n"));
        let id = eventually("it to be asked", || {
            let list = home.json(&["approvals", "--json"]);
            list[0]["id"].as_str().map(str::to_owned)
        });
        eventually("the other line to wait", || {
            let list = home.json(&["ls", "--json"]);
            (list[0]["agent"]["queued"] == 1).then_some(())
        });
        home.ok(&["deny", &id]);
        let ran = ran.join().unwrap();
        assert!(ran.out.contains(&format!("To decide it: longrein approve {id}")), "{ran:?}");
        ran
    });
    for said in ["→ denied by", "heard no", "> y\n", "answer 2"] {
        assert!(ran.out.contains(said), "{said}: {ran:?}");
    }
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn what_waited_for_an_agent_when_its_keeper_was_killed_is_shown_to_whoever_comes() {
    let home = with_agent();
    let (session, mut terminal) = chat(&home);
    terminal.keys("hello\r");
    terminal.wait("answer 1");
    terminal.keys("slow\r");
    terminal.wait("> slow");
    terminal.keys("second\r");
    eventually("it to wait", || (home.listed(&session)["agent"]["queued"] == 1).then_some(()));
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().0, 0);
    kill(pid(&home.listed(&session)["keeper_pid"]), "KILL");
    state(&home, &session, "lost");
    let mut terminal = home.terminal(&["attach", &session]);
    terminal.wait("[the agent was not told] someone at the host> second");
    terminal.wait("Go on with its conversation in a new session? [Y/n]");
    terminal.keys("n\r");
    terminal.end();
}

#[test]
fn a_script_on_another_machine_ends_with_the_keeper_though_what_is_left_can_be_read_still() {
    let (home, guest) = (with_agent(), Home::new());
    guest.ok(&["join", &home.link(), "--name", "desk"]);
    let session = home.ok(&["chat", "--agent", "claude", "--detach"]).trim().to_owned();
    let there = format!("desk/{session}");
    std::thread::scope(|scope| {
        let script = scope.spawn(|| told(&guest, &["attach", &there], "slow\n"));
        eventually("it to be told", || (home.listed(&session)["agent"]["doing"] == "working").then_some(()));
        kill(pid(&home.listed(&session)["keeper_pid"]), "KILL");
        let ran = script.join().unwrap();
        assert!(ran.status == 125 && ran.err.contains("The agent has ended"), "{ran:?}");
    });
}
