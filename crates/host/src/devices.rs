//! The enrolled devices, and the audit of what happened to them.
//!
//! Every change is on disk before the method returns; what is asked of it on every connection is answered from
//! memory.

use seal::{Psk, PublicKey};
use serde_json::Value;
use session::id::DeviceId;
use session::message::Device;
use session::role::Role;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::{DeviceRow, HostDb};
use zeroize::Zeroizing;

/// A device that was not seen for so long must pair again.
const LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// `last_seen` is written at most this often.
const TOUCH_MS: u64 = 60 * 1000;
/// The same refusal from outside is audited at most this often, with a count, so that garbage cannot fill the disk.
const REFUSALS_EVERY: Duration = Duration::from_mins(1);

/// A device that may connect.
#[derive(Debug)]
pub(crate) struct Enrolled {
    pub id: DeviceId,
    pub psk: Psk,
}

/// Names, roles, keys and secrets of the devices.
pub(crate) struct Devices {
    inner: Mutex<Inner>,
}

struct Inner {
    db: HostDb,
    rows: Vec<DeviceRow>,
    refusals: Vec<Refusals>,
}

struct Refusals {
    why: &'static str,
    since: Instant,
    untold: u64,
}

impl Devices {
    pub fn load(db: HostDb) -> Result<Self, store::Error> {
        let rows = db.devices()?.into_iter().filter(|row| !row.revoked).collect();
        Ok(Self { inner: Mutex::new(Inner { db, rows, refusals: Vec::new() }) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's database, for a moment.
    pub fn with_db<T>(&self, with: impl FnOnce(&HostDb) -> T) -> T {
        with(&self.lock().db)
    }

    /// The device with that key, unless it was revoked or away for too long.
    pub fn enrolled(&self, key: &PublicKey, now_ms: u64) -> Option<Enrolled> {
        let inner = self.lock();
        let row = inner.rows.iter().find(|row| row.public_key == key.0)?;
        if now_ms.saturating_sub(row.last_seen) > LIFETIME_MS {
            return None;
        }
        Some(Enrolled { id: row.id.parse().ok()?, psk: Psk::from_bytes(*row.secret) })
    }

    /// Name and role of a device, unless it was revoked.
    pub fn describe(&self, id: &DeviceId) -> Option<(String, Role)> {
        let inner = self.lock();
        let row = inner.rows.iter().find(|row| row.id == id.as_str())?;
        Some((row.label.clone(), role_of(&row.role)))
    }

    /// The devices behind `after` as people see them, ordered by id. `online` says who has a channel now.
    pub fn list(&self, after: Option<&DeviceId>, online: impl Fn(&DeviceId) -> bool) -> Vec<Device> {
        let mut all: Vec<_> = self.lock().rows.iter().filter_map(|row| device(row, &online)).collect();
        all.retain(|device| after.is_none_or(|after| device.id > *after));
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Enrols a device. Gives it back as people see it, and the device it replaces: the same key, enrolled before.
    /// `None` where the device that invited it, `minter`, is not enrolled any more.
    #[expect(clippy::too_many_arguments, reason = "each is one column of the row, and there is one caller")]
    pub fn enrol(
        &self,
        id: &DeviceId,
        key: &PublicKey,
        psk: &Psk,
        label: &str,
        words: &str,
        minter: Option<&DeviceId>,
        now_ms: u64,
    ) -> Result<Option<(Device, Option<DeviceId>)>, store::Error> {
        let row = DeviceRow {
            id: id.to_string(),
            label: label.to_owned(),
            role: role_text(Role::Owner).to_owned(),
            public_key: key.0,
            secret: Zeroizing::new(*psk.as_bytes()),
            enrolled_at: now_ms,
            last_seen: now_ms,
            words: words.to_owned(),
            revoked: false,
        };
        let mut inner = self.lock();
        if minter.is_some_and(|minter| inner.rows.iter().all(|row| row.id != minter.as_str())) {
            return Ok(None);
        }
        inner.db.insert_device(&row)?;
        let old = inner.rows.iter().position(|old| old.public_key == key.0);
        let replaced = old.and_then(|place| inner.rows.remove(place).id.parse().ok());
        let shown = Device {
            id: id.clone(),
            label: row.label.clone(),
            role: Role::Owner,
            enrolled_at: now_ms,
            last_seen: now_ms,
            online: true,
            words: row.words.clone(),
        };
        inner.rows.push(row);
        Ok(Some((shown, replaced)))
    }

    /// A device is here.
    pub fn touch(&self, id: &DeviceId, now_ms: u64) {
        let mut inner = self.lock();
        let Inner { db, rows, .. } = &mut *inner;
        let Some(row) = rows.iter_mut().find(|row| row.id == id.as_str()) else { return };
        let stale = now_ms.abs_diff(row.last_seen) > TOUCH_MS;
        row.last_seen = now_ms;
        // Without it the device is only forgotten earlier than it had to be.
        if stale && let Err(error) = db.touch_device(id.as_str(), now_ms) {
            tracing::warn!(%error, "could not note when a device was last seen");
        }
    }

    /// A new name; false where there is no such device.
    pub fn rename(&self, id: &DeviceId, label: &str) -> Result<bool, store::Error> {
        let mut inner = self.lock();
        let renamed = inner.db.rename_device(id.as_str(), label)?;
        if let Some(row) = inner.rows.iter_mut().find(|row| row.id == id.as_str()) {
            label.clone_into(&mut row.label);
        }
        Ok(renamed)
    }

    /// Shuts a device out for good; gives its name, or `None` where there is no such device.
    pub fn revoke(&self, id: &DeviceId) -> Result<Option<String>, store::Error> {
        let mut inner = self.lock();
        inner.db.revoke_device(id.as_str())?;
        let place = inner.rows.iter().position(|row| row.id == id.as_str());
        Ok(place.map(|place| inner.rows.remove(place).label))
    }

    /// Writes a line of the audit. A failure is logged: what is audited has happened by then.
    pub fn audit(&self, now_ms: u64, what: &str, detail: &Value) {
        if let Err(error) = self.lock().db.audit(now_ms, what, detail) {
            tracing::error!(%error, what, "could not write a line of the audit");
        }
    }

    /// Counts a connection that was turned away or ended for bad bytes, and audits it now and then.
    pub fn refused(&self, why: &'static str, now: Instant, now_ms: u64) {
        let due = {
            let mut inner = self.lock();
            if let Some(known) = inner.refusals.iter_mut().find(|refusals| refusals.why == why) {
                known.untold += 1;
                let due = now.saturating_duration_since(known.since) >= REFUSALS_EVERY;
                due.then(|| {
                    known.since = now;
                    std::mem::take(&mut known.untold)
                })
            } else {
                inner.refusals.push(Refusals { why, since: now, untold: 0 });
                Some(1)
            }
        };
        if let Some(times) = due {
            tracing::info!(why, times, "refused");
            self.audit(now_ms, "connection.refused", &serde_json::json!({ "why": why, "times": times }));
        }
    }
}

fn device(row: &DeviceRow, online: &impl Fn(&DeviceId) -> bool) -> Option<Device> {
    let id: DeviceId = row.id.parse().ok()?;
    Some(Device {
        online: online(&id),
        id,
        label: row.label.clone(),
        role: role_of(&row.role),
        enrolled_at: row.enrolled_at,
        last_seen: row.last_seen,
        words: row.words.clone(),
    })
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Approver => "approver",
        Role::Operator => "operator",
        Role::Owner => "owner",
    }
}

/// A role this version does not know may do the least there is.
fn role_of(text: &str) -> Role {
    let all = [Role::Viewer, Role::Approver, Role::Operator, Role::Owner];
    all.into_iter().find(|role| role_text(*role) == text).unwrap_or(Role::Viewer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    fn devices(folder: &tempfile::TempDir) -> Devices {
        Devices::load(HostDb::open(&folder.path().join("host.db")).unwrap()).unwrap()
    }

    fn id(n: u8) -> DeviceId {
        DeviceId::from_random([n; 10])
    }

    #[test]
    fn a_device_away_for_its_lifetime_must_pair_again() {
        let folder = tempfile::tempdir().unwrap();
        let all = devices(&folder);
        let (key, psk) = (PublicKey([1; 32]), Psk::from_bytes([2; 32]));
        all.enrol(&id(1), &key, &psk, "Phone", "four words", None, 1000).unwrap();
        assert!(all.enrolled(&key, 1000 + 30 * DAY_MS).is_some());
        assert!(all.enrolled(&key, 1001 + 30 * DAY_MS).is_none());
        all.touch(&id(1), 20 * DAY_MS);
        let again = {
            drop(all);
            devices(&folder)
        };
        assert!(again.enrolled(&key, 50 * DAY_MS).is_some());
        assert!(again.enrolled(&key, 0).is_some(), "a host's clock that went back shuts nobody out");
    }

    #[test]
    fn the_same_key_enrolled_again_replaces_the_device() {
        let folder = tempfile::tempdir().unwrap();
        let all = devices(&folder);
        let (key, psk) = (PublicKey([1; 32]), Psk::from_bytes([2; 32]));
        all.enrol(&id(1), &key, &psk, "Phone", "a b c d", None, 1).unwrap();
        let (shown, replaced) = all.enrol(&id(2), &key, &psk, "Phone", "e f g h", None, 2).unwrap().unwrap();
        assert_eq!((shown.id, replaced), (id(2), Some(id(1))));
        assert_eq!(all.list(None, |_| false).len(), 1);
        assert_eq!(all.describe(&id(1)), None);
    }

    #[test]
    fn revoked_is_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let all = devices(&folder);
        let (key, psk) = (PublicKey([1; 32]), Psk::from_bytes([2; 32]));
        all.enrol(&id(1), &key, &psk, "Phone", "a b c d", None, 1).unwrap();
        assert_eq!(all.revoke(&id(1)).unwrap().as_deref(), Some("Phone"));
        assert_eq!(all.revoke(&id(1)).unwrap(), None);
        assert!(all.enrolled(&key, 1).is_none());
        let invited = PublicKey([3; 32]);
        assert!(all.enrol(&id(2), &invited, &psk, "Its friend", "", Some(&id(1)), 1).unwrap().is_none());
        assert!(all.enrolled(&invited, 1).is_none());
        let again = {
            drop(all);
            devices(&folder)
        };
        assert!(again.enrolled(&key, 1).is_none());
        assert!(!again.rename(&id(1), "Mine").unwrap());
    }

    #[test]
    fn a_flood_of_refusals_is_one_line_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let all = devices(&folder);
        let start = Instant::now();
        for n in 0..1000u32 {
            all.refused("not a hello", start + Duration::from_millis(100) * n, 5);
        }
        let lines = all.lock().db.audit_after(0, 100).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].detail, json!({ "why": "not a hello", "times": 1 }));
        assert_eq!(lines[1].detail, json!({ "why": "not a hello", "times": 600 }));
    }
}
