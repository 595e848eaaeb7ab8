//! Invitations: one use, 60 seconds, in memory only, so that a restart kills every code that was ever shown.
//!
//! A pure machine: time is an argument. Whatever is wrong with a token, the answer is the same `None`; only the
//! host's own people learn that a used one was tried again.

use seal::{Token, TokenId};
use session::id::{DeviceId, InvitationId};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a code can be used.
pub(crate) const LIFETIME: Duration = Duration::from_mins(1);
/// How long a used one is remembered, so that a second try can be told to the owner.
const REMEMBERED: Duration = Duration::from_mins(15);
/// Codes that are remembered at once; the oldest is forgotten, which only means that it is refused as unknown.
const MAX: usize = 64;

struct Entry {
    id: InvitationId,
    token: Token,
    made: Instant,
    confirm: bool,
    minter: Option<DeviceId>,
    used: bool,
    reuse_told: bool,
}

/// What stands behind a code that may be used now.
#[derive(Debug)]
pub(crate) struct Open {
    /// What the news about it call it.
    pub id: InvitationId,
    /// Gives the handshake its pre-shared key.
    pub token: Token,
    /// A person at the host has to agree.
    pub confirm: bool,
    /// The device that asked for it; `None` is a program of this machine.
    pub minter: Option<DeviceId>,
}

/// What a look at a code found.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The code may be used.
    pub open: Option<Open>,
    /// This code was used before, and this is the first time that somebody tries again.
    pub reused: Option<InvitationId>,
}

/// All codes of this daemon's life.
#[derive(Default)]
pub(crate) struct Invitations {
    entries: VecDeque<Entry>,
}

impl Invitations {
    /// A new code may be used from now on, as long as the device that asked for it is enrolled.
    pub fn add(
        &mut self,
        id: InvitationId,
        token: Token,
        confirm: bool,
        minter: Option<DeviceId>,
        now: Instant,
    ) {
        self.forget(now);
        if self.entries.len() == MAX {
            self.entries.pop_front();
        }
        let (used, reuse_told) = (false, false);
        self.entries.push_back(Entry { id, token, made: now, confirm, minter, used, reuse_told });
    }

    /// Looks a code up. Changes nothing but whether its reuse was told.
    pub fn look(&mut self, id: &TokenId, now: Instant) -> Looked {
        let Some(entry) = self.find(id) else {
            return Looked { open: None, reused: None };
        };
        let fresh = now.saturating_duration_since(entry.made) < LIFETIME;
        let reused = entry.used && !std::mem::replace(&mut entry.reuse_told, entry.used);
        let open = (fresh && !entry.used).then(|| Open {
            id: entry.id.clone(),
            token: entry.token.clone(),
            confirm: entry.confirm,
            minter: entry.minter.clone(),
        });
        Looked { open, reused: reused.then(|| entry.id.clone()) }
    }

    /// Spends a code, once: false where another connection was faster or it is not there. Its age was looked at
    /// when the handshake began, which has a deadline of its own.
    pub fn spend(&mut self, id: &TokenId) -> bool {
        self.find(id).is_some_and(|entry| !std::mem::replace(&mut entry.used, true))
    }

    /// A device was shut out: no code that it asked for and nobody used yet lets anybody in. Used ones stay, so that
    /// their reuse is still told.
    pub fn withdraw(&mut self, minter: &DeviceId) {
        self.entries.retain(|entry| entry.used || entry.minter.as_ref() != Some(minter));
    }

    /// Compares with every code, each in constant time, and does not stop at a match.
    fn find(&mut self, id: &TokenId) -> Option<&mut Entry> {
        let mut found = None;
        for (place, entry) in self.entries.iter().enumerate() {
            if entry.token.id() == *id {
                found = Some(place);
            }
        }
        self.entries.get_mut(found?)
    }

    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front()
            && now.saturating_duration_since(oldest.made) > REMEMBERED
        {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8) -> Token {
        Token::from_bytes([n; 32])
    }

    fn id(n: u8) -> InvitationId {
        InvitationId::from_random([n; 10])
    }

    #[test]
    fn a_code_is_spent_once_and_its_reuse_told_once() {
        let now = Instant::now();
        let mut all = Invitations::default();
        all.add(id(1), token(1), true, None, now);
        all.add(id(2), token(2), false, None, now);
        let looked = all.look(&token(1).id(), now);
        assert!(looked.open.is_some_and(|open| open.confirm && open.id == id(1)) && looked.reused.is_none());
        assert!(all.look(&token(1).id(), now).open.is_some(), "looking spends nothing");
        assert!(all.spend(&token(1).id()));
        assert!(!all.spend(&token(1).id()));
        let looked = all.look(&token(1).id(), now);
        assert!(looked.open.is_none() && looked.reused == Some(id(1)));
        assert_eq!(all.look(&token(1).id(), now).reused, None);
        assert!(all.look(&token(2).id(), now).open.is_some_and(|open| !open.confirm));
    }

    #[test]
    fn a_code_dies_after_a_minute_and_an_unknown_one_never_lived() {
        let now = Instant::now();
        let mut all = Invitations::default();
        all.add(id(1), token(1), false, None, now);
        let almost = now + Duration::from_secs(59);
        assert!(all.look(&token(1).id(), almost).open.is_some());
        let looked = all.look(&token(1).id(), now + LIFETIME);
        assert!(looked.open.is_none() && looked.reused.is_none());
        assert!(all.look(&token(9).id(), now).open.is_none());
        assert!(!all.spend(&token(9).id()));
    }

    #[test]
    fn a_devices_codes_go_with_it() {
        let now = Instant::now();
        let (one, other) = (DeviceId::from_random([1; 10]), DeviceId::from_random([2; 10]));
        let mut all = Invitations::default();
        for (n, minter) in [(1, Some(&one)), (2, Some(&other)), (3, None), (4, Some(&one))] {
            all.add(id(n), token(n), false, minter.cloned(), now);
        }
        assert_eq!(all.look(&token(1).id(), now).open.unwrap().minter, Some(one.clone()));
        assert!(all.spend(&token(4).id()));
        all.withdraw(&one);
        assert!(all.look(&token(1).id(), now).open.is_none() && !all.spend(&token(1).id()));
        assert!(all.look(&token(2).id(), now).open.is_some() && all.look(&token(3).id(), now).open.is_some());
        let looked = all.look(&token(4).id(), now);
        assert_eq!(looked.reused, Some(id(4)), "the reuse of a used one is told all the same");
    }

    #[test]
    fn no_more_than_the_bound_are_remembered() {
        let now = Instant::now();
        let mut all = Invitations::default();
        for n in 0..=u8::try_from(MAX).unwrap() {
            all.add(id(n), token(n), false, None, now);
        }
        assert_eq!(all.entries.len(), MAX);
        assert!(all.look(&token(0).id(), now).open.is_none());
        all.add(id(200), token(200), false, None, now + REMEMBERED + Duration::from_secs(1));
        assert_eq!(all.entries.len(), 1);
    }
}
