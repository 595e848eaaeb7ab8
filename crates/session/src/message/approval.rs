//! An approval: what is asked of a person before something is done, and what they decided.

use super::{Choice, Tool};
use crate::id::{ApprovalId, DeviceId};
use serde::{Deserialize, Serialize};

/// What an asker wants to know: the bytes of this, as JSON, are what a person is shown and what the digest is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Request {
    /// Who asks, in a word: `ask` for a script, or an agent's name.
    pub source: String,
    /// The question, or what is to be done, in full.
    pub question: String,
    /// The answers to choose from, at most 16; where there are none, the answer is yes or no.
    #[serde(default)]
    pub choices: Vec<String>,
    /// The answer may be, or come with, a text of the person's own.
    #[serde(default)]
    pub free_text: bool,
    /// How much care it wants.
    #[serde(default)]
    pub risk: Risk,
    /// Why it is of that risk, one reason each.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The folder that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Denied when nobody has decided after so many seconds: 10 to 604,800, and an hour where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
    /// What an agent wants to do, where that is what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Box<Tool>>,
    /// A plan to be allowed, in Markdown; a denial's text is what is to be different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Questions to be answered instead of yes or no, at most eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// What may be allowed until the session ends, where that is offered; never of anything dangerous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// One of several questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// The answers to choose from, at most 16.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// More than one may be chosen.
    #[serde(default)]
    pub several: bool,
    /// An answer may be a text of the person's own.
    #[serde(default)]
    pub free_text: bool,
}

/// What an allowance for a session is for: a request of the same tool and pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Scope {
    /// The tool's name.
    pub tool: String,
    /// What it is used for, exactly: the command, or the file.
    pub pattern: String,
    /// Both in words, for people.
    pub words: String,
}

/// What is allowed until the session ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Grant {
    /// The approval that it was allowed with; names it.
    pub id: ApprovalId,
    /// As in the [`Scope`]: one line of at most 200 characters, ending in `…` where there is more.
    pub words: String,
    /// Who allowed it.
    pub by: Decider,
    /// Unix milliseconds.
    pub since: u64,
}

/// How much care a request wants. It never makes anything easier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// As much as any.
    #[default]
    Normal,
    /// There is something to look out for.
    Careful,
    /// It is allowed only by somebody who types a word.
    Dangerous,
}

/// One approval, for lists. What exactly is asked is fetched with `approval.request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The SHA-256 of the [`Request`]'s bytes, in lowercase hexadecimal: a decision names it.
    pub digest: String,
    /// How many bytes those are.
    pub length: u32,
    /// As in the [`Request`].
    pub source: String,
    /// The beginning of the question: one line of at most 120 characters, ending in `…` where there is more.
    pub title: String,
    /// As in the [`Request`].
    pub risk: Risk,
    /// What has to be typed to allow it, where it is dangerous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Unix milliseconds.
    pub asked_at: u64,
    /// When it is denied by itself, in Unix milliseconds.
    pub expires_at: u64,
    /// What became of it.
    #[serde(flatten)]
    pub state: ApprovalState,
}

/// What became of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ApprovalState {
    /// It waits for a person.
    Pending,
    /// Somebody allowed it.
    Allowed {
        /// Who.
        by: Decider,
        /// Unix milliseconds.
        decided_at: u64,
        /// What they chose, where there was a choice.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<String>,
        /// What they wrote; in lists its beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Their answers, one list for each question; not in lists.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        answers: Vec<Vec<String>>,
        /// It is allowed until the session ends; or, with `granted`, it was so already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        for_session: bool,
        /// The earlier approval by which it was allowed without being asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        granted: Option<ApprovalId>,
    },
    /// Somebody denied it.
    Denied {
        /// Who.
        by: Decider,
        /// Unix milliseconds.
        decided_at: u64,
        /// Why; in lists the beginning of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Nobody decided in time, which is a no.
    Expired {
        /// Unix milliseconds.
        decided_at: u64,
    },
    /// Whoever asked does not wait for an answer any more.
    Withdrawn {
        /// Unix milliseconds.
        decided_at: u64,
    },
}

impl ApprovalState {
    /// When it was over, in Unix milliseconds; none while it waits.
    pub fn decided_at(&self) -> Option<u64> {
        match self {
            Self::Pending => None,
            Self::Allowed { decided_at, .. }
            | Self::Denied { decided_at, .. }
            | Self::Expired { decided_at }
            | Self::Withdrawn { decided_at } => Some(*decided_at),
        }
    }
}

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Decider {
    /// The enrolled device; none where it was a program of the same user on the host's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Its name then.
    pub label: String,
}

/// What a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Allow {
        /// One of the request's choices, where it has some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<String>,
        /// Where the request takes one: at most 4,000 bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// The approval's word, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        word: Option<String>,
        /// For each of the request's questions the choices taken, or a text of the person's own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        answers: Vec<Vec<String>>,
        /// And whatever is of the request's scope until the session ends.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        for_session: bool,
    },
    /// No.
    Deny {
        /// Why, for whoever asked: at most 4,000 bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

impl Decision {
    /// A yes that says nothing else.
    pub fn allow() -> Self {
        Self::Allow { choice: None, text: None, word: None, answers: Vec::new(), for_session: false }
    }
}
