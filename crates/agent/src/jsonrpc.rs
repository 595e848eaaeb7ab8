//! JSON-RPC in lines, as agents speak it on their standard input and output: who asks what, and which answer is to which
//! question. Some write `"jsonrpc":"2.0"` into every message, some into none.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// No such method.
pub(crate) const NO_METHOD: i64 = -32601;
/// Questions to the agent that may wait for an answer; of more, the oldest is forgotten.
const MAX_WAITING: usize = 256;

/// One end of it. `C` says what a question was about.
#[derive(Debug)]
pub(crate) struct Peer<C> {
    tagged: bool,
    next: u64,
    waiting: BTreeMap<u64, C>,
}

/// What a line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard<C> {
    /// The agent asks, and waits for an answer to this id.
    Asks { id: Value, method: String, params: Value },
    /// The agent tells.
    Tells { method: String, params: Value },
    /// The answer to a question, or why there is none.
    Answers { to: C, result: Result<Value, String> },
    /// An answer to nothing that was asked.
    Stray,
    /// It is none of these.
    Nonsense,
}

impl<C> Peer<C> {
    /// `tagged` where every message has a `jsonrpc` member.
    pub(crate) fn new(tagged: bool) -> Self {
        Self { tagged, next: 0, waiting: BTreeMap::new() }
    }

    /// Asks the agent.
    #[expect(clippy::needless_pass_by_value, reason = "callers write it where they pass it")]
    pub(crate) fn call(&mut self, method: &str, params: Value, what: C) -> Vec<u8> {
        let id = self.next;
        self.next += 1;
        self.waiting.insert(id, what);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
        self.line(json!({ "id": id, "method": method, "params": params }))
    }

    /// What was asked and is not answered.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &C> {
        self.waiting.values()
    }

    /// Nothing that was asked is answered any more; what that was.
    pub(crate) fn forget(&mut self) -> impl Iterator<Item = C> {
        std::mem::take(&mut self.waiting).into_values()
    }

    /// Tells the agent.
    pub(crate) fn tell(&self, method: &str, params: Value) -> Vec<u8> {
        let mut message = json!({ "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.line(message)
    }

    /// Answers what the agent asked.
    #[expect(clippy::needless_pass_by_value, reason = "callers write it where they pass it")]
    pub(crate) fn answer(&self, id: &Value, result: Value) -> Vec<u8> {
        self.line(json!({ "id": id, "result": result }))
    }

    /// Says why there is no answer.
    pub(crate) fn refuse(&self, id: &Value, code: i64, message: &str) -> Vec<u8> {
        self.line(json!({ "id": id, "error": { "code": code, "message": message } }))
    }

    /// Reads a line.
    pub(crate) fn hear(&mut self, line: &[u8]) -> Heard<C> {
        let Ok(Value::Object(mut message)) = serde_json::from_slice(line) else {
            return Heard::Nonsense;
        };
        let mut take = |name: &str| message.remove(name);
        match (take("id"), take("method")) {
            (id, Some(Value::String(method))) => {
                let params = take("params").unwrap_or_default();
                match id {
                    Some(id @ (Value::Number(_) | Value::String(_))) => Heard::Asks { id, method, params },
                    None | Some(Value::Null) => Heard::Tells { method, params },
                    Some(_) => Heard::Nonsense,
                }
            }
            (Some(id), None) => {
                let Some(to) = id.as_u64().and_then(|id| self.waiting.remove(&id)) else {
                    return Heard::Stray;
                };
                let result = match take("error") {
                    None | Some(Value::Null) => Ok(take("result").unwrap_or_default()),
                    Some(error) => Err(words(&error)),
                };
                Heard::Answers { to, result }
            }
            _ => Heard::Nonsense,
        }
    }

    fn line(&self, mut message: Value) -> Vec<u8> {
        if self.tagged {
            message["jsonrpc"] = "2.0".into();
        }
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

/// An error in the agent's words.
fn words(error: &Value) -> String {
    let message = str_at(error, "message");
    // What is the matter often stands in the data alone.
    let details = match &error["data"] {
        Value::String(details) => details.as_str(),
        data => ["details", "message"]
            .into_iter()
            .map(|name| str_at(data, name))
            .find(|text| !text.is_empty())
            .unwrap_or(""),
    };
    match (message, details) {
        ("", "") => error.to_string(),
        ("", text) | (text, "") => text.to_owned(),
        (message, details) if message.contains(details) => message.to_owned(),
        (message, details) => format!("{message}: {details}"),
    }
}

/// The text of a member; empty where it has none.
pub(crate) fn str_at<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

/// The text of a member, where it has one that says something.
pub(crate) fn text_at(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The members of a list; none where it is no list.
pub(crate) fn list_at<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_question_once() {
        let mut peer = Peer::new(false);
        assert_eq!(peer.call("a", json!({}), 'a'), b"{\"id\":0,\"method\":\"a\",\"params\":{}}\n");
        peer.call("b", json!({}), 'b');
        let second = peer.hear(br#"{"id":1,"result":[]}"#);
        assert_eq!(second, Heard::Answers { to: 'b', result: Ok(json!([])) });
        assert_eq!(peer.hear(br#"{"id":1,"result":[]}"#), Heard::Stray);
        assert_eq!(peer.hear(br#"{"id":7,"result":[]}"#), Heard::Stray);
        assert_eq!(peer.hear(br#"{"id":"0","result":[]}"#), Heard::Stray);
        let first = peer.hear(br#"{"id":0,"error":{"message":"no","data":{"details":"log in"}}}"#);
        assert_eq!(first, Heard::Answers { to: 'a', result: Err("no: log in".into()) });
    }

    #[test]
    fn the_tag_is_in_all_messages_or_in_none() {
        for (tagged, tag) in [(true, "\"jsonrpc\":\"2.0\""), (false, "")] {
            let mut peer = Peer::new(tagged);
            let id = json!("x");
            let lines = [
                peer.call("m", Value::Null, ()),
                peer.tell("m", Value::Null),
                peer.answer(&id, json!({})),
                peer.refuse(&id, NO_METHOD, "no"),
            ];
            for line in lines {
                let line = String::from_utf8(line).unwrap();
                assert_eq!(line.contains("jsonrpc"), tagged, "{line}");
                assert!(line.contains(tag) && line.ends_with('\n'));
            }
        }
    }

    #[test]
    fn what_is_asked_and_told_is_told_apart() {
        let mut peer = Peer::<()>::new(true);
        let asks = |id| Heard::Asks { id, method: "m".into(), params: json!(1) };
        assert_eq!(peer.hear(br#"{"jsonrpc":"2.0","id":0,"method":"m","params":1}"#), asks(json!(0)));
        assert_eq!(peer.hear(br#"{"id":"a","method":"m","params":1}"#), asks(json!("a")));
        let tells = Heard::Tells { method: "m".into(), params: Value::Null };
        assert_eq!(peer.hear(br#"{"method":"m"}"#), tells);
        for nonsense in ["", "{}", "[]", "7", "{", r#"{"id":{},"method":"m"}"#, r#"{"method":7}"#] {
            assert_eq!(peer.hear(nonsense.as_bytes()), Heard::Nonsense, "{nonsense}");
        }
    }
}
