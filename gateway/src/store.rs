//! The key-value store of plugins. What was answered survives a killed process; a killed machine as [`Durability`]
//! says.
//!
//! Each plugin instance has a *space* of its own. Every value has a revision, a number that the whole store never gives
//! twice and that only grows, over restarts too. There is no transaction over keys, and a list is no snapshot: so the
//! same trait can stand over Redis or NATS.

mod embedded;
mod sync;

use std::time::{Duration, Instant};

use bytes::Bytes;

pub use embedded::Embedded;

/// Bytes of a key at most.
pub const LONGEST_KEY: usize = 512;
/// Bytes of a value at most.
pub const LARGEST_VALUE: usize = 1024 * 1024;
/// Entries of one list at most.
pub const LONGEST_LIST: usize = 10_000;

/// What a crash of the machine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: a write is on the disk before it is answered.
    Always,
    /// The last second.
    Interval,
    /// What the operating system had not written yet.
    Os,
}

/// What must be there for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Any,
    /// Nothing.
    Absent,
    /// Exactly this revision.
    Revision(u64),
}

/// One operation, for itself.
#[derive(Clone, Copy, Debug)]
pub enum Op<'a> {
    /// Read one value.
    Get {
        /// Whose.
        space: &'a str,
        /// Its key.
        key: &'a str,
    },
    /// Write one value.
    Put {
        /// Whose.
        space: &'a str,
        /// Its key.
        key: &'a str,
        /// The bytes.
        value: &'a [u8],
        /// What must be there.
        expect: Expect,
        /// For how long it is kept, to a second; none: for ever.
        ttl: Option<Duration>,
    },
    /// Remove one value.
    Delete {
        /// Whose.
        space: &'a str,
        /// Its key.
        key: &'a str,
        /// What must be there.
        expect: Expect,
    },
    /// Read several values by key order.
    List {
        /// Whose.
        space: &'a str,
        /// How the keys start.
        prefix: &'a str,
        /// Only keys after this one; empty: from the first.
        after: &'a str,
        /// How many at most. Less come, with `more`, where they would be too many bytes.
        limit: usize,
    },
}

/// A value that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Box<str>,
    /// Its bytes.
    pub value: Bytes,
    /// Changes with each put.
    pub revision: u64,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Get: the value.
    Found(Entry),
    /// Get, delete: nothing is there.
    Missing,
    /// Put: the value's revision.
    Written(u64),
    /// Delete: it is gone.
    Deleted,
    /// Put, delete: not what was expected; the revision that is there, 0 for none.
    Conflict(u64),
    /// List: what was found, and whether there is more.
    Listed(Vec<Entry>, bool),
}

/// Why operations were not carried out, or not to their end.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The time is up; what was asked for may or may not have happened.
    #[error("the store did not answer in time")]
    Timeout,
    /// An operation is over a limit: which, and what it may be.
    #[error("{0}")]
    Invalid(&'static str),
    /// The disk, or what keeps the data on it, failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Keeps values. Calls block, on the caller's thread.
pub trait Store: Send + Sync {
    /// Runs operations in order, each for itself; answers one outcome for each.
    ///
    /// # Errors
    /// [`StoreError`]: where one is [`Invalid`](StoreError::Invalid) none has happened, else those before the one that
    /// failed have.
    fn run(&self, ops: &[Op<'_>], deadline: Instant) -> Result<Vec<Outcome>, StoreError>;
}
