//! The gateway's key-value store.
#![allow(unsafe_code, reason = "operations are lent to the callback")]

use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::bridge::StoreAnswer;
use crate::abi::{self, Status, Str};
use crate::{Error, Host, Result};

/// How long an operation may take where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many entries [`Store::scan`] asks for at once.
const PAGE: usize = 1000;

/// A part of the gateway's key-value store. Each value has a revision that changes with each put. There is no transaction over
/// keys, and a list is no snapshot.
#[derive(Debug, Clone)]
pub struct Store {
    host: Host,
    /// Empty: our own part.
    plugin: String,
    timeout: Duration,
}

/// What must be there for an operation to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// Whatever is there.
    #[default]
    Any,
    /// Nothing.
    Absent,
    /// Exactly that revision.
    Revision(u64),
}

/// A value that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Bytes,
    /// Its revision.
    pub revision: u64,
}

impl Entry {
    /// Its value as JSON of that shape.
    ///
    /// # Errors
    /// `INTERNAL` where it is not: what is in the store is our own.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.value)
            .map_err(|e| Error::internal(format!("store: key '{}': {e}", self.key)))
    }
}

/// Some entries by key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether the limit cut the list: go on after the last key.
    pub more: bool,
}

/// An operation, to run several on one call.
#[derive(Debug, Clone)]
pub enum Op {
    /// Reads a value.
    Get {
        /// Its key.
        key: String,
    },
    /// Writes a value.
    Put {
        /// Its key: 1–512 bytes.
        key: String,
        /// At most 1 MiB.
        value: Bytes,
        /// What must be there.
        expect: Expect,
        /// How long it is kept, to a second; `None`: for ever.
        ttl: Option<Duration>,
    },
    /// Removes a value.
    Delete {
        /// Its key.
        key: String,
        /// What must be there; [`Expect::Absent`] makes no sense here.
        expect: Expect,
    },
    /// Reads values by key order.
    List {
        /// What their keys begin with; may be empty.
        prefix: String,
        /// Only keys after this one; empty: from the first.
        after: String,
        /// How many at most: 1–10,000.
        limit: usize,
    },
}

/// What came of an [`Op`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Get: the value, if there is one.
    Value(Option<Entry>),
    /// Put: the new revision.
    Written(u64),
    /// Delete: whether there was something.
    Deleted(bool),
    /// List.
    Page(Page),
}

impl Store {
    /// The instance's own part.
    pub(super) fn own(host: Host) -> Self {
        Self { host, plugin: String::new(), timeout: TIMEOUT }
    }

    /// What another instance keeps under `shared/`, to be read; the manifest's `reads` must name it.
    #[must_use]
    pub fn of(&self, plugin: impl Into<String>) -> Self {
        Self { plugin: plugin.into(), ..self.clone() }
    }

    /// The same with another time-out than five seconds.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// `TIMEOUT`, `INVALID` for a bad key, `DENIED` for a part that we may not read.
    pub async fn get(&self, key: impl Into<String>) -> Result<Option<Entry>> {
        match self.one(Op::Get { key: key.into() }).await? {
            Outcome::Value(value) => Ok(value),
            _ => Err(mismatch()),
        }
    }

    /// Writes a value for ever and answers its revision.
    ///
    /// # Errors
    /// `CONFLICT` where something else is there than expected; `TIMEOUT`: it may have been written; `INVALID` for what is too long.
    pub async fn put(&self, key: impl Into<String>, value: impl Into<Bytes>, expect: Expect) -> Result<u64> {
        self.write(Op::Put { key: key.into(), value: value.into(), expect, ttl: None }).await
    }

    /// Writes a value as JSON, for ever, and answers its revision.
    ///
    /// # Errors
    /// As [`Store::put`], and where `value` cannot be JSON.
    pub async fn put_json<T: Serialize + ?Sized>(
        &self,
        key: impl Into<String>,
        value: &T,
        expect: Expect,
    ) -> Result<u64> {
        self.put(key, serde_json::to_vec(value)?, expect).await
    }

    /// Writes a value for some time, kept to a second, and answers its revision.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_for(
        &self,
        key: impl Into<String>,
        value: impl Into<Bytes>,
        expect: Expect,
        ttl: Duration,
    ) -> Result<u64> {
        self.write(Op::Put { key: key.into(), value: value.into(), expect, ttl: Some(ttl) }).await
    }

    /// Removes a value and answers whether there was one.
    ///
    /// # Errors
    /// `CONFLICT` where another revision is there; `TIMEOUT`: it may have been removed.
    pub async fn delete(&self, key: impl Into<String>, expect: Expect) -> Result<bool> {
        match self.one(Op::Delete { key: key.into(), expect }).await? {
            Outcome::Deleted(existed) => Ok(existed),
            _ => Err(mismatch()),
        }
    }

    /// Up to `limit` entries (1–10,000) whose keys begin with `prefix`, by key order, after the key `after` (empty: from the
    /// first).
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn list(
        &self,
        prefix: impl Into<String>,
        after: impl Into<String>,
        limit: usize,
    ) -> Result<Page> {
        match self.one(Op::List { prefix: prefix.into(), after: after.into(), limit }).await? {
            Outcome::Page(page) => Ok(page),
            _ => Err(mismatch()),
        }
    }

    /// All entries whose keys begin with `prefix`, by key order.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn scan(&self, prefix: &str) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map(|e| e.key.clone()).unwrap_or_default();
            let mut page = self.list(prefix, after, PAGE).await?;
            // An empty page that claims more would go on for ever.
            let more = page.more && !page.entries.is_empty();
            entries.append(&mut page.entries);
            if !more {
                return Ok(entries);
            }
        }
    }

    /// Runs operations in order on one call, each for itself: one that fails does not keep the next from being done.
    ///
    /// # Errors
    /// Where nothing is known of any: `TIMEOUT` (some may have been done), `CLOSED`, `UNSUPPORTED`.
    pub async fn run(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>> {
        let plugin = self.plugin.clone();
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let done = self
            .host
            .blocking(move |bridge| {
                let lent: Vec<_> = ops.iter().map(|op| lend(op, &plugin)).collect();
                // SAFETY: all that they lead to is in `ops` and `plugin`.
                let answers = unsafe { bridge.store(&lent, timeout_ms) };
                answers.map(|answers| ops.iter().zip(answers).map(|(op, a)| outcome(op, a)).collect())
            })
            .await?;
        done.map_err(|status| Error::new(status, format!("store: {status}")))
    }

    async fn write(&self, op: Op) -> Result<u64> {
        match self.one(op).await? {
            Outcome::Written(revision) => Ok(revision),
            _ => Err(mismatch()),
        }
    }

    async fn one(&self, op: Op) -> Result<Outcome> {
        self.run(vec![op]).await?.pop().unwrap_or_else(|| Err(mismatch()))
    }
}

/// An operation gives its own kind of outcome, so this is never seen.
fn mismatch() -> Error {
    Error::internal("store: the outcome is of another operation")
}

/// An operation as the boundary has it.
fn lend(op: &Op, plugin: &str) -> abi::StoreOp {
    let blank = abi::StoreOp {
        kind: abi::STORE_GET,
        expect: abi::EXPECT_ANY,
        plugin: Str::new(plugin),
        key: Str::EMPTY,
        after: Str::EMPTY,
        value: Str::EMPTY,
        revision: 0,
        ttl_ms: 0,
        limit: 0,
    };
    let expected = |expect: &Expect| match expect {
        Expect::Any => (abi::EXPECT_ANY, 0),
        Expect::Absent => (abi::EXPECT_ABSENT, 0),
        Expect::Revision(revision) => (abi::EXPECT_REVISION, *revision),
    };
    match op {
        Op::Get { key } => abi::StoreOp { key: Str::new(key), ..blank },
        Op::Put { key, value, expect, ttl } => {
            let (expect, revision) = expected(expect);
            // A ttl below a millisecond is one, since 0 is for ever.
            let ttl_ms = ttl.map_or(0, |ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1));
            let (key, value) = (Str::new(key), Str::bytes(value));
            abi::StoreOp { kind: abi::STORE_PUT, key, value, expect, revision, ttl_ms, ..blank }
        }
        Op::Delete { key, expect } => {
            let (expect, revision) = expected(expect);
            abi::StoreOp { kind: abi::STORE_DELETE, key: Str::new(key), expect, revision, ..blank }
        }
        Op::List { prefix, after, limit } => {
            let (key, after, limit) = (Str::new(prefix), Str::new(after), *limit as u64);
            abi::StoreOp { kind: abi::STORE_LIST, key, after, limit, ..blank }
        }
    }
}

/// What came of an operation.
fn outcome(op: &Op, mut answer: StoreAnswer) -> Result<Outcome> {
    let failed = |what: &str, key: &str| {
        let status = answer.status;
        Err(Error::new(status, format!("store: {what} '{key}': {status}")))
    };
    match (op, answer.status) {
        (Op::Get { .. }, Status::OK) => Ok(Outcome::Value(answer.entries.pop())),
        (Op::Get { .. }, Status::NOT_FOUND) => Ok(Outcome::Value(None)),
        (Op::Put { .. }, Status::OK) => Ok(Outcome::Written(answer.revision)),
        (Op::Delete { .. }, Status::OK) => Ok(Outcome::Deleted(true)),
        (Op::Delete { .. }, Status::NOT_FOUND) => Ok(Outcome::Deleted(false)),
        (Op::List { .. }, Status::OK) => {
            Ok(Outcome::Page(Page { entries: answer.entries, more: answer.more }))
        }
        (Op::Get { key }, _) => failed("get", key),
        (Op::Put { key, .. }, _) => failed("put", key),
        (Op::Delete { key, .. }, _) => failed("delete", key),
        (Op::List { prefix, .. }, _) => failed("list", prefix),
    }
}
