//! Revocations in the store, where they outlive the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Revocation, Revocations, Revoked, TooMany};
use crate::frame::Timestamp;
use crate::store::{Expect, LONGEST_LIST, Op, Outcome, Store, StoreError};

/// No plugin's: a plugin's name has no colon.
const SPACE: &str = "gateway:revocations";
/// For how long the store may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes revocations down. Its methods block.
pub struct Ledger {
    revocations: Arc<Revocations>,
    store: Arc<dyn Store>,
}

/// A revocation as it is written down; which one is its key.
#[derive(Serialize, Deserialize)]
struct Written {
    before: i64,
    until: i64,
}

/// Why a revocation was not made, or not kept.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// See [`TooMany`].
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// It is in force, and will not be after a restart.
    #[error("in force now, but not kept for after a restart: {0}")]
    NotKept(#[from] StoreError),
}

impl Ledger {
    /// Takes what is written down into `revocations`, and writes down what comes.
    ///
    /// # Errors
    /// Where the store cannot be read: tokens that were called back would hold again.
    pub fn open(revocations: Arc<Revocations>, store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let (mut after, now) = (String::new(), Timestamp::now());
        loop {
            let list = Op::List { space: SPACE, prefix: "", after: &after, limit: LONGEST_LIST };
            let outcome = store.run(&[list], Instant::now() + PATIENCE)?.pop();
            let Some(Outcome::Listed(entries, more)) = outcome else { break };
            for entry in &entries {
                let Some(revocation) = read(&entry.key, &entry.value).filter(|r| now < r.until) else {
                    continue;
                };
                if let Err(error) = revocations.revoke(revocation) {
                    return Err(StoreError::Failed(error.to_string()));
                }
            }
            match entries.last() {
                Some(last) if more => after = last.key.to_string(),
                _ => break,
            }
        }
        Ok(Self { revocations, store })
    }

    /// What is in force.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// Puts a revocation into force, and writes it down.
    ///
    /// # Errors
    /// [`RevokeError`].
    pub fn revoke(&self, revocation: Revocation) -> Result<Revocation, RevokeError> {
        let inforce = self.revocations.revoke(revocation)?;
        self.write(&inforce)?;
        Ok(inforce)
    }

    /// Forgets what has had its time, and writes down what lasts longer than was thought; called now and then.
    pub fn sweep(&self) {
        self.revocations.sweep(Timestamp::now());
        let prolonged = std::mem::take(&mut *self.revocations.prolonged.lock());
        for revocation in prolonged {
            if let Err(error) = self.write(&revocation) {
                tracing::error!(%error, "a revocation that was prolonged is not kept");
            }
        }
    }

    fn write(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let left = u64::try_from(revocation.until.0 - Timestamp::now().0).unwrap_or(0).max(1000);
        let ttl = (revocation.until < super::NEVER).then(|| Duration::from_millis(left));
        let written = Written { before: revocation.before.0, until: revocation.until.0 };
        let value = serde_json::to_vec(&written).map_err(|error| StoreError::Failed(error.to_string()))?;
        let put =
            Op::Put { space: SPACE, key: &key(&revocation.what), value: &value, expect: Expect::Any, ttl };
        self.store.run(&[put], Instant::now() + PATIENCE).map(|_| ())
    }
}

fn key(what: &Revoked) -> String {
    match what {
        Revoked::Token(id) => format!("token:{id}"),
        Revoked::User(user) => format!("user:{user}"),
        Revoked::All => "all".into(),
    }
}

fn read(key: &str, value: &[u8]) -> Option<Revocation> {
    let what = match key.split_once(':') {
        Some(("token", id)) => Revoked::Token(id.into()),
        Some(("user", user)) => Revoked::User(user.into()),
        _ => Revoked::All,
    };
    let Written { before, until } = serde_json::from_slice(value).ok()?;
    Some(Revocation { what, before: Timestamp(before), until: Timestamp(until) })
}
