//! A conversation in a terminal, with an agent that has none.

use crate::support::{Home, Terminal, with_agent};

/// A conversation here, with the environment of a person whose agent is installed.
fn chat(home: &Home) -> Terminal {
    let session = home.ok(&["chat", "--agent", "claude", "--detach"]);
    home.terminal(&["attach", session.trim()])
}

#[test]
fn each_question_takes_as_many_answers_as_it_allows_and_what_is_none_is_asked_again() {
    let home = with_agent();
    let mut terminal = chat(&home);
    terminal.wait("Type what the agent is to do.");
    terminal.keys("ask\r");
    terminal.wait("Question 1: Which colour?");
    terminal.wait("Answer it, or: n REASON");
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
    terminal.keys("n ask me later\r");
    terminal.wait("heard no");
    terminal.keys("\u{4}");
    assert_eq!(terminal.end().0, 0);
}
