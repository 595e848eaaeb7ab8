//! What opencode is told: what a person decides on what it asks, prompts, and to stop.

use super::hear::{Call, Kind, Opencode, Ours, Waiting, is_name};
use super::{NAME, asks};
use crate::jsonrpc::{list_at, str_at};
use crate::out::Verdict;
use serde_json::{Value, json};
use session::message::Request;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What may wait for a person; more is asked at the desk alone.
const MAX_WAITING: usize = 64;
/// Prompts of ours that opencode has not told of yet.
const MAX_OURS: usize = 32;

impl Opencode {
    /// Whether this is to be asked: once each, and nothing whose name could be a path.
    fn is_news(&mut self, id: &str) -> bool {
        let known = self.waiting.values().any(|waiting| waiting.id == id)
            || self.calls.values().any(|call| matches!(call, Call::Reply(answered) if answered == id))
            || self.unseen.iter().any(|unseen| str_at(unseen, "id") == id)
            || self.over.find(|over| over == id).is_some();
        is_name(id) && !known && self.waiting.len() < MAX_WAITING
    }

    pub(super) fn permission(&mut self, asked: &Value) {
        let id = str_at(asked, "id").to_owned();
        if !self.is_news(&id) {
            return;
        }
        let about = &asked["tool"];
        if about.is_null() && !asks::is_whole(asked) {
            return self.leave(&id);
        }
        if about.is_null() || self.said.asked(about).is_some() {
            return self.card(id, asked);
        }
        // Nobody allows what was not shown.
        self.unseen.push(asked.clone());
        if self.said.knows(about) {
            return;
        }
        let (session, message) = (str_at(asked, "sessionID"), str_at(about, "messageID"));
        if is_name(session) && is_name(message) {
            let path = format!("/session/{session}/message/{message}");
            self.ask("GET", &path, &Value::Null, Call::Unseen(id));
        } else {
            self.leave(&id);
        }
    }

    /// What is now known of the call that they are about, is asked.
    pub(super) fn seen(&mut self, part: &Value) {
        let name = |value: &Value| [str_at(value, "messageID"), str_at(value, "callID")].map(str::to_owned);
        let call = name(part);
        if self.said.asked(part).is_none() {
            return;
        }
        for asked in self.unseen.take(|asked| name(&asked["tool"]) == call) {
            self.card(str_at(&asked, "id").to_owned(), &asked);
        }
    }

    /// The message in which it asked for this came, if it did.
    pub(super) fn came(&mut self, id: &str, message: &Value) {
        let Some(asked) = self.unseen.find(|unseen| str_at(unseen, "id") == id).cloned() else { return };
        let about = &asked["tool"];
        for part in list_at(message, "parts") {
            if str_at(part, "callID") == str_at(about, "callID") {
                self.part(part);
            }
        }
        if !self.said.knows(about) {
            self.leave(id);
        }
    }

    /// It is for the desk alone.
    fn leave(&mut self, id: &str) {
        self.unseen.take(|unseen| str_at(unseen, "id") == id);
        self.is_over(id);
        self.out.note(format!(
            "{NAME} asks something in its terminal, and does not say here what exactly: answer it there."
        ));
    }

    fn card(&mut self, id: String, asked: &Value) {
        let (call, tool) = self.said.asked(&asked["tool"]).unzip();
        let request = asks::permission(asked, tool, &self.place);
        if let Some(call) = &call {
            self.said.denied(call, false);
        }
        self.wait(id, asked, request, Kind::Permission(call));
    }

    pub(super) fn questions(&mut self, asked: &Value) {
        let id = str_at(asked, "id").to_owned();
        if !self.is_news(&id) {
            return;
        }
        if let Some(request) = asks::questions(asked) {
            self.wait(id, asked, request, Kind::Questions);
        } else {
            self.over.push(id);
            self.out.note(format!("{NAME} asks something in its terminal that cannot be asked here."));
        }
    }

    fn wait(&mut self, id: String, asked: &Value, request: Request, kind: Kind) {
        let key = self.out.ask(request);
        let session = str_at(asked, "sessionID").to_owned();
        self.waiting.insert(key, Waiting { id, session, kind });
    }

    /// It was answered, here or at the desk.
    pub(super) fn replied(&mut self, id: &str) {
        let key = self.waiting.iter().find(|(_, waiting)| waiting.id == id).map(|(key, _)| *key);
        if let Some(key) = key {
            self.waiting.remove(&key);
            self.out.withdraw(key);
        }
        self.unseen.take(|unseen| str_at(unseen, "id") == id);
        self.is_over(id);
    }

    pub(super) fn is_over(&mut self, id: &str) {
        if self.over.find(|over| over == id).is_none() {
            self.over.push(id.to_owned());
        }
    }

    pub(super) fn decided(&mut self, key: u64, verdict: &Verdict<'_>) {
        self.out.decided(key);
        let Some(waiting) = self.waiting.remove(&key) else { return };
        // It is over once opencode says so: an answer that does not reach it leaves it waiting.
        let reply = Call::Reply(waiting.id.clone());
        match (verdict, &waiting.kind) {
            (Verdict::Yes { .. }, Kind::Permission(_)) => {
                let path = format!("/permission/{}/reply", waiting.id);
                self.ask("POST", &path, &json!({ "reply": "once" }), reply);
            }
            (Verdict::Yes { answers, .. }, Kind::Questions) => {
                let path = format!("/question/{}/reply", waiting.id);
                self.ask("POST", &path, &json!({ "answers": answers }), reply);
            }
            (Verdict::No { reason }, kind) => {
                if let Kind::Permission(Some(call)) = kind {
                    self.said.denied(call, true);
                }
                self.no(&waiting, *reason, reply);
            }
        }
    }

    pub(super) fn no(&mut self, waiting: &Waiting, reason: Option<&str>, what: Call) {
        let id = &waiting.id;
        match waiting.kind {
            Kind::Permission(_) => {
                let mut reply = json!({ "reply": "reject" });
                if let Some(reason) = reason {
                    reply["message"] = reason.into();
                }
                self.ask("POST", &format!("/permission/{id}/reply"), &reply, what);
            }
            Kind::Questions => {
                self.ask("POST", &format!("/question/{id}/reject"), &Value::Null, what);
            }
        }
    }

    pub(super) fn prompt(&mut self, id: &str, text: &str, files: &[PathBuf], by: &str) {
        let (prompt, text, by) = (id.to_owned(), text.to_owned(), by.to_owned());
        let ours = Ours { id: 0, prompt, text, files: files.to_vec(), by, lost: false };
        if let Some(session) = self.current.clone() {
            return self.say(&session, ours);
        }
        self.ask("POST", "/session", &json!({}), Call::New(ours));
    }

    /// The desk sees this conversation, too; what is half written there stays.
    pub(super) fn show(&mut self, session: &str) {
        self.ask("POST", "/tui/select-session", &json!({ "sessionID": session }), Call::Nothing);
    }

    pub(super) fn say(&mut self, session: &str, mut ours: Ours) {
        self.show(session);
        let file = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            json!({ "type": "file", "mime": media(path), "filename": name, "url": url(path) })
        };
        let parts: Vec<_> = [json!({ "type": "text", "text": ours.text })]
            .into_iter()
            .chain(ours.files.iter().map(file))
            .collect();
        let mut body = json!({ "parts": parts });
        for (name, value) in &self.with {
            body[*name] = value.clone();
        }
        if self.ours.len() >= MAX_OURS {
            self.ours.pop_front();
        }
        ours.id = self.next;
        self.ours.push_back(ours.clone());
        self.ask("POST", &format!("/session/{session}/prompt_async"), &body, Call::Prompt(ours));
    }

    pub(super) fn interrupt(&mut self) {
        let session = self.current.clone().filter(|session| self.turns.contains_key(session));
        let session = session.or_else(|| self.turns.keys().find(|session| !self.is_child(session)).cloned());
        if let Some(session) = session {
            self.ask("POST", &format!("/session/{session}/abort"), &Value::Null, Call::Nothing);
        }
    }
}

/// Of a file (RFC 8089).
fn url(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let mut url = "file://".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if plain(byte) {
            url.push(byte.into());
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

/// The media type of a file, by its name; opencode reads what is text by itself.
fn media(path: &Path) -> &'static str {
    match path.extension().and_then(|kind| kind.to_str()) {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("pdf") => "application/pdf",
        _ => "text/plain",
    }
}
