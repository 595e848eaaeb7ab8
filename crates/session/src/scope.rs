//! What an API token may do: only what its scopes say. What is not listed is refused.

use crate::message::{Act, Method, ToHost};
use crate::role::Role;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A part of what the API does. Each includes [`Scope::Read`]: whoever may do something may see what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "TokenScope"))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See sessions, their logs, and what waits for a decision.
    Read,
    /// Talk to agents, interrupt them, and hold conversations with agents that are started for it.
    Prompt,
    /// Decide approvals.
    Decide,
    /// Type into terminals: whatever a person could do there.
    Input,
    /// Start, stop and remove sessions of any program.
    Manage,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Prompt, Self::Decide, Self::Input, Self::Manage];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Prompt => "prompt",
            Self::Decide => "decide",
            Self::Input => "input",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.name() == text);
        known.ok_or_else(|| format!("{text:?} is no scope: there are read, prompt, decide, input and manage"))
    }
}

/// The role that whoever has these needs at most. It alone allows more than the scopes do.
pub fn role(scopes: &[Scope]) -> Role {
    let each = scopes.iter().map(|scope| match scope {
        Scope::Read => Role::Viewer,
        Scope::Decide => Role::Approver,
        Scope::Prompt | Scope::Input | Scope::Manage => Role::Operator,
    });
    each.max().unwrap_or(Role::Viewer)
}

/// Whether somebody with these scopes may send this message.
pub fn allows(scopes: &[Scope], message: &ToHost) -> bool {
    match least(message) {
        Some(Scope::Read) => !scopes.is_empty(),
        Some(scope) => scopes.contains(&scope),
        None => false,
    }
}

/// The scope that it takes; none where no token may send it.
fn least(message: &ToHost) -> Option<Scope> {
    Some(match message {
        ToHost::Watch {}
        | ToHost::Attach { .. }
        | ToHost::Detach { .. }
        | ToHost::Ack { .. }
        | ToHost::Past { .. }
        | ToHost::Ping { .. }
        | ToHost::Pong { .. } => Scope::Read,
        ToHost::Hello { .. }
        | ToHost::Request { .. }
        | ToHost::Ask { .. }
        | ToHost::Hook { .. }
        | ToHost::Notify { .. } => return None,
        ToHost::Command { act, .. } => match act {
            Act::Prompt { .. } | Act::Interrupt | Act::Upload { .. } | Act::Configure { .. } => Scope::Prompt,
            Act::Decide { .. } | Act::Revoke { .. } => Scope::Decide,
            Act::Input | Act::Resize { .. } | Act::TakeSize | Act::GiveSize => Scope::Input,
            Act::Stop | Act::Ttl(_) => Scope::Manage,
            Act::Refused { .. } => return None,
        },
        ToHost::Call { method, .. } => match method {
            Method::SessionList { .. }
            | Method::ApprovalRequest { .. }
            | Method::ApprovalHistory { .. }
            | Method::HostStatus {} => Scope::Read,
            Method::SessionPrompt { .. }
            | Method::SessionInterrupt { .. }
            | Method::ConversationOpen(_)
            | Method::ConversationForget { .. } => Scope::Prompt,
            Method::ApprovalDecide { .. } => Scope::Decide,
            Method::SessionInput { .. } => Scope::Input,
            Method::SessionCreate(_)
            | Method::SessionRemove { .. }
            | Method::SessionStop { .. }
            | Method::SessionTtl { .. }
            | Method::SessionRestart(_) => Scope::Manage,
            Method::SessionAdopt { .. }
            | Method::HostDown {}
            | Method::PairCreate { .. }
            | Method::PairConfirm { .. }
            | Method::TokenCreate { .. }
            | Method::TokenList {}
            | Method::TokenRevoke { .. }
            | Method::DeviceList { .. }
            | Method::DeviceRevoke { .. }
            | Method::DeviceRename { .. } => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{DeviceId, SessionId};
    use crate::message::{Create, Open};
    use crate::role;

    fn call(method: Method) -> ToHost {
        ToHost::Call { id: 1, method }
    }

    #[test]
    fn a_scope_allows_its_own_and_reading_and_nothing_else() {
        let session = SessionId::from_random([1; 10]);
        let stop = call(Method::SessionStop { session: session.clone() });
        let prompt = call(Method::SessionPrompt { session: session.clone(), text: String::new() });
        let typed = call(Method::SessionInput { session: session.clone(), text: String::new() });
        let command = |act| ToHost::Command { session: session.clone(), n: 1, act };
        let revoke = command(Act::Revoke { grant: crate::id::ApprovalId::from_random([1; 10]) });
        let asked = [
            (&stop, Scope::Manage),
            (&prompt, Scope::Prompt),
            (&typed, Scope::Input),
            (&revoke, Scope::Decide),
        ];
        for scope in Scope::ALL {
            assert!(allows(&[scope], &call(Method::SessionList { after: None })), "{scope} reads");
            for (message, needs) in asked {
                assert_eq!(allows(&[scope], message), scope == needs, "{scope} {message:?}");
            }
        }
        assert!(!allows(&[], &call(Method::HostStatus {})));
    }

    #[test]
    fn no_token_manages_devices_or_tokens_and_none_needs_more_than_its_role() {
        let device = DeviceId::from_random([1; 10]);
        let session = SessionId::from_random([1; 10]);
        for method in [
            Method::HostDown {},
            Method::PairCreate { confirm: false },
            Method::TokenList {},
            Method::TokenRevoke { name: "a".to_owned() },
            Method::TokenCreate { name: "a".to_owned(), scopes: Scope::ALL.to_vec(), ttl: 60 },
            Method::DeviceList { after: None },
            Method::DeviceRevoke { device },
        ] {
            assert!(!allows(&Scope::ALL, &call(method.clone())), "{method:?}");
        }
        let create = Create {
            command: vec!["sh".to_owned()],
            cwd: None,
            name: None,
            size: None,
            env: None,
            ttl: None,
            agent: None,
            asks: false,
        };
        for message in [
            call(Method::SessionCreate(create)),
            call(Method::ConversationOpen(Open::default())),
            call(Method::SessionStop { session: session.clone() }),
            ToHost::Command { session, n: 1, act: Act::Input },
        ] {
            for scope in Scope::ALL {
                let needs_more = allows(&[scope], &message) && !role::allows(super::role(&[scope]), &message);
                assert!(!needs_more, "{scope} {message:?}");
            }
        }
    }

    #[test]
    fn scopes_are_named() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
        assert!("Read".parse::<Scope>().is_err());
    }
}
