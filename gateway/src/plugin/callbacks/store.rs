//! `tidegate.store/1`: an instance's part of the store, and what others share.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_plugin::abi::{
    EXPECT_ABSENT, EXPECT_ANY, EXPECT_REVISION, Host, STORE_DELETE, STORE_GET, STORE_LIST, STORE_PUT, Status,
    Store, StoreEntry, StoreOp, StoreResult, Str,
};

use super::super::shared::Shared;
use super::{enter, items, text};
use crate::store::{Entry, Expect, Op, Outcome, StoreError};

pub(super) static TABLE: Store = Store { run: Some(run) };

/// What may be waited for at most.
const LONGEST: Duration = Duration::from_secs(3600);

/// The part of a space that those may read whom `reads` names.
const SHARED: &str = "shared/";

unsafe extern "C" fn run(
    host: *const Host,
    ops: *const StoreOp,
    count: u64,
    results: *mut StoreResult,
    timeout_ms: u64,
) -> Status {
    let run = |shared: &Arc<Shared>| -> Result<(), Status> {
        // SAFETY: the operations and all that they lead to are lent for the call.
        let ops = unsafe { items(ops, count) };
        // SAFETY: as above.
        let ops: Vec<Op<'_>> = ops.iter().map(|op| unsafe { read(shared, op) }).collect::<Result<_, _>>()?;
        if ops.len() as u64 != count || (count > 0 && results.is_null()) {
            return Err(Status::INVALID);
        }
        let deadline = Instant::now() + Duration::from_millis(timeout_ms).min(LONGEST);
        let outcomes = shared.services.store.run(&ops, deadline).map_err(|error| match error {
            StoreError::Timeout => Status::TIMEOUT,
            StoreError::Invalid(_) => Status::INVALID,
            StoreError::Failed(why) => {
                tracing::error!(plugin = %shared.name, "{why}");
                Status::INTERNAL
            }
        })?;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            // SAFETY: the plugin has places for `count` results.
            unsafe { results.add(index).write(result(outcome)) };
        }
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| run(shared).err().unwrap_or(Status::OK)) }
}

/// # Safety
/// The operation keeps its contract for `'a`.
unsafe fn read<'a>(shared: &'a Shared, op: &'a StoreOp) -> Result<Op<'a>, Status> {
    // SAFETY: the caller's promise.
    let (plugin, key, after, value) =
        unsafe { (text(op.plugin)?, text(op.key)?, text(op.after)?, op.value.as_bytes()) };
    let own = plugin.is_empty() || *plugin == *shared.name;
    let reads = matches!(op.kind, STORE_GET | STORE_LIST) && key.starts_with(SHARED);
    let allowed = own || (reads && shared.reads.iter().any(|name| name == plugin));
    if !allowed {
        return Err(Status::DENIED);
    }
    let space = if own { &*shared.name } else { plugin };
    let expect = match op.expect {
        EXPECT_ANY => Expect::Any,
        EXPECT_ABSENT => Expect::Absent,
        EXPECT_REVISION => Expect::Revision(op.revision),
        _ => return Err(Status::INVALID),
    };
    let ttl = (op.ttl_ms > 0).then(|| Duration::from_millis(op.ttl_ms));
    match op.kind {
        STORE_GET => Ok(Op::Get { space, key }),
        STORE_PUT => Ok(Op::Put { space, key, value, expect, ttl }),
        STORE_DELETE => Ok(Op::Delete { space, key, expect }),
        STORE_LIST => Ok(Op::List { space, prefix: key, after, limit: op.limit as usize }),
        _ => Err(Status::INVALID),
    }
}

/// Entries that a plugin holds, until it releases them.
struct Held {
    _entries: Vec<Entry>,
    shown: Vec<StoreEntry>,
}

fn result(outcome: Outcome) -> StoreResult {
    let none = StoreResult {
        status: Status::OK,
        more: 0,
        revision: 0,
        entries: std::ptr::null(),
        entries_len: 0,
        owner: std::ptr::null_mut(),
        release: None,
    };
    match outcome {
        Outcome::Found(entry) => hold(vec![entry], none),
        Outcome::Listed(entries, more) => hold(entries, StoreResult { more: more.into(), ..none }),
        Outcome::Missing => StoreResult { status: Status::NOT_FOUND, ..none },
        Outcome::Written(revision) => StoreResult { revision, ..none },
        Outcome::Deleted => none,
        Outcome::Conflict(revision) => StoreResult { status: Status::CONFLICT, revision, ..none },
    }
}

fn hold(entries: Vec<Entry>, none: StoreResult) -> StoreResult {
    let show = |entry: &Entry| StoreEntry {
        key: Str::new(&entry.key),
        value: Str::bytes(&entry.value),
        revision: entry.revision,
    };
    let shown: Vec<_> = entries.iter().map(show).collect();
    let held = Box::new(Held { _entries: entries, shown });
    StoreResult {
        entries: held.shown.as_ptr(),
        entries_len: held.shown.len() as u64,
        owner: Box::into_raw(held).cast(),
        release: Some(release),
        ..none
    }
}

unsafe extern "C" fn release(owner: *mut c_void) {
    // SAFETY: the plugin gives back once what `hold` leaked for it.
    drop(unsafe { Box::from_raw(owner.cast::<Held>()) });
}
