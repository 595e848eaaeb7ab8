use super::*;
use crate::start::tests::{Rival, session, session_within};
use agent::adapter::{Adapter, Input, Output};
use session::id::{DeviceId, StreamId};
use session::message::{Act, Approval, Event, Peer, Request, ToHost};
use session::role::Role;
use std::cell::RefCell;

fn request(question: &str) -> Vec<u8> {
    let request = Request { source: "ask".into(), question: question.into(), ..Request::default() };
    serde_json::to_vec(&request).unwrap()
}

/// Everything that a connection is told now.
fn told(session: &Session, id: ClientId) -> Vec<ToClient> {
    session.poll(id).expect("it stays").into_iter().map(|(message, _)| message).collect()
}

fn program(session: &Session) -> ClientId {
    session.join(StreamId::from_random([1; 10]), None).0
}

fn phone(session: &Session, n: u8, role: Role) -> ClientId {
    let peer = Peer {
        device: Some(DeviceId::from_random([n; 10])),
        label: format!("phone {n}"),
        role,
        talks_only: false,
    };
    session.join(StreamId::from_random([n; 10]), Some(peer)).0
}

/// As [`ask_again`], however often it was asked.
fn ask_bytes(session: &Session, id: ClientId, request: &[u8]) -> Result<Approval, Failure> {
    session.inner.borrow_mut().asks.clear();
    ask_again(session, id, request)
}

fn ask_again(session: &Session, id: ClientId, request: &[u8]) -> Result<Approval, Failure> {
    let ours = session.summary().id;
    let pieces: Vec<_> = request.chunks(1000).collect();
    for (n, piece) in pieces.iter().enumerate() {
        let message = ToHost::Ask { session: ours.clone(), last: n + 1 == pieces.len() };
        session.handle(id, message, &Bytes::copy_from_slice(piece)).expect("it may");
    }
    let answer = told(session, id).into_iter().find_map(|message| match message {
        ToClient::Asked { approval: Some(approval), .. } => Some(Ok(*approval)),
        ToClient::Asked { why, .. } => Some(Err(why.expect("it says why"))),
        _ => None,
    });
    answer.expect("an answer")
}

fn ask(session: &Session, id: ClientId) -> Approval {
    ask_bytes(session, id, &request("Deploy?")).unwrap()
}

fn decide(session: &Session, id: ClientId, n: u64, approval: &Approval, allow: bool) -> Result<(), Failure> {
    let decision = if allow { Decision::allow() } else { Decision::Deny { text: Some("no".into()) } };
    let act = Act::Decide { approval: approval.id.clone(), digest: approval.digest.clone(), decision };
    let message = ToHost::Command { session: session.summary().id, n, act };
    session.handle(id, message, &Bytes::new()).expect("it may");
    for message in told_settled(session, id) {
        match message {
            ToClient::Applied { n: settled, .. } if settled == n => return Ok(()),
            ToClient::Refused { n: settled, why, .. } if settled == n => return Err(why),
            _ => {}
        }
    }
    panic!("command {n} is not settled");
}

/// As [`told`], where something was applied; that may wait for a moment.
fn told_settled(session: &Session, id: ClientId) -> Vec<ToClient> {
    let mut all = told(session, id);
    if let Some(due) = session.poll_timeout(id) {
        std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
        all.extend(told(session, id));
    }
    all
}

fn outcome(session: &Session, id: ClientId) -> Option<ApprovalState> {
    told(session, id).into_iter().find_map(|message| match message {
        ToClient::Decided { state, .. } => Some(*state),
        _ => None,
    })
}

fn listed(session: &Session, approval: &Approval) -> ApprovalState {
    session.summary().approvals.into_iter().find(|one| one.id == approval.id).expect("it is listed").state
}

/// Kinds of the events in the log.
fn logged(session: &Session) -> Vec<Event> {
    let inner = session.inner.borrow();
    inner.journal.read_after(0, u64::MAX).unwrap().into_iter().map(|record| record.event).collect()
}

#[tokio::test]
async fn the_first_decision_counts_and_is_in_the_log_before_whoever_asked_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let asker = program(&session);
    let approval = ask(&session, asker);
    assert!(
        matches!(&logged(&session)[..], [Event::Asked { approval: one, .. }, Event::Asked { .. }] if one.id == approval.id)
    );
    let (first, second) = (phone(&session, 2, Role::Approver), phone(&session, 3, Role::Owner));
    decide(&session, first, 1, &approval, true).unwrap();
    assert!(matches!(&logged(&session)[2..], [Event::Decided { approval: one, .. }] if *one == approval.id));
    let late = decide(&session, second, 1, &approval, false).unwrap_err();
    assert_eq!((late.kind, late.message.as_str()), (ErrorKind::Ended, "phone 2 has allowed it already"));
    decide(&session, first, 2, &approval, true).expect("it says again what it has said");
    assert!(
        matches!(outcome(&session, asker), Some(ApprovalState::Allowed { by, .. }) if by.label == "phone 2")
    );
    assert_eq!(outcome(&session, asker), None, "it hears of it once");
    assert_eq!(logged(&session).len(), 3);
}

#[tokio::test]
async fn only_a_program_here_asks_and_only_who_may_decides() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let (viewer, owner) = (phone(&session, 2, Role::Viewer), phone(&session, 3, Role::Owner));
    let from_afar = ToHost::Ask { session: session.summary().id, last: true };
    assert_eq!(session.handle(owner, from_afar, &request("Deploy?").into()), Err(Leave::Malformed));
    let approval = ask(&session, program(&session));
    assert_eq!(decide(&session, viewer, 1, &approval, true).unwrap_err().kind, ErrorKind::Forbidden);
    assert_eq!(listed(&session, &approval), ApprovalState::Pending);
}

#[tokio::test]
async fn nothing_is_allowed_or_asked_that_the_log_does_not_take_and_a_no_needs_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let (asker, phone) = (program(&session), phone(&session, 2, Role::Approver));
    let (one, other) = (ask(&session, asker), ask(&session, asker));
    let rival = Rival::new(folder.path());
    assert_eq!(decide(&session, phone, 1, &one, true).unwrap_err().kind, ErrorKind::Environment);
    assert_eq!((listed(&session, &one), outcome(&session, asker)), (ApprovalState::Pending, None));
    assert_eq!(ask_bytes(&session, asker, &request("More?")).unwrap_err().kind, ErrorKind::Environment);
    decide(&session, phone, 2, &other, false).unwrap();
    assert!(matches!(outcome(&session, asker), Some(ApprovalState::Denied { .. })));
    rival.go();
    decide(&session, phone, 3, &one, true).expect("there is room again");
    assert!(matches!(outcome(&session, asker), Some(ApprovalState::Allowed { .. })));
}

#[tokio::test]
async fn it_goes_with_whoever_asked_and_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let (gone, stays) = (program(&session), program(&session));
    let (one, other) = (ask(&session, gone), ask(&session, stays));
    session.leave(gone);
    assert!(matches!(listed(&session, &one), ApprovalState::Withdrawn { .. }));
    assert_eq!(listed(&session, &other), ApprovalState::Pending);
    session.end(0);
    assert!(matches!(outcome(&session, stays), Some(ApprovalState::Withdrawn { .. })));
    assert!(matches!(logged(&session).last(), Some(Event::Exit { .. })), "the end is last");
    let late = ask_bytes(&session, stays, &request("Deploy?")).unwrap_err();
    assert_eq!(late.kind, ErrorKind::Ended);
}

#[tokio::test]
async fn no_amount_of_questions_keeps_a_client_waiting_for_its_screen() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    session.append(Event::Output, "the screen\r\n".into());
    let (asker, phone) = (program(&session), phone(&session, 2, Role::Approver));
    for n in 1..=200 {
        let approval = ask_bytes(&session, asker, &request(&"long ".repeat(8_000))).unwrap();
        decide(&session, asker, n, &approval, n % 2 == 0).unwrap();
    }
    let waits = ask(&session, asker);
    let attach = ToHost::Attach {
        session: session.summary().id,
        after: None,
        size: None,
        window: 32 * 1024,
        scrollback: Some(0),
        redraw: false,
    };
    session.handle(phone, attach, &Bytes::new()).expect("it may");
    told(&session, phone);
    let (which, snapshot) = session.poll_snapshot(phone).expect("it wants one");
    let snapshot = snapshot.await.unwrap();
    session.give_snapshot(phone, which, snapshot);
    // What a connection does for as long as it is woken; nothing is acked.
    let wake = std::rc::Rc::clone(&session.inner.borrow().clients[&phone].wake);
    let (mut all, mut turns) = (Vec::new(), 0);
    while tokio::time::timeout(Duration::ZERO, wake.notified()).await.is_ok() {
        all.extend(told(&session, phone));
        turns += 1;
    }
    assert!(matches!(&all[..], [ToClient::Snapshot { last: true, .. }]), "{all:?}");
    assert!(turns < 10);
    // From there on it is told all.
    let change = session.inner.borrow().approvals.withdraw(&waits.id, 5);
    session.inner.borrow_mut().put_no(change);
    session.approvals_changed();
    let news = told(&session, phone);
    assert!(matches!(&news[..], [ToClient::Event { event: Event::Decided { .. }, .. }]), "{news:?}");
}

#[tokio::test]
async fn a_long_command_beside_many_questions_is_told_in_one_message_and_remembered_whole() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let command = vec!["claude".to_owned(), "\"".repeat(25_000)];
    session.inner.borrow_mut().about.command.clone_from(&command);
    let watcher = program(&session);
    for _ in 0..session::approval::MAX_PENDING {
        session.inner.borrow_mut().put_asked(request(&"😀".repeat(200)).into()).unwrap();
    }
    session.handle(watcher, ToHost::Watch {}, &Bytes::new()).expect("it may");
    let all = told(&session, watcher);
    let changed = all.iter().find(|message| matches!(message, ToClient::Changed { .. })).expect("it is told");
    let mut bytes = Vec::new();
    session::codec::encode(changed, &[], &mut bytes);
    assert!(bytes.len() < 32 * 1024, "{}", bytes.len());
    assert_eq!(session.summary().command, command, "which is what is written down");
}

#[tokio::test]
async fn a_log_is_bounded_however_much_is_asked_and_every_decision_stays() {
    const LIMIT: u64 = 256 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let session = session_within(folder.path(), LIMIT);
    let asker = program(&session);
    for n in 1..=100 {
        let approval = ask_bytes(&session, asker, &request(&"long ".repeat(16_000))).unwrap();
        decide(&session, asker, n, &approval, false).unwrap();
        if session.inner.borrow().journal.wants_base() {
            let snapshot = session.model.snapshot(None).await.unwrap();
            session.put_base(&snapshot);
        }
    }
    let reader = store::LogReader::open(&folder.path().join("log.db")).unwrap();
    let (mut bytes, mut questions, mut decided, mut after) = (0, 0, 0, 0);
    loop {
        let entries = reader.read_after(after, u64::MAX).unwrap();
        let Some(last) = entries.last() else { break };
        after = last.seq;
        bytes += entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
        for record in entries.into_iter().map(crate::journal::record) {
            match record.event {
                Event::Asked { part: 0, .. } => questions += 1,
                Event::Decided { .. } => decided += 1,
                _ => {}
            }
        }
    }
    assert_eq!((questions, decided), (100, 100));
    assert!(bytes < 2 * usize::try_from(LIMIT).unwrap(), "{bytes} bytes of requests are left");
}

#[tokio::test]
async fn a_large_request_is_asked_and_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let asker = program(&session);
    let bytes = request(&"é\u{1b}\"".repeat(20_000));
    let approval = ask_bytes(&session, asker, &bytes).unwrap();
    assert_eq!(approval.digest, session::approval::digest(&bytes));
    let (mut text, mut from) = (String::new(), 0);
    loop {
        session.request(asker, &approval.id, from);
        let message = told(&session, asker).pop().expect("an answer");
        let mut header = Vec::new();
        session::codec::encode(&message, &[], &mut header);
        assert!(header.len() <= session::codec::MAX_MESSAGE);
        let ToClient::Request { asked: Some(piece) } = message else { panic!("{message:?}") };
        text += &piece.text;
        match piece.next {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(text.as_bytes(), bytes);
    let inside = bytes.iter().position(|byte| !byte.is_ascii()).unwrap() + 1;
    for nowhere in [u32::try_from(inside).unwrap(), u32::MAX] {
        session.request(asker, &approval.id, nowhere);
        assert_eq!(told(&session, asker), [ToClient::Request { asked: None }]);
    }
    let too_large = vec![b'x'; MAX_REQUEST + 5000];
    assert_eq!(ask_bytes(&session, asker, &too_large).unwrap_err().kind, ErrorKind::Invalid);
    ask(&session, asker);
}

#[tokio::test(start_paused = true)]
async fn a_script_in_a_loop_does_not_bury_the_person() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let asker = program(&session);
    for n in 1..=20 {
        let approval = ask_again(&session, asker, &request("Again?")).unwrap();
        decide(&session, asker, n, &approval, false).unwrap();
    }
    let refused = ask_again(&session, asker, &request("Again?")).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Limited);
    assert_eq!(session.inner.borrow().approvals.pending().count(), 0);
    tokio::time::advance(Duration::from_secs(61)).await;
    for _ in 0..8 {
        ask_again(&session, asker, &request("Again?")).unwrap();
    }
    let another = program(&session);
    assert_eq!(ask_again(&session, another, &request("Again?")).unwrap_err().kind, ErrorKind::Limited);
    session.inner.borrow_mut().put_asked(request("May I?").into()).expect("the agent asks all the same");
}

#[tokio::test]
async fn a_program_cannot_ask_in_an_agents_name_for_the_whole_session() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let asker = program(&session);
    let scope = r#""scope":{"tool":"Bash","pattern":"make","words":"read a file"}"#;
    let tool = r#""tool":{"name":"Bash","command":"make"}"#;
    let bytes = format!(r#"{{"source":"claude","question":"Run it?",{tool},{scope}}}"#);
    assert_eq!(ask_bytes(&session, asker, bytes.as_bytes()).unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn hooks_together_hold_no_more_than_their_bound() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let ours = session.summary().id;
    let piece = Bytes::from(vec![b' '; 1024 * 1024]);
    let mut hooks = Vec::new();
    'all: loop {
        let hook = program(&session);
        hooks.push(hook);
        for _ in 0..16 {
            let message = ToHost::Hook { session: ours.clone(), last: false };
            if session.handle(hook, message, &piece).is_err() {
                break 'all;
            }
        }
        assert!(hooks.len() < 10, "they hold more and more");
    }
    assert_eq!(hooks.len(), 1 + MAX_COMING / (16 * 1024 * 1024));
    // One that has gone makes room.
    session.leave(hooks[0]);
    let hook = program(&session);
    let message = ToHost::Hook { session: ours, last: false };
    assert!(session.handle(hook, message, &piece).is_ok());
}

/// Asks as often as its program says a line, and writes down why it could not.
#[derive(Default)]
struct Asking {
    asked: u64,
    out: Vec<Output>,
    why_not: Rc<RefCell<Vec<String>>>,
}

impl Adapter for Asking {
    fn handle(&mut self, input: Input<'_>, _: u64) {
        match input {
            Input::Line(_) => {
                self.asked += 1;
                let request = Request { source: "x".into(), question: "May I?".into(), ..Request::default() };
                self.out.push(Output::Ask { key: self.asked, request: Box::new(request) });
            }
            Input::Unasked { why, .. } => self.why_not.borrow_mut().push(why.to_owned()),
            _ => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop()
    }
}

#[tokio::test]
async fn an_agent_is_told_why_nobody_could_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let adapter = Asking::default();
    let why_not = Rc::clone(&adapter.why_not);
    session.set_side(Box::new(adapter), None, None);
    for _ in 0..17 {
        assert_eq!(why_not.borrow().len(), 0);
        session.hear(Input::Line(b"ask"));
    }
    let why = "This could not be asked, so it is not allowed: 16 approvals wait in this session already.";
    assert_eq!(*why_not.borrow(), [why]);
}

#[tokio::test]
async fn a_hook_in_a_session_whose_program_has_none_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    session.set_side(Box::new(Asking::default()), None, None);
    for (hook, answer) in [
        (r#"{"hook_event_name":"PermissionRequest","tool_name":"Bash"}"#, r#""behavior":"deny""#),
        (r#"{"hook_event_name":"PreToolUse","tool_name":"Bash"}"#, r#""permissionDecision":"deny""#),
        (r#"{"hook_event_name":"SessionStart"}"#, ""),
    ] {
        let id = program(&session);
        let message = ToHost::Hook { session: session.summary().id, last: true };
        session.handle(id, message, &Bytes::from_static(hook.as_bytes())).unwrap();
        let told = told(&session, id);
        let hooked = told.iter().find_map(|message| match message {
            ToClient::Hooked { output } => Some(output),
            _ => None,
        });
        let hooked = hooked.expect("it is answered at once");
        assert!(hooked.contains(answer) && hooked.is_empty() == answer.is_empty(), "{hooked}");
    }
}

#[tokio::test]
async fn who_decides_after_the_end_is_told_who_was_first() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let asker = program(&session);
    let (decided, left) = (ask(&session, asker), ask(&session, asker));
    let (first, second) = (phone(&session, 2, Role::Approver), phone(&session, 3, Role::Approver));
    decide(&session, first, 1, &decided, true).unwrap();
    session.end(0);
    let late = |n, approval| decide(&session, second, n, approval, false).unwrap_err();
    assert_eq!(late(1, &decided).message, "phone 2 has allowed it already");
    assert_eq!(late(1, &left).message, "whoever asked does not wait for the answer any more");
    assert_eq!(late(1, &decided).kind, ErrorKind::Ended);
}
