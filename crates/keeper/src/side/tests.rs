use super::*;

#[tokio::test]
async fn a_prompt_is_pasted_and_cannot_leave_the_paste() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    let typed = |text, pastes| session.type_prompt(&agent::text::plain(text), pastes);
    assert_eq!(typed("one\r\ntwo\n", true), "\x1b[200~one\ntwo\x1b[201~\r");
    assert_eq!(typed("a\x1b[201~\x03rm\u{9b}b", true), "\x1b[200~a[201~rmb\x1b[201~\r");
    assert_eq!(typed("one\ntwo", false), "one two\r");
}

#[tokio::test]
async fn an_agent_that_is_spoken_to_is_told_a_prompt_whatever_its_terminal_shows() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    let doing = Doing::NeedsYou;
    session.set_agent(AgentState { name: "opencode".into(), doing, ..AgentState::default() });
    assert!(session.inner.borrow().judge_prompt(b"hi", &[]).is_err());
    session.set_spoken(true);
    assert!(session.inner.borrow().judge_prompt(b"hi", &[]).is_ok());
    session.inner.borrow_mut().queued = MAX_PROMPTS;
    let why = session.inner.borrow().judge_prompt(b"hi", &[]).unwrap_err();
    assert_eq!(why.kind, ErrorKind::Limited);
    session.set_spoken(false);
    assert!(session.inner.borrow().judge_prompt(b"hi", &[]).is_err());
}

struct Mute(Option<agent::served::Place>);

impl Adapter for Mute {
    fn handle(&mut self, _: Input<'_>, _: u64) {}

    fn poll(&mut self) -> Option<Output> {
        None
    }

    fn serves(&self) -> Option<agent::served::Place> {
        self.0.clone()
    }
}

#[tokio::test]
async fn an_agent_that_is_to_be_spoken_to_and_cannot_be_is_typed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    let (id, ..) = session.join(session::id::StreamId::from_random([1; 10]), None);
    let judge = || {
        let inner = session.inner.borrow();
        (inner.judge_prompt(b"go on", &[]).is_ok(), inner.judge_interrupt(id).is_ok())
    };
    session.set_side(Box::new(Mute(None)), None, None);
    assert_eq!(judge(), (true, true), "it has a terminal alone");

    session.set_side(Box::new(Mute(None)), None, Some(Beside::unlinked()));
    assert_eq!(judge(), (false, true));
    session.set_shared(true);
    assert_eq!(judge(), (true, true));
    // Its terminal may ask, and what was asked here is withdrawn.
    session.set_shared(false);
    assert_eq!(judge(), (false, true));

    let authorization = String::new();
    let place = agent::served::Place { port: 1, authorization, health: "/", events: "/" };
    session.set_side(Box::new(Mute(Some(place))), None, None);
    assert_eq!(judge(), (false, false), "it is not up");
    session.set_spoken(true);
    assert_eq!(judge(), (true, true));
    session.set_spoken(false);
    assert_eq!(judge(), (false, false), "it is up no more, or was given up");
}

#[tokio::test]
async fn who_may_not_type_talks_to_agents_alone_and_runs_no_command_of_their_shells() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    let (id, ..) = session.join(session::id::StreamId::from_random([1; 10]), None);
    let judge = |text: &str| session.inner.borrow().judge_talk(id, text.as_bytes()).err().map(|why| why.kind);
    assert_eq!(judge("echo pwned"), None, "a person's own device");
    session.inner.borrow_mut().clients.get_mut(&id).unwrap().peer.talks_only = true;
    assert_eq!(judge("echo pwned"), Some(ErrorKind::Invalid), "a shell");
    let interrupts = || session.inner.borrow().judge_interrupt(id).is_ok();
    assert!(!interrupts(), "a person's own program");
    session.set_side(Box::new(Mute(None)), None, None);
    session.set_agent(AgentState { name: "claude".to_owned(), ..AgentState::default() });
    assert_eq!(
        judge("echo pwned"),
        Some(ErrorKind::Invalid),
        "a shell in which something calls itself an agent"
    );
    session.inner.borrow_mut().gated = true;
    assert_eq!((judge("go on!\n!ls"), interrupts()), (None, true));
    for shell in ["!ls", " !ls", "\n\t!ls", "\u{1}!ls", "\u{feff}\u{200b}!ls", "\u{ff01}ls"] {
        assert_eq!(judge(shell), Some(ErrorKind::Forbidden), "{shell:?}");
    }
    session.set_shared(true);
    assert_eq!(judge("!ls"), None, "it is told, and not typed");
}

#[tokio::test]
async fn no_prompt_is_typed_into_a_dialog() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    let says = |name: &str, doing| {
        session.set_agent(AgentState { name: name.to_owned(), doing, ..AgentState::default() });
        session.inner.borrow().judge_prompt(b"no, wait", &[])
    };
    assert!(says("claude", Doing::Working).is_ok());
    assert_eq!(says("claude", Doing::NeedsYou).unwrap_err().kind, ErrorKind::Invalid);
    assert!(says("", Doing::NeedsYou).is_ok(), "a bell is no dialog");
    assert!(says("claude", Doing::Idle).is_ok());
    assert!(session.inner.borrow().judge_prompt(b" ", &[]).is_err());
    assert!(session.inner.borrow().judge_prompt(b"see", &["nothing.png".to_owned()]).is_err());
}

/// Types its prompts itself, and notes in the chat what stands in the terminal then.
#[derive(Default)]
struct Typist(std::collections::VecDeque<Output>);

impl Adapter for Typist {
    fn handle(&mut self, input: Input<'_>, _: u64) {
        match input {
            Input::Prompt { text, .. } => {
                self.0.push_back(Output::Send(text.as_bytes().to_vec()));
                self.0.push_back(Output::Look(Duration::from_mins(1)));
                self.0.push_back(Output::Look(Duration::from_millis(1)));
            }
            Input::Looked(looked) => {
                self.0.push_back(Output::Chat(Chat::Note { text: looked.cursor.before.clone() }));
            }
            _ => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.0.pop_front()
    }

    fn takes_prompt(&self) -> bool {
        true
    }

    fn types_prompts(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn an_adapter_that_types_sees_what_stands_before_the_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let session = Rc::new(crate::start::tests::session(folder.path()));
    session.set_side(Box::new(Typist::default()), None, None);
    let stream = session::id::StreamId::from_random([1; 10]);
    let (id, ..) = session.join(stream.clone(), None);
    session.append(Event::Output, Bytes::from_static("\x1b[1;1H > 世界 no\x1b[2D".as_bytes()));
    let does =
        |doing| session.set_agent(AgentState { name: "gemini".into(), doing, ..AgentState::default() });
    does(Doing::NeedsYou);
    assert!(session.inner.borrow().judge_prompt(b"hi", &[]).is_ok(), "it waits until it can be typed");
    assert!(session.inner.borrow().is_told_to_stop(), "its own key stops it");
    session.inner.borrow_mut().gated = true;
    session.inner.borrow_mut().clients.get_mut(&id).unwrap().peer.talks_only = true;
    assert!(session.inner.borrow().judge_talk(id, b"!ls").is_err(), "it is typed after all");
    let local = tokio::task::LocalSet::new();
    let task = local.spawn_local(look(Rc::clone(&session)));
    let noted = async {
        session.prompted(id, 1, b"hi", &[]);
        assert_eq!(session.inner.borrow().replies_bytes, 2, "nobody reads it here");
        loop {
            if session.inner.borrow().chat > 2 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    local.run_until(noted).await;
    task.abort();
    let page = crate::chat::tests::logged(&session, id);
    assert_eq!(page, ["2: hi of someone at the host", " > 世界 "]);
}
