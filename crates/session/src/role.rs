//! Who may do what. What is not listed is refused.

use crate::message::{Act, Method, ToHost};
use serde::{Deserialize, Serialize};

/// A person's role on a host; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Attach and read.
    Viewer,
    /// And decide approvals.
    Approver,
    /// And type, prompt, create and stop sessions, move files.
    Operator,
    /// And manage devices, users and policy.
    Owner,
}

/// Whether somebody with this role may send this message.
///
/// Two rules need more than the role and are the host's own: [`is_local_only`], and that a device may always rename
/// itself.
pub fn allows(role: Role, message: &ToHost) -> bool {
    role >= least(message)
}

/// Whether a method is for programs of the same user on the host's own machine, whatever the role.
pub fn is_local_only(method: &Method) -> bool {
    match method {
        Method::SessionAdopt { .. }
        | Method::HostDown {}
        | Method::PairConfirm { .. }
        | Method::TokenCreate { .. }
        | Method::TokenList {}
        | Method::TokenRevoke { .. } => true,
        Method::SessionCreate(_)
        | Method::SessionList { .. }
        | Method::SessionRemove { .. }
        | Method::SessionStop { .. }
        | Method::SessionTtl { .. }
        | Method::SessionRestart(_)
        | Method::SessionPrompt { .. }
        | Method::SessionInput { .. }
        | Method::SessionInterrupt { .. }
        | Method::ConversationOpen(_)
        | Method::ConversationForget { .. }
        | Method::ApprovalRequest { .. }
        | Method::ApprovalHistory { .. }
        | Method::ApprovalDecide { .. }
        | Method::HostStatus {}
        | Method::PairCreate { .. }
        | Method::DeviceList { .. }
        | Method::DeviceRevoke { .. }
        | Method::DeviceRename { .. } => false,
    }
}

fn least(message: &ToHost) -> Role {
    match message {
        ToHost::Hello { .. }
        | ToHost::Watch {}
        | ToHost::Attach { .. }
        | ToHost::Detach { .. }
        | ToHost::Ack { .. }
        | ToHost::Past { .. }
        | ToHost::Request { .. }
        | ToHost::Ping { .. }
        | ToHost::Pong { .. } => Role::Viewer,
        // And for programs of this machine alone.
        ToHost::Ask { .. } | ToHost::Hook { .. } | ToHost::Notify { .. } => Role::Owner,
        ToHost::Command { act, .. } => match act {
            Act::Decide { .. } | Act::Revoke { .. } => Role::Approver,
            Act::Input
            | Act::Resize { .. }
            | Act::TakeSize
            | Act::GiveSize
            | Act::Interrupt
            | Act::Stop
            | Act::Ttl(_)
            | Act::Prompt { .. }
            | Act::Upload { .. }
            | Act::Configure { .. }
            | Act::Refused { .. } => Role::Operator,
        },
        ToHost::Call { method, .. } => match method {
            Method::SessionList { .. }
            | Method::ApprovalRequest { .. }
            | Method::ApprovalHistory { .. }
            | Method::HostStatus {} => Role::Viewer,
            Method::ApprovalDecide { .. } => Role::Approver,
            Method::SessionCreate(_)
            | Method::SessionRemove { .. }
            | Method::SessionStop { .. }
            | Method::SessionTtl { .. }
            | Method::SessionRestart(_)
            | Method::SessionPrompt { .. }
            | Method::SessionInput { .. }
            | Method::SessionInterrupt { .. }
            | Method::ConversationOpen(_)
            | Method::ConversationForget { .. } => Role::Operator,
            Method::TokenCreate { .. }
            | Method::TokenList {}
            | Method::TokenRevoke { .. }
            | Method::SessionAdopt { .. }
            | Method::HostDown {}
            | Method::PairCreate { .. }
            | Method::PairConfirm { .. }
            | Method::DeviceList { .. }
            | Method::DeviceRevoke { .. }
            | Method::DeviceRename { .. } => Role::Owner,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{DeviceId, SessionId};
    use crate::message::{Restart, Ttl};

    fn command(act: Act) -> ToHost {
        ToHost::Command { session: SessionId::from_random([1; 10]), n: 1, act }
    }

    fn call(method: Method) -> ToHost {
        ToHost::Call { id: 1, method }
    }

    #[test]
    fn a_viewer_reads_and_does_nothing_else() {
        let session = SessionId::from_random([1; 10]);
        assert!(allows(Role::Viewer, &ToHost::Watch {}));
        assert!(allows(Role::Viewer, &ToHost::Detach { session: session.clone() }));
        assert!(allows(Role::Viewer, &call(Method::SessionList { after: None })));
        for role in [Role::Viewer, Role::Approver] {
            for act in
                [Act::Input, Act::Interrupt, Act::Stop, Act::TakeSize, Act::GiveSize, Act::Ttl(Ttl::Off)]
            {
                assert!(!allows(role, &command(act)));
            }
            assert!(!allows(role, &call(Method::SessionStop { session: session.clone() })));
            assert!(!allows(role, &call(Method::SessionTtl { session: session.clone(), ttl: Ttl::Off })));
            let session = session.clone();
            let again = Restart { session, stop: false, size: None, imported: false, env: None, ttl: None };
            assert!(!allows(role, &call(Method::SessionRestart(again))));
        }
    }

    #[test]
    fn an_operator_drives_sessions_but_not_devices() {
        let device = DeviceId::from_random([1; 10]);
        assert!(allows(Role::Operator, &command(Act::Input)));
        for method in [
            Method::DeviceList { after: None },
            Method::DeviceRevoke { device: device.clone() },
            Method::PairCreate { confirm: false },
            Method::HostDown {},
            Method::SessionAdopt { session: SessionId::from_random([1; 10]) },
            Method::PairConfirm { device, allow: true },
        ] {
            assert!(!allows(Role::Operator, &call(method.clone())), "{method:?}");
            assert!(allows(Role::Owner, &call(method)));
        }
    }

    #[test]
    fn each_role_includes_those_before_it() {
        assert!(
            Role::Viewer < Role::Approver && Role::Approver < Role::Operator && Role::Operator < Role::Owner
        );
    }
}
