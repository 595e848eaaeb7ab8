//! The numberings under which the daemon itself has keepers do something, for callers that are not attached.
//!
//! A keeper remembers each for a day at least, and takes only so many: so one serves again once its command is settled.
//! One whose command has no answer is left, since nobody knows which number comes next in it.

use crate::core::random;
use session::id::{DeviceId, SessionId, StreamId};
use session::message::Failure;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A numbering, and the number of its next command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub id: StreamId,
    pub n: u64,
}

/// For whom: a keeper counts for each device apart.
type Key = (SessionId, Option<DeviceId>);

/// Those that nobody uses now: as many of each as were in use at once.
#[derive(Default)]
pub(crate) struct Streams {
    idle: Mutex<HashMap<Key, Vec<Stream>>>,
}

impl Streams {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<Stream>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One for one command.
    pub fn take(&self, key: &Key) -> Result<Stream, Failure> {
        match self.lock().get_mut(key).and_then(Vec::pop) {
            Some(stream) => Ok(stream),
            None => Ok(Stream { id: StreamId::from_random(random()?), n: 1 }),
        }
    }

    /// Its command is settled.
    pub fn settled(&self, key: Key, Stream { id, n }: Stream) {
        self.lock().entry(key).or_default().push(Stream { id, n: n + 1 });
    }

    /// The session's keeper is gone.
    pub fn forget(&self, session: &SessionId) {
        self.lock().retain(|(of, _), _| of != session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_stream_goes_on_and_any_other_is_left() {
        let streams = Streams::default();
        let key = (SessionId::from_random([1; 10]), None);
        let other = (key.0.clone(), Some(DeviceId::from_random([2; 10])));
        let first = streams.take(&key).unwrap();
        let second = streams.take(&key).unwrap();
        assert!(first.n == 1 && second.n == 1 && first.id != second.id, "two at once have one each");
        streams.settled(key.clone(), first.clone());
        assert_ne!(streams.take(&other).unwrap().id, first.id);
        assert_eq!(streams.take(&key).unwrap(), Stream { id: first.id.clone(), n: 2 });
        let third = streams.take(&key).unwrap();
        assert!(third.n == 1 && third.id != second.id, "the second was never settled");
        streams.settled(key.clone(), third);
        streams.forget(&key.0);
        assert_eq!(streams.take(&key).unwrap().n, 1);
    }
}
