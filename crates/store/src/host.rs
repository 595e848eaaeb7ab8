//! The host's own database: identity secrets, enrolled devices, and the audit chain.

use crate::{Error, sqlite};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

const FORMAT: &[&str] = &[
    "
    CREATE TABLE secret (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE device (
        id TEXT PRIMARY KEY,
        label TEXT NOT NULL,
        role TEXT NOT NULL,
        public_key BLOB NOT NULL,
        secret BLOB NOT NULL,
        enrolled_at INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        words TEXT NOT NULL,
        revoked INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX device_key ON device (public_key) WHERE NOT revoked;
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        what TEXT NOT NULL,
        detail TEXT NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE token (
        name TEXT PRIMARY KEY,
        hash BLOB NOT NULL,
        scopes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        used_at INTEGER
    ) STRICT;
    CREATE TABLE conversation (
        name TEXT PRIMARY KEY,
        session TEXT NOT NULL,
        own INTEGER NOT NULL
    ) STRICT;
",
];

/// An enrolled device, or one that was.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub label: String,
    /// What it may do, as text.
    pub role: String,
    /// Its static public key.
    pub public_key: [u8; 32],
    /// The secret it resumes with; all zero once revoked.
    pub secret: Zeroizing<[u8; 32]>,
    /// Unix milliseconds.
    pub enrolled_at: u64,
    /// Unix milliseconds.
    pub last_seen: u64,
    /// The four words of its pairing.
    pub words: String,
    /// It may never come back.
    pub revoked: bool,
}

impl fmt::Debug for DeviceRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceRow")
            .field("id", &self.id)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// An API token. Its secret is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Its name.
    pub name: String,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What it may do, as text.
    pub scopes: String,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub expires_at: u64,
    /// Unix milliseconds.
    pub used_at: Option<u64>,
}

/// One line of the audit chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// 1, 2, 3 …
    pub number: u64,
    /// Unix milliseconds.
    pub at: u64,
    /// What happened, such as `device.paired`.
    pub what: String,
    /// The particulars, as JSON. Never a key or a token.
    pub detail: serde_json::Value,
    /// SHA-256 over the hash before it and all of the above.
    pub hash: [u8; 32],
}

/// The host's database. One per user; every change is on disk when its method returns.
#[derive(Debug)]
pub struct HostDb {
    connection: Connection,
}

impl HostDb {
    /// Opens the database, or makes it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = sqlite::open(path, FORMAT)?;
        // A revocation must not come undone by a power cut.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(Self { connection })
    }

    /// A secret of the host's identity.
    pub fn secret(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let found = self
            .connection
            .query_row("SELECT bytes FROM secret WHERE name = ?", [name], |row| {
                row.get(0).map(Zeroizing::new)
            })
            .optional()?;
        Ok(found)
    }

    /// Keeps a secret; replaces the one of that name.
    pub fn set_secret(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.connection.execute(
            "INSERT INTO secret VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET bytes = ?2",
            params![name, bytes],
        )?;
        Ok(())
    }

    /// Every device, revoked ones too, by time of enrolment.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, Error> {
        let mut query = self.connection.prepare_cached("SELECT * FROM device ORDER BY enrolled_at, id")?;
        let rows = query.query_map([], device)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The device of that id, revoked or not.
    pub fn device(&self, id: &str) -> Result<Option<DeviceRow>, Error> {
        let mut query = self.connection.prepare_cached("SELECT * FROM device WHERE id = ?")?;
        Ok(query.query_row([id], device).optional()?)
    }

    /// The device with that key, unless it was revoked.
    pub fn device_by_key(&self, public_key: &[u8; 32]) -> Result<Option<DeviceRow>, Error> {
        let mut query =
            self.connection.prepare_cached("SELECT * FROM device WHERE public_key = ? AND NOT revoked")?;
        Ok(query.query_row([public_key], device).optional()?)
    }

    /// Enrols a device. A device with the same key that was enrolled before is revoked by it.
    pub fn insert_device(&mut self, row: &DeviceRow) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        change.execute(
            "UPDATE device SET revoked = 1, secret = zeroblob(32) WHERE public_key = ? AND NOT revoked",
            [row.public_key],
        )?;
        change.execute(
            "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                row.id,
                row.label,
                row.role,
                row.public_key,
                *row.secret,
                row.enrolled_at.cast_signed(),
                row.last_seen.cast_signed(),
                row.words,
                row.revoked
            ],
        )?;
        change.commit()?;
        Ok(())
    }

    /// Every API token, by name.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, Error> {
        let mut query = self.connection.prepare_cached("SELECT * FROM token ORDER BY name")?;
        let rows = query.query_map([], |row| {
            Ok(TokenRow {
                name: row.get("name")?,
                hash: row.get("hash")?,
                scopes: row.get("scopes")?,
                created_at: row.get::<_, i64>("created_at")?.cast_unsigned(),
                expires_at: row.get::<_, i64>("expires_at")?.cast_unsigned(),
                used_at: row.get::<_, Option<i64>>("used_at")?.map(i64::cast_unsigned),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a token; false where there is one of that name.
    pub fn insert_token(&self, row: &TokenRow) -> Result<bool, Error> {
        let inserted = self.connection.execute(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
            params![
                row.name,
                row.hash,
                row.scopes,
                row.created_at.cast_signed(),
                row.expires_at.cast_signed(),
                row.used_at.map(u64::cast_signed)
            ],
        )?;
        Ok(inserted > 0)
    }

    /// Forgets a token; false where there is none of that name.
    pub fn remove_token(&self, name: &str) -> Result<bool, Error> {
        Ok(self.connection.execute("DELETE FROM token WHERE name = ?", [name])? > 0)
    }

    /// Notes when a token was last used.
    pub fn touch_token(&self, name: &str, used_at: u64) -> Result<(), Error> {
        let change = "UPDATE token SET used_at = ?2 WHERE name = ?1";
        self.connection.execute(change, params![name, used_at.cast_signed()])?;
        Ok(())
    }

    /// The session in which a conversation goes on, and whether that was started for it.
    pub fn conversation(&self, name: &str) -> Result<Option<(String, bool)>, Error> {
        let mut query =
            self.connection.prepare_cached("SELECT session, own FROM conversation WHERE name = ?")?;
        Ok(query.query_row([name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Notes in which session a conversation goes on from now on, and whether that was started for it.
    pub fn put_conversation(&self, name: &str, session: &str, own: bool) -> Result<(), Error> {
        let change = "INSERT OR REPLACE INTO conversation VALUES (?, ?, ?)";
        self.connection.execute(change, params![name, session, own])?;
        Ok(())
    }

    /// Forgets a conversation.
    pub fn remove_conversation(&self, name: &str) -> Result<(), Error> {
        self.connection.execute("DELETE FROM conversation WHERE name = ?", [name])?;
        Ok(())
    }

    /// Forgets the conversations that would go on in this session.
    pub fn remove_conversations_in(&self, session: &str) -> Result<(), Error> {
        self.connection.execute("DELETE FROM conversation WHERE session = ?", [session])?;
        Ok(())
    }

    /// Gives a device a new name; false where there is no such device.
    pub fn rename_device(&self, id: &str, label: &str) -> Result<bool, Error> {
        let changed = self
            .connection
            .execute("UPDATE device SET label = ?2 WHERE id = ?1 AND NOT revoked", params![id, label])?;
        Ok(changed > 0)
    }

    /// Notes when a device was last seen.
    pub fn touch_device(&self, id: &str, at: u64) -> Result<(), Error> {
        self.connection
            .execute("UPDATE device SET last_seen = ?2 WHERE id = ?1", params![id, at.cast_signed()])?;
        Ok(())
    }

    /// Shuts a device out for good and forgets its secret; false where there is no such device, or it was revoked before.
    pub fn revoke_device(&self, id: &str) -> Result<bool, Error> {
        let changed = self.connection.execute(
            "UPDATE device SET revoked = 1, secret = zeroblob(32) WHERE id = ? AND NOT revoked",
            [id],
        )?;
        Ok(changed > 0)
    }

    /// Adds a line to the audit chain.
    pub fn audit(&mut self, at: u64, what: &str, detail: &serde_json::Value) -> Result<(), Error> {
        let detail = detail.to_string();
        let change = self.connection.transaction()?;
        let last: Option<(i64, [u8; 32])> = change
            .query_row("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (number, before) = last.unwrap_or((0, [0; 32]));
        let number = number + 1;
        let hash = link(&before, number.cast_unsigned(), at, what, &detail);
        change.execute(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?)",
            params![number, at.cast_signed(), what, detail, hash],
        )?;
        change.commit()?;
        Ok(())
    }

    /// The lines behind `number`, oldest first, at most `limit`. Fails where a line was changed, added or removed by
    /// another hand; what was cut off the end cannot be seen.
    pub fn audit_after(&self, number: u64, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let mut before = match number {
            0 => [0; 32],
            _ => self
                .connection
                .query_row("SELECT hash FROM audit WHERE number = ?", [number.cast_signed()], |row| {
                    row.get(0)
                })
                .optional()?
                .ok_or_else(|| broken(number))?,
        };
        let mut query = self.connection.prepare_cached(
            "SELECT number, at, what, detail, hash FROM audit WHERE number > ? ORDER BY number LIMIT ?",
        )?;
        let mut rows = query.query(params![number.cast_signed(), limit])?;
        let mut entries = Vec::new();
        let mut expected = number;
        while let Some(row) = rows.next()? {
            expected += 1;
            let number = row.get::<_, i64>(0)?.cast_unsigned();
            let at = row.get::<_, i64>(1)?.cast_unsigned();
            let (what, detail): (String, String) = (row.get(2)?, row.get(3)?);
            let hash: [u8; 32] = row.get(4)?;
            if number != expected || hash != link(&before, number, at, &what, &detail) {
                return Err(broken(expected));
            }
            before = hash;
            let detail = serde_json::from_str(&detail).map_err(|_| broken(number))?;
            entries.push(AuditEntry { number, at, what, detail, hash });
        }
        Ok(entries)
    }
}

fn broken(number: u64) -> Error {
    Error::Corrupt(format!("line {number} of the audit is not what was written"))
}

fn link(before: &[u8; 32], number: u64, at: u64, what: &str, detail: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(before)
        .chain_update(number.to_be_bytes())
        .chain_update(at.to_be_bytes())
        .chain_update((what.len() as u64).to_be_bytes())
        .chain_update(what)
        .chain_update(detail)
        .finalize()
        .into()
}

fn device(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    Ok(DeviceRow {
        id: row.get("id")?,
        label: row.get("label")?,
        role: row.get("role")?,
        public_key: row.get("public_key")?,
        secret: Zeroizing::new(row.get("secret")?),
        enrolled_at: row.get::<_, i64>("enrolled_at")?.cast_unsigned(),
        last_seen: row.get::<_, i64>("last_seen")?.cast_unsigned(),
        words: row.get("words")?,
        revoked: row.get("revoked")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::MetadataExt as _;

    fn row(id: &str, key: u8) -> DeviceRow {
        DeviceRow {
            id: id.into(),
            label: "Phone".into(),
            role: "owner".into(),
            public_key: [key; 32],
            secret: Zeroizing::new([7; 32]),
            enrolled_at: 1,
            last_seen: 2,
            words: "able acid acorn act".into(),
            revoked: false,
        }
    }

    fn open() -> (tempfile::TempDir, HostDb) {
        let folder = tempfile::tempdir().unwrap();
        let db = HostDb::open(&folder.path().join("host.db")).unwrap();
        (folder, db)
    }

    #[test]
    fn secrets_and_devices_survive_reopening_in_private_files() {
        let (folder, mut db) = open();
        assert_eq!(db.secret("host").unwrap(), None);
        db.set_secret("host", b"one").unwrap();
        db.set_secret("host", b"two").unwrap();
        db.insert_device(&row("a", 1)).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
        drop(db);
        let db = HostDb::open(&folder.path().join("host.db")).unwrap();
        assert_eq!(db.secret("host").unwrap().unwrap().as_slice(), b"two");
        assert_eq!(db.devices().unwrap(), [row("a", 1)]);
        assert_eq!(db.device_by_key(&[1; 32]).unwrap(), Some(row("a", 1)));
    }

    #[test]
    fn a_revoked_device_is_not_found_by_its_key_and_its_secret_is_gone() {
        let (_folder, mut db) = open();
        db.insert_device(&row("a", 1)).unwrap();
        assert!(db.rename_device("a", "Tablet").unwrap());
        db.touch_device("a", 99).unwrap();
        assert_eq!(db.device("a").unwrap().unwrap().last_seen, 99);
        assert!(db.revoke_device("a").unwrap());
        assert!(!db.revoke_device("a").unwrap());
        assert!(!db.rename_device("a", "Phone").unwrap());
        assert!(!db.revoke_device("none").unwrap());
        assert_eq!(db.device_by_key(&[1; 32]).unwrap(), None);
        let kept = db.device("a").unwrap().unwrap();
        assert!(kept.revoked && *kept.secret == [0; 32] && kept.label == "Tablet");
        db.insert_device(&row("b", 1)).unwrap();
        db.insert_device(&row("c", 1)).unwrap();
        assert!(db.device("b").unwrap().unwrap().revoked);
        assert_eq!(db.device_by_key(&[1; 32]).unwrap().unwrap().id, "c");
    }

    #[test]
    fn tokens_and_conversations_survive_reopening_and_a_name_is_taken_once() {
        let (folder, db) = open();
        let token = |hash| TokenRow {
            name: "ci".to_owned(),
            hash: [hash; 32],
            scopes: "read".to_owned(),
            created_at: 1,
            expires_at: 9,
            used_at: None,
        };
        assert!(db.insert_token(&token(1)).unwrap());
        assert!(!db.insert_token(&token(2)).unwrap(), "the name is taken");
        db.touch_token("ci", 5).unwrap();
        db.put_conversation("nightly", "one", false).unwrap();
        db.put_conversation("nightly", "two", true).unwrap();
        drop(db);
        let db = HostDb::open(&folder.path().join("host.db")).unwrap();
        assert_eq!(db.tokens().unwrap(), [TokenRow { used_at: Some(5), ..token(1) }]);
        assert!(db.remove_token("ci").unwrap() && !db.remove_token("ci").unwrap());
        assert_eq!(db.conversation("nightly").unwrap(), Some(("two".to_owned(), true)));
        db.put_conversation("daily", "one", true).unwrap();
        db.remove_conversations_in("one").unwrap();
        assert_eq!(db.conversation("daily").unwrap(), None);
        assert!(db.conversation("nightly").unwrap().is_some(), "it has gone on elsewhere");
        db.remove_conversation("nightly").unwrap();
        assert_eq!(db.conversation("nightly").unwrap(), None);
    }

    #[test]
    fn a_changed_or_removed_audit_line_is_noticed() {
        let (_folder, mut db) = open();
        for n in 0..5u64 {
            db.audit(n, "device.paired", &json!({"n": n})).unwrap();
        }
        let all = db.audit_after(0, 100).unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!(db.audit_after(3, 1).unwrap(), all[3..4]);
        db.connection.execute("UPDATE audit SET detail = '{\"n\":9}' WHERE number = 3", []).unwrap();
        assert!(matches!(db.audit_after(0, 100), Err(Error::Corrupt(_))));
        assert!(db.audit_after(3, 100).is_ok());
        db.connection.execute("DELETE FROM audit WHERE number = 4", []).unwrap();
        assert!(matches!(db.audit_after(3, 100), Err(Error::Corrupt(_))));
    }

    #[test]
    fn a_newer_format_is_left_alone() {
        let (folder, db) = open();
        db.connection.pragma_update(None, "user_version", 9).unwrap();
        drop(db);
        let error = HostDb::open(&folder.path().join("host.db")).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 9, known: 2, .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_no_database_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.db");
        std::fs::write(&path, [b'x'; 4096]).unwrap();
        assert!(matches!(HostDb::open(&path), Err(Error::Corrupt(_))));
    }
}
