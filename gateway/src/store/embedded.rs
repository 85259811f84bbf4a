//! The store inside the process: fjall, a log-structured tree in a folder that one process holds.
//!
//! `values` holds `space 0 key` → `revision, expiry, bytes`; `expiry` holds `expiry space 0 key` → nothing, so
//! that what is past its time is found without a search; `meta` holds the revision that this life of the store starts
//! behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Slice};
use parking_lot::{Mutex, MutexGuard};

use super::sync::Group;
use super::{
    Durability, Entry, Expect, LARGEST_VALUE, LONGEST_KEY, LONGEST_LIST, Op, Outcome, Store, StoreError,
};

/// Bytes before a value: its revision and when it expires.
const HEAD: usize = 16;
/// Locks that writers of different keys share.
const STRIPES: usize = 64;
/// Revisions that are set aside with one write.
const BLOCK: u64 = 4096;
/// Bytes of one list at most, but for its last entry.
const LIST_BYTES: usize = 16 * 1024 * 1024;
/// Between two looks at what is past its time, and between two syncs.
const TICK: Duration = Duration::from_secs(1);
/// The key in `meta`.
const CEILING: &str = "ceiling";

/// A store in a folder.
pub struct Embedded {
    inner: Arc<Inner>,
    sweeper: Option<JoinHandle<()>>,
}

struct Inner {
    db: Database,
    values: Keyspace,
    expiry: Keyspace,
    meta: Keyspace,
    durability: Durability,
    group: Group,
    /// A write is a look and then a change: one at a time for each key.
    stripes: [Mutex<()>; STRIPES],
    revisions: Mutex<Revisions>,
    closing: AtomicBool,
}

/// Revisions are taken from blocks whose end was written first, so that none comes twice, whatever is deleted
/// or killed.
struct Revisions {
    last: u64,
    ceiling: u64,
}

impl Embedded {
    /// Opens the store in `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; also where another process has it open.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let db = Database::builder(folder).open().map_err(|error| failed(&error))?;
        let keyspace =
            |name| db.keyspace(name, KeyspaceCreateOptions::default).map_err(|error| failed(&error));
        let (values, expiry, meta) = (keyspace("values")?, keyspace("expiry")?, keyspace("meta")?);
        let start = meta.get(CEILING).map_err(|error| failed(&error))?;
        let start = start.as_deref().and_then(|bytes| number(bytes, 0)).unwrap_or(0);
        let inner = Arc::new(Inner {
            db,
            values,
            expiry,
            meta,
            durability,
            group: Group::default(),
            stripes: std::array::from_fn(|_| Mutex::default()),
            revisions: Mutex::new(Revisions { last: start, ceiling: start }),
            closing: AtomicBool::new(false),
        });
        let sweeper = std::thread::Builder::new()
            .name("tidegate-store".into())
            .spawn({
                let inner = Arc::clone(&inner);
                move || inner.sweep()
            })
            .map_err(|error| failed(&error))?;
        Ok(Self { inner, sweeper: Some(sweeper) })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.inner.closing.store(true, Ordering::Release);
        if let Some(sweeper) = self.sweeper.take() {
            sweeper.thread().unpark();
            let _it_has_said_why = sweeper.join();
        }
        if let Err(error) = self.inner.db.persist(PersistMode::SyncAll) {
            tracing::error!(%error, "the store could not be written to the disk");
        }
    }
}

impl Store for Embedded {
    fn run(&self, ops: &[Op<'_>], deadline: Instant) -> Result<Vec<Outcome>, StoreError> {
        let inner = &self.inner;
        ops.iter().try_for_each(check)?;
        let outcomes: Result<Vec<_>, _> = ops.iter().map(|op| inner.one(op, deadline)).collect();
        let wrote = ops.iter().any(|op| matches!(op, Op::Put { .. } | Op::Delete { .. }));
        if wrote && inner.durability == Durability::Always {
            inner.group.wait(deadline, || inner.persist())?;
        }
        outcomes
    }
}

impl Inner {
    fn one(&self, op: &Op<'_>, deadline: Instant) -> Result<Outcome, StoreError> {
        if Instant::now() >= deadline {
            return Err(StoreError::Timeout);
        }
        match *op {
            Op::Get { space, key } => Ok(match self.find(&full(space, key))? {
                Some(kept) => Outcome::Found(kept.entry(key)),
                None => Outcome::Missing,
            }),
            Op::Put { space, key, value, expect, ttl } => {
                self.put(&full(space, key), value, expect, ttl, deadline)
            }
            Op::Delete { space, key, expect } => self.delete(&full(space, key), expect, deadline),
            Op::List { space, prefix, after, limit } => self.list(space, prefix, after, limit),
        }
    }

    /// What is kept under a full key and not past its time.
    fn find(&self, key: &[u8]) -> Result<Option<Kept>, StoreError> {
        let found = self.values.get(key).map_err(|error| failed(&error))?;
        Ok(found.and_then(Kept::new).filter(|kept| !kept.is_over(now_ms())))
    }

    fn put(
        &self,
        key: &[u8],
        value: &[u8],
        expect: Expect,
        ttl: Option<Duration>,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let _one_at_a_time = self.lock(key, deadline)?;
        let there = if expect == Expect::Any { None } else { self.find(key)? };
        if let Some(conflict) = unexpected(expect, there.as_ref()) {
            return Ok(conflict);
        }
        let revision = self.revision()?;
        let expires = ttl.map_or(0, |ttl| now_ms().saturating_add(ttl.as_millis() as u64));
        let mut bytes = Vec::with_capacity(HEAD + value.len());
        bytes.extend_from_slice(&revision.to_be_bytes());
        bytes.extend_from_slice(&expires.to_be_bytes());
        bytes.extend_from_slice(value);
        let mut batch = self.db.batch();
        batch.insert(&self.values, key, bytes);
        if expires > 0 {
            batch.insert(&self.expiry, dated(expires, key), "");
        }
        batch.commit().map_err(|error| failed(&error))?;
        self.group.wrote();
        Ok(Outcome::Written(revision))
    }

    fn delete(&self, key: &[u8], expect: Expect, deadline: Instant) -> Result<Outcome, StoreError> {
        let _one_at_a_time = self.lock(key, deadline)?;
        let Some(there) = self.find(key)? else { return Ok(Outcome::Missing) };
        if let Some(conflict) = unexpected(expect, Some(&there)) {
            return Ok(conflict);
        }
        self.values.remove(key).map_err(|error| failed(&error))?;
        self.group.wrote();
        Ok(Outcome::Deleted)
    }

    fn list(&self, space: &str, prefix: &str, after: &str, limit: usize) -> Result<Outcome, StoreError> {
        let (start, last) = (full(space, prefix), full(space, after));
        let (now, mut size, mut entries) = (now_ms(), 0, Vec::new());
        for guard in self.values.range(start.clone().max(last.clone())..) {
            let (key, value) = guard.into_inner().map_err(|error| failed(&error))?;
            if !key.starts_with(&start) {
                break;
            }
            let Some(kept) = Kept::new(value).filter(|kept| !kept.is_over(now)) else { continue };
            if !after.is_empty() && *key <= *last {
                continue;
            }
            if entries.len() == limit || size > LIST_BYTES {
                return Ok(Outcome::Listed(entries, true));
            }
            size += key.len() + kept.0.len();
            let name = std::str::from_utf8(&key[space.len() + 1..]).map_err(|error| failed(&error))?;
            entries.push(kept.entry(name));
        }
        Ok(Outcome::Listed(entries, false))
    }

    fn lock(&self, key: &[u8], deadline: Instant) -> Result<MutexGuard<'_, ()>, StoreError> {
        use std::hash::BuildHasher;
        let hash = foldhash::fast::FixedState::default().hash_one(key);
        self.stripes[hash as usize % STRIPES].try_lock_until(deadline).ok_or(StoreError::Timeout)
    }

    fn revision(&self) -> Result<u64, StoreError> {
        let mut revisions = self.revisions.lock();
        if revisions.last == revisions.ceiling {
            let ceiling = revisions.ceiling + BLOCK;
            self.meta.insert(CEILING, ceiling.to_be_bytes()).map_err(|error| failed(&error))?;
            revisions.ceiling = ceiling;
        }
        revisions.last += 1;
        Ok(revisions.last)
    }

    fn persist(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::SyncData).map_err(|error| failed(&error))
    }

    /// The life of the store's own thread.
    fn sweep(&self) {
        while !self.closing.load(Ordering::Acquire) {
            std::thread::park_timeout(TICK);
            if let Err(error) = self.forget(now_ms()) {
                tracing::error!(%error, "the store could not forget what is past its time");
            }
            if self.durability == Durability::Interval && self.group.is_dirty() {
                let outcome = self.group.wait(Instant::now() + TICK, || self.persist());
                if let Err(error) = outcome {
                    tracing::error!(%error, "the store could not be written to the disk");
                }
            }
        }
    }

    /// Removes what is past its time.
    fn forget(&self, now: u64) -> Result<(), StoreError> {
        for guard in self.expiry.range(..now.to_be_bytes()) {
            let dated = guard.key().map_err(|error| failed(&error))?;
            let key = &dated[8..];
            let _one_at_a_time = self.lock(key, Instant::now() + TICK)?;
            let value = self.values.get(key).map_err(|error| failed(&error))?;
            let mut batch = self.db.batch();
            // Put again meanwhile, it has another time, and another entry here.
            if value.and_then(Kept::new).is_some_and(|kept| kept.is_over(now)) {
                batch.remove(&self.values, key);
            }
            batch.remove(&self.expiry, dated.clone());
            batch.commit().map_err(|error| failed(&error))?;
            self.group.wrote();
        }
        Ok(())
    }
}

/// A value with its head.
struct Kept(Bytes);

impl Kept {
    fn new(slice: Slice) -> Option<Self> {
        (slice.len() >= HEAD).then(|| Self(Bytes::from_owner(slice)))
    }

    fn revision(&self) -> u64 {
        number(&self.0, 0).unwrap_or(0)
    }

    fn is_over(&self, now: u64) -> bool {
        number(&self.0, 8).is_some_and(|expires| expires != 0 && expires <= now)
    }

    fn entry(&self, key: &str) -> Entry {
        Entry { key: key.into(), value: self.0.slice(HEAD..), revision: self.revision() }
    }
}

fn unexpected(expect: Expect, there: Option<&Kept>) -> Option<Outcome> {
    let revision = there.map_or(0, Kept::revision);
    let fits = match expect {
        Expect::Any => true,
        Expect::Absent => there.is_none(),
        Expect::Revision(wanted) => there.is_some() && revision == wanted,
    };
    (!fits).then_some(Outcome::Conflict(revision))
}

fn check(op: &Op<'_>) -> Result<(), StoreError> {
    let key = |key: &str| (1..=LONGEST_KEY).contains(&key.len());
    match op {
        Op::Get { key: k, .. } | Op::Delete { key: k, .. } | Op::Put { key: k, .. } if !key(k) => {
            Err(StoreError::Invalid("a key has 1 to 512 bytes"))
        }
        Op::Put { value, .. } if value.len() > LARGEST_VALUE => {
            Err(StoreError::Invalid("a value has at most 1 MiB"))
        }
        Op::List { limit, .. } if !(1..=LONGEST_LIST).contains(limit) => {
            Err(StoreError::Invalid("a list's limit is 1 to 10,000"))
        }
        _ => Ok(()),
    }
}

fn full(space: &str, key: &str) -> Vec<u8> {
    [space.as_bytes(), b"\0", key.as_bytes()].concat()
}

fn dated(expires: u64, key: &[u8]) -> Vec<u8> {
    [&expires.to_be_bytes(), key].concat()
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn failed(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

#[cfg(test)]
mod tests;
