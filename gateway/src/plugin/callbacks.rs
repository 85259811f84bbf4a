//! The host as an instance sees it: tables of callbacks. Every crossing goes through one wrapper, which refuses
//! where the instance is not started, and catches what must not leave.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

mod batch;
mod clock;
mod lease;
mod log;
mod metrics;
mod publish;
mod refusal;
mod reply;
mod sessions;
mod store;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use tidegate_plugin::abi::{self, Status, Str, ext};

use super::queue::Task;
use super::shared::Shared;

pub(super) use reply::{answer, end, refuse};
pub(super) use sessions::number as session_number;

/// A host for one instance. It is never freed, and holds nothing of the instance's alive: a thread of the plugin's that
/// outlives its instance is answered `CLOSED`, and is no crash.
pub(super) fn host(shared: &Arc<Shared>) -> *const abi::Host {
    let context = Box::into_raw(Box::new(Arc::downgrade(shared)));
    Box::leak(Box::new(abi::Host {
        abi_major: abi::MAJOR,
        abi_minor: abi::MINOR,
        size: size_of::<abi::Host>() as u64,
        context: context.cast(),
        product: Str::new("tidegate"),
        version: Str::new(env!("CARGO_PKG_VERSION")),
        extension: Some(extension),
        stopped: Some(stopped),
    }))
}

/// The instance that a callback is for; none once it is gone.
///
/// # Safety
/// `host` is null, or one that [`host`] made.
unsafe fn shared(host: *const abi::Host) -> Option<Arc<Shared>> {
    // SAFETY: null, or a struct that is never freed.
    let host = unsafe { host.as_ref() }?;
    // SAFETY: `host` leaked this reference, and nobody takes it back.
    unsafe { host.context.cast::<Weak<Shared>>().as_ref() }?.upgrade()
}

/// Every crossing: closed where the instance is not started, and no panic gets out.
///
/// # Safety
/// As [`shared`].
unsafe fn enter(host: *const abi::Host, body: impl FnOnce(&Arc<Shared>) -> Status) -> Status {
    // SAFETY: the caller's promise.
    let Some(shared) = (unsafe { shared(host) }) else { return Status::CLOSED };
    if !shared.is_open() {
        return Status::CLOSED;
    }
    catch_unwind(AssertUnwindSafe(|| body(&shared))).unwrap_or(Status::INTERNAL)
}

/// Text that is lent for the call.
///
/// # Safety
/// The plugin keeps the contract of `tg_str`.
unsafe fn text<'a>(text: Str) -> Result<&'a str, Status> {
    // SAFETY: the caller's promise.
    unsafe { text.as_str() }.map_err(|_| Status::INVALID)
}

/// Items that are lent for the call.
///
/// # Safety
/// `ptr` leads to `len` items that stay as they are for `'a`, or `len` is 0.
unsafe fn items<'a, T>(ptr: *const T, len: u64) -> &'a [T] {
    if len == 0 || ptr.is_null() {
        return &[];
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { std::slice::from_raw_parts(ptr, len as usize) }
}

/// Writes an answer where the plugin wants it.
///
/// # Safety
/// `place` is null, or a place for a `T` of the plugin's.
unsafe fn put<T>(place: *mut T, value: T) -> Status {
    if place.is_null() {
        return Status::INVALID;
    }
    // SAFETY: not null, and the caller promises a place.
    unsafe { place.write(value) };
    Status::OK
}

unsafe extern "C" fn extension(_host: *const abi::Host, id: Str) -> *const c_void {
    // SAFETY: the plugin lends a text for the call.
    match unsafe { id.as_str() } {
        Ok(ext::PUBLISH) => (&raw const publish::TABLE).cast(),
        Ok(ext::REPLY) => (&raw const reply::TABLE).cast(),
        Ok(ext::SESSIONS) => (&raw const sessions::TABLE).cast(),
        Ok(ext::STORE) => (&raw const store::TABLE).cast(),
        Ok(ext::LEASE) => (&raw const lease::TABLE).cast(),
        Ok(ext::LOG) => (&raw const log::TABLE).cast(),
        Ok(ext::METRICS) => (&raw const metrics::TABLE).cast(),
        Ok(ext::REFUSAL) => (&raw const refusal::TABLE).cast(),
        Ok(ext::CLOCK) => (&raw const clock::TABLE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn stopped(host: *const abi::Host) {
    // SAFETY: the plugin's host.
    if let Some(shared) = unsafe { shared(host) } {
        shared.queue.owe(Task::Stopped);
    }
}
