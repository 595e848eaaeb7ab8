//! Which turn Claude is in. It also begins turns that nobody asked for, as when something is done that ran in the background;
//! a prompt that is told then waits in it until that one is over, or is taken up in the midst of it.

use super::tool::text_of;
use serde_json::Value;
use session::message::Chat;

/// Which.
#[derive(Debug, Default)]
pub(super) struct Turn {
    now: Now,
    /// It says of prompts what becomes of them, which older versions do not.
    says: bool,
    /// A prompt that it was told and has not taken yet, by the name that it was given.
    told: Option<(String, Chat)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Now {
    /// None: nothing was begun that a result has not ended.
    #[default]
    Over,
    /// One that nobody asked for.
    Own,
    /// One that was asked for.
    Asked,
}

/// What became of the prompt that was told.
pub(super) enum Became {
    /// What is said and done from here on is for it.
    Taken(Chat),
    /// It was dropped.
    Dropped(Chat),
}

impl Turn {
    /// Claude is told this, under that name; given back where it is taken at once as far as anybody can tell.
    pub fn tell(&mut self, name: String, chat: Chat) -> Option<Chat> {
        if self.says {
            self.told = Some((name, chat));
            return None;
        }
        self.now = Now::Asked;
        Some(chat)
    }

    /// Each turn begins with this.
    pub fn begin(&mut self) {
        if self.now == Now::Over {
            self.now = Now::Own;
        }
    }

    /// What Claude says of a prompt.
    pub fn hear(&mut self, json: &Value) -> Option<Became> {
        self.says = true;
        let state = text_of(json, "state");
        let (_, chat) =
            self.told.take_if(|(name, _)| name == text_of(json, "command_uuid") && state != "queued")?;
        if state != "started" {
            return Some(Became::Dropped(chat));
        }
        self.now = Now::Asked;
        Some(Became::Taken(chat))
    }

    /// The turn is over.
    pub fn end(&mut self) {
        self.now = Now::Over;
    }

    /// An interruption was heard: a turn that nobody asked for is not waited for any longer, since nothing says for certain
    /// that there is one. Nor is a prompt that Claude has not taken and does not name among those that are `still` queued,
    /// which is given back.
    pub fn interrupted(&mut self, still: &Value) -> Option<Chat> {
        if self.now == Now::Own {
            self.now = Now::Over;
        }
        let still = still.to_string();
        self.told.take_if(|(name, _)| !still.contains(name.as_str())).map(|(_, chat)| chat)
    }

    /// Whether it is in one.
    pub fn is_on(&self) -> bool {
        self.now != Now::Over
    }

    /// Whether it is in one, or is about to be.
    pub fn is_busy(&self) -> bool {
        self.is_on() || self.told.is_some()
    }
}
