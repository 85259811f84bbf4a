//! `tidegate.lease/1`: names that an instance holds for a time.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_plugin::abi::{Grant, Host, Lease, LeaseLost, Leases, Status, Str};

use super::super::shared::Shared;
use super::{enter, put, text};
use crate::store::{Expect, Op, Outcome, StoreError};

/// Where grants are numbered: no instance has such a name.
const SPACE: &str = "~leases";
/// Bytes of a lease's name at most.
const LONGEST: usize = 200;
/// How long the store may take to number a grant.
const PATIENCE: Duration = Duration::from_secs(10);
/// A lease is no shorter, and no longer, in milliseconds.
const TTL: std::ops::RangeInclusive<u64> = 100..=24 * 3600 * 1000;

pub(super) static TABLE: Leases =
    Leases { acquire: Some(acquire), renew: Some(renew), release: Some(release) };

unsafe extern "C" fn acquire(
    host: *const Host,
    name: Str,
    ttl_ms: u64,
    timeout_ms: u64,
    lost: LeaseLost,
    grant: *mut Grant,
) -> Status {
    let acquire = |shared: &Arc<Shared>| -> Result<Grant, Status> {
        // SAFETY: lent for the call.
        let name = unsafe { text(name) }?;
        if !(1..=LONGEST).contains(&name.len()) || !TTL.contains(&ttl_ms) || grant.is_null() {
            return Err(Status::INVALID);
        }
        let (ttl, wait) = (Duration::from_millis(ttl_ms), Duration::from_millis(timeout_ms.min(*TTL.end())));
        let (lease, number) = shared.leases.acquire(name, ttl, wait, lost, || number(shared, name))?;
        shared.queue.nudge(); // its thread has another end to wait for
        Ok(Grant { lease, number, valid_ms: ttl_ms })
    };
    // SAFETY: the plugin's host, and a place of the plugin's.
    unsafe { granted(host, grant, acquire) }
}

/// # Safety
/// The plugin's host, and null or a place of the plugin's.
unsafe fn granted(
    host: *const Host,
    place: *mut Grant,
    body: impl FnOnce(&Arc<Shared>) -> Result<Grant, Status>,
) -> Status {
    // SAFETY: the caller's promise.
    unsafe {
        enter(host, |shared| match body(shared) {
            Ok(grant) => put(place, grant),
            Err(status) => status,
        })
    }
}

/// The store's revisions only grow, over restarts too: the one of a grant is its number.
fn number(shared: &Shared, name: &str) -> Result<u64, Status> {
    let key = format!("{}/{name}", shared.name);
    let put = Op::Put { space: SPACE, key: &key, value: b"", expect: Expect::Any, ttl: None };
    let deadline = Instant::now() + PATIENCE;
    match shared.services.store.run(&[put], deadline).as_deref() {
        Ok([Outcome::Written(number)]) => Ok(*number),
        Err(StoreError::Timeout) => Err(Status::TIMEOUT),
        other => {
            tracing::error!(plugin = %shared.name, name, ?other, "a lease could not be numbered");
            Err(Status::INTERNAL)
        }
    }
}

unsafe extern "C" fn renew(host: *const Host, lease: Lease, _timeout_ms: u64, grant: *mut Grant) -> Status {
    let renew = |shared: &Arc<Shared>| -> Result<Grant, Status> {
        let (number, ttl) = shared.leases.renew(lease)?;
        shared.queue.nudge();
        Ok(Grant { lease, number, valid_ms: ttl.as_millis() as u64 })
    };
    // SAFETY: the plugin's host, and a place of the plugin's.
    unsafe { granted(host, grant, renew) }
}

unsafe extern "C" fn release(host: *const Host, lease: Lease, _timeout_ms: u64) -> Status {
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| shared.leases.release(lease).err().unwrap_or(Status::OK)) }
}
