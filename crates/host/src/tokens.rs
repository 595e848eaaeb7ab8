//! The API's tokens: who shows the secret of one may do what its scopes say, until it expires or is revoked.
//!
//! A secret is 32 random bytes, so that its hash alone is kept and needs no salt and no slowness; hashes are compared in
//! constant time.

use crate::core::{Core, disk, failure, now_ms, random};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use session::message::{Bearer, ErrorKind, Failure, Granted, Token};
use session::scope::Scope;
use sha2::{Digest as _, Sha256};
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::{HostDb, TokenRow};
use subtle::ConstantTimeEq as _;
use wire::CloseCode;

/// What a secret begins with, so that people and scanners see what it is.
const PREFIX: &str = "lr_";
/// Tokens of one host.
const MAX_TOKENS: usize = 100;
/// Longest name of a token, in characters.
const MAX_NAME: usize = 32;
/// How long a token holds, in seconds.
const TTL: std::ops::RangeInclusive<u32> = 60..=31_622_400;
/// When a token was used last is written at most this often.
const TOUCH_MS: u64 = 60 * 1000;

/// Somebody who has shown a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bearing {
    pub name: String,
    pub scopes: Vec<Scope>,
    /// Unix milliseconds.
    pub expires_at: u64,
    /// Another may be made with the same name.
    hash: [u8; 32],
}

/// All of them.
pub(crate) struct Tokens {
    rows: Mutex<Vec<TokenRow>>,
}

impl Tokens {
    pub fn load(db: &HostDb) -> Result<Self, store::Error> {
        Ok(Self { rows: Mutex::new(db.tokens()?) })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<TokenRow>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose secret this is. All are compared, so that the time it takes says nothing about any.
    pub fn bearing(&self, Bearer(secret): &Bearer, now_ms: u64) -> Option<Bearing> {
        let hash = hash(secret);
        let mut found = None;
        for row in self.lock().iter() {
            if bool::from(row.hash.ct_eq(&hash)) {
                found = Some(row.clone());
            }
        }
        let row = found.filter(|row| now_ms < row.expires_at)?;
        Some(Bearing { scopes: scopes_in(&row.scopes), expires_at: row.expires_at, name: row.name, hash })
    }

    /// Whether what somebody has shown holds still; nothing always does.
    pub fn still_holds(&self, bearing: Option<&Bearing>) -> bool {
        bearing.is_none_or(|bearing| self.holds(bearing, now_ms()))
    }

    fn holds(&self, bearing: &Bearing, now_ms: u64) -> bool {
        let Bearing { name, hash, .. } = bearing;
        self.lock().iter().any(|row| row.name == *name && row.hash == *hash && now_ms < row.expires_at)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What this version does not know allows nothing.
fn scopes_in(text: &str) -> Vec<Scope> {
    text.split(',').filter_map(|scope| scope.parse().ok()).collect()
}

fn shown(row: &TokenRow) -> Token {
    Token {
        name: row.name.clone(),
        scopes: scopes_in(&row.scopes),
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
    }
}

/// Makes one. Those that have expired make room for it.
pub(crate) fn create(core: &Core, name: &str, mut scopes: Vec<Scope>, ttl: u32) -> Result<Granted, Failure> {
    let invalid = |message: String, hint: &str| Err(failure(ErrorKind::Invalid, message, hint));
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
        let message = format!("a token's name has 1 to {MAX_NAME} letters, digits, dots, `-` and `_`");
        return invalid(message, "such as `ci`");
    }
    if !TTL.contains(&ttl) {
        return invalid("a token holds for a minute to a year".to_owned(), "such as 30d");
    }
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return invalid(
            "a token needs a scope".to_owned(),
            "there are read, prompt, decide, input and manage",
        );
    }
    let secret = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random::<32>()?));
    let now = now_ms();
    let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    let row = TokenRow {
        name: name.to_owned(),
        hash: hash(&secret),
        scopes: names.join(","),
        created_at: now,
        expires_at: now + u64::from(ttl) * 1000,
        used_at: None,
    };
    let mut rows = core.tokens.lock();
    let expired: Vec<_> =
        rows.iter().filter(|row| row.expires_at <= now).map(|row| row.name.clone()).collect();
    for name in expired {
        core.devices.with_db(|db| db.remove_token(&name)).map_err(|error| disk(&error))?;
        rows.retain(|row| row.name != name);
    }
    if rows.len() >= MAX_TOKENS {
        let message = format!("there are {MAX_TOKENS} tokens already");
        return Err(failure(ErrorKind::Limited, message, "revoke those that nobody uses"));
    }
    if !core.devices.with_db(|db| db.insert_token(&row)).map_err(|error| disk(&error))? {
        return invalid(
            format!("there is a token called {name} already"),
            "choose another name, or revoke it first",
        );
    }
    let token = shown(&row);
    rows.push(row);
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    drop(rows);
    core.devices.audit(now, "token.created", &json!({ "token": name, "scopes": names, "ttl": ttl }));
    Ok(Granted { secret: Bearer(secret), token })
}

/// All of them, by name.
pub(crate) fn list(core: &Core) -> Vec<Token> {
    core.tokens.lock().iter().map(shown).collect()
}

/// Ends one, and its channels.
pub(crate) fn revoke(core: &Core, name: &str) -> Result<(), Failure> {
    let mut rows = core.tokens.lock();
    if !core.devices.with_db(|db| db.remove_token(name)).map_err(|error| disk(&error))? {
        let message = format!("there is no token called {name:?}");
        return Err(failure(ErrorKind::NotFound, message, "`longrein token list` lists them"));
    }
    rows.retain(|row| row.name != name);
    drop(rows);
    core.connections.kick_token(name, CloseCode::Refused);
    core.devices.audit(now_ms(), "token.revoked", &json!({ "token": name }));
    Ok(())
}

/// One is used.
pub(crate) fn touch(core: &Core, name: &str, now: u64) {
    let mut rows = core.tokens.lock();
    let Some(row) = rows.iter_mut().find(|row| row.name == name) else { return };
    if row.used_at.is_none_or(|at| now.abs_diff(at) > TOUCH_MS) {
        row.used_at = Some(now);
        // Without it the list says less than it could.
        if let Err(error) = core.devices.with_db(|db| db.touch_token(name, now)) {
            tracing::warn!(%error, "could not note when a token was last used");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_until_it_expires_and_no_other_secret_is_it() {
        let secret = format!("{PREFIX}{}", "a".repeat(43));
        let row = TokenRow {
            name: "ci".to_owned(),
            hash: hash(&secret),
            scopes: "read,prompt,hologram".to_owned(),
            created_at: 1,
            expires_at: 100,
            used_at: None,
        };
        let tokens = Tokens { rows: Mutex::new(vec![row]) };
        let bearing = tokens.bearing(&Bearer(secret.clone()), 99).expect("it holds");
        assert_eq!((bearing.name.as_str(), &bearing.scopes), ("ci", &vec![Scope::Read, Scope::Prompt]));
        assert_eq!(tokens.bearing(&Bearer(secret.clone()), 100), None);
        assert!(tokens.holds(&bearing, 99) && !tokens.holds(&bearing, 100));
        tokens.lock()[0].hash = hash("another of the same name");
        assert!(!tokens.holds(&bearing, 99) && tokens.still_holds(None));
        tokens.lock()[0].hash = hash(&secret);
        for wrong in ["", PREFIX, &secret[..secret.len() - 1], &secret.to_uppercase()] {
            assert_eq!(tokens.bearing(&Bearer(wrong.to_owned()), 1), None, "{wrong}");
        }
        assert!(!format!("{:?}", Bearer(secret.clone())).contains(&secret));
    }
}
