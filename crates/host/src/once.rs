//! What is being done just now, and is not to be done twice at once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The things that are being done, by what they are called.
pub(crate) struct Once<K> {
    keys: Mutex<HashSet<K>>,
}

/// One of them, until this is dropped.
pub(crate) struct Alone<'a, K: Eq + Hash> {
    all: &'a Once<K>,
    key: K,
}

impl<K> Default for Once<K> {
    fn default() -> Self {
        Self { keys: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone> Once<K> {
    /// Begins it; `None` where it is being done already.
    pub fn enter(&self, key: &K) -> Option<Alone<'_, K>> {
        self.lock().insert(key.clone()).then(|| Alone { all: self, key: key.clone() })
    }
}

impl<K> Once<K> {
    fn lock(&self) -> MutexGuard<'_, HashSet<K>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Alone<'_, K> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.key);
    }
}
