//! The host as an instance sees it: tables of callbacks. Every crossing goes through one wrapper, which refuses
//! where the instance is not started, and catches what must not leave.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

mod clock;
mod log;
mod metrics;
mod publish;
mod reply;
mod sessions;
mod store;

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tidegate_plugin::abi::{self, Status, Str, ext};

use super::queue::Task;
use super::shared::Shared;

pub(super) use reply::refuse;
pub(super) use sessions::number as session_number;

/// A host for one instance: it holds the instance's shared state until it is taken down.
pub(super) fn host(shared: &Arc<Shared>) -> Box<abi::Host> {
    Box::new(abi::Host {
        abi_major: abi::MAJOR,
        abi_minor: abi::MINOR,
        size: size_of::<abi::Host>() as u64,
        context: Arc::into_raw(Arc::clone(shared)).cast_mut().cast(),
        product: Str::new("tidegate"),
        version: Str::new(env!("CARGO_PKG_VERSION")),
        extension: Some(extension),
        stopped: Some(stopped),
    })
}

/// Lets go of the instance that a host is for, after `destroy`.
///
/// # Safety
/// Made by [`host`], once for each; the plugin has returned from `destroy` and uses the pointer no more.
pub(super) unsafe fn take_down(host: &abi::Host) {
    // SAFETY: `host` leaked this reference, and it is taken back once.
    drop(unsafe { Arc::from_raw(host.context.cast::<Shared>().cast_const()) });
}

/// The instance that a callback is for.
///
/// # Safety
/// `host` is one that [`host`] made and that lives: the plugin's promise until `destroy` returns.
unsafe fn shared(host: *const abi::Host) -> ManuallyDrop<Arc<Shared>> {
    // SAFETY: the caller's promise; the reference that the host holds is borrowed, not taken.
    ManuallyDrop::new(unsafe { Arc::from_raw((*host).context.cast::<Shared>().cast_const()) })
}

/// Every crossing: closed where the instance is not started, and no panic gets out.
///
/// # Safety
/// As [`shared`].
unsafe fn enter(host: *const abi::Host, body: impl FnOnce(&Arc<Shared>) -> Status) -> Status {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(host) };
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
        Ok(ext::LOG) => (&raw const log::TABLE).cast(),
        Ok(ext::METRICS) => (&raw const metrics::TABLE).cast(),
        Ok(ext::CLOCK) => (&raw const clock::TABLE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn stopped(host: *const abi::Host) {
    // SAFETY: the plugin calls it before `destroy`, with its host.
    let shared = unsafe { shared(host) };
    shared.queue.owe(Task::Stopped);
}
