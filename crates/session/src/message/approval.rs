//! An approval: what is asked of a person before something is done, and what they decided.

use crate::id::{ApprovalId, DeviceId};
use serde::{Deserialize, Serialize};

/// What an asker wants to know: the bytes of this, as JSON, are what a person is shown and what the digest is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Denied when nobody has decided after so many seconds: 10 to 86,400, and an hour where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// How much care a request wants. It never makes anything easier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// As much as any.
    #[default]
    Normal,
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
    },
    /// No.
    Deny {
        /// Why, for whoever asked: at most 4,000 bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}
