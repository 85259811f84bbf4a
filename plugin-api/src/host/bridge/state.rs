//! Store and lease: the callbacks that block.
#![allow(unsafe_code, reason = "the callbacks are called here")]

use std::ptr;

use bytes::Bytes;

use super::Bridge;
use crate::abi::slice;
use crate::abi::{Grant, Lease, LeaseLost, Status, StoreOp, StoreResult, Str};
use crate::host::Entry;

/// What came of one operation, copied out of the host's memory.
pub(crate) struct StoreAnswer {
    pub(crate) status: Status,
    pub(crate) more: bool,
    pub(crate) revision: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Bridge {
    /// Runs operations on the store.
    ///
    /// # Safety
    /// What the operations borrow holds for the call.
    pub(crate) unsafe fn store(&self, ops: &[StoreOp], timeout_ms: u64) -> Result<Vec<StoreAnswer>, Status> {
        let unset = StoreResult {
            status: Status::INTERNAL,
            more: 0,
            revision: 0,
            entries: ptr::null(),
            entries_len: 0,
            owner: ptr::null_mut(),
            release: None,
        };
        let mut results = vec![unset; ops.len()];
        let status = self.call(self.tables.store.and_then(|t| t.run), |run, host| {
            // SAFETY: both slices have that length and hold for the call, and the caller promises what the first leads to.
            unsafe { run(host, ops.as_ptr(), ops.len() as u64, results.as_mut_ptr(), timeout_ms) }
        });
        if !status.is_ok() {
            return Err(status);
        }
        // SAFETY: with OK each result is set by the host, and is looked at once.
        Ok(results.into_iter().map(|result| unsafe { copy(result) }).collect())
    }

    /// Takes a lease.
    pub(crate) fn acquire(
        &self,
        name: &str,
        ttl_ms: u64,
        timeout_ms: u64,
        lost: LeaseLost,
    ) -> Result<Grant, Status> {
        let mut grant = Grant { lease: 0, number: 0, valid_ms: 0 };
        let status = self.call(self.tables.lease.and_then(|t| t.acquire), |acquire, host| {
            // SAFETY: the name is borrowed for the call, and `grant` is ours to be written.
            unsafe { acquire(host, Str::new(name), ttl_ms, timeout_ms, lost, &raw mut grant) }
        });
        if status.is_ok() { Ok(grant) } else { Err(status) }
    }

    /// Renews a lease.
    pub(crate) fn renew(&self, lease: Lease, timeout_ms: u64) -> Result<Grant, Status> {
        let mut grant = Grant { lease, number: 0, valid_ms: 0 };
        let status = self.call(self.tables.lease.and_then(|t| t.renew), |renew, host| {
            // SAFETY: `grant` is ours to be written.
            unsafe { renew(host, lease, timeout_ms, &raw mut grant) }
        });
        if status.is_ok() { Ok(grant) } else { Err(status) }
    }

    /// Gives a lease up.
    pub(crate) fn release(&self, lease: Lease, timeout_ms: u64) -> Status {
        self.call(self.tables.lease.and_then(|t| t.release), |release, host| {
            // SAFETY: numbers only.
            unsafe { release(host, lease, timeout_ms) }
        })
    }
}

/// Copies a result and releases it.
///
/// # Safety
/// The host has set it, and this is the one time that it is looked at.
unsafe fn copy(result: StoreResult) -> StoreAnswer {
    // SAFETY: entries that hold until `release`.
    let entries = unsafe { slice(result.entries, result.entries_len) };
    let entries = entries
        .iter()
        .map(|entry| {
            // SAFETY: as above, and what they lead to.
            let (key, value) = unsafe { (entry.key.as_bytes(), entry.value.as_bytes()) };
            Entry {
                key: String::from_utf8_lossy(key).into_owned(),
                value: Bytes::copy_from_slice(value),
                revision: entry.revision,
            }
        })
        .collect();
    if let Some(release) = result.release {
        // SAFETY: ours to release, once.
        unsafe { release(result.owner) };
    }
    StoreAnswer { status: result.status, more: result.more != 0, revision: result.revision, entries }
}
