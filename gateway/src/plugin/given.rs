//! Buffers that change hands: the plugin's in frames of ours, and ours in the plugin's hands.
#![allow(unsafe_code, reason = "reads and releases memory of the plugin")]

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use smallvec::SmallVec;
use tidegate_plugin::abi::Buf;

use super::queue::Returned;
use super::shared::Shared;

/// What a buffer costs of the budget beside its bytes.
const OVERHEAD: usize = 64;

thread_local! {
    /// Buffers that are dropped now go back to the caller, who keeps them.
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

/// A buffer that a plugin has given away: released on its hook thread once nobody needs it.
struct Given {
    buf: Buf,
    shared: Arc<Shared>,
}

// SAFETY: the bytes are constant until they are released, which happens once, after the last reader.
unsafe impl Send for Given {}
// SAFETY: as above; nothing is written.
unsafe impl Sync for Given {}

impl AsRef<[u8]> for Given {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the giver promises bytes that hold until `release`, which comes when this is dropped.
        unsafe { self.buf.as_bytes() }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if KEPT.get() {
            self.shared.given.fetch_sub(cost(self.buf), Ordering::Relaxed);
            return;
        }
        // Constants too: what is published while a hook hangs is bounded by what waits to be released.
        self.shared.queue.give_back([returned(self.buf)]);
    }
}

/// What a buffer counts of the plugin's budget.
fn cost(buf: Buf) -> usize {
    buf.len as usize + OVERHEAD
}

fn returned(buf: Buf) -> Returned {
    Returned { owner: buf.owner, release: buf.release, cost: cost(buf) }
}

/// Counts a buffer, unless that would be over the plugin's budget.
fn count(shared: &Shared, buf: Buf) -> Option<()> {
    let cost = cost(buf);
    let before = shared.given.fetch_add(cost, Ordering::Relaxed);
    if before > 0 && before + cost > shared.budget {
        shared.given.fetch_sub(cost, Ordering::Relaxed);
        return None;
    }
    Some(())
}

/// Takes a buffer over, without a copy; `None` where it would be over the plugin's budget.
pub(super) fn take(shared: &Arc<Shared>, buf: Buf) -> Option<Bytes> {
    count(shared, buf)?;
    Some(Bytes::from_owner(Given { buf, shared: Arc::clone(shared) }))
}

/// Buffers of a batch that were taken over and that nobody needs: they go back together, when this is dropped.
pub(super) struct Unneeded<'a> {
    shared: &'a Shared,
    buffers: SmallVec<[Returned; 64]>,
}

impl<'a> Unneeded<'a> {
    /// None so far.
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, buffers: SmallVec::new() }
    }

    /// Takes a buffer over; `None` where it would be over the plugin's budget.
    pub(super) fn take(&mut self, buf: Buf) -> Option<()> {
        // A constant leaves nothing behind.
        if buf.release.is_some() {
            count(self.shared, buf)?;
            self.buffers.push(returned(buf));
        }
        Some(())
    }
}

impl Drop for Unneeded<'_> {
    fn drop(&mut self) {
        if !self.buffers.is_empty() {
            self.shared.queue.give_back(self.buffers.drain(..));
        }
    }
}

/// Drops what holds a buffer that was not taken after all: it stays the caller's. Nobody else may hold it.
pub(super) fn give_back<T>(holder: T) {
    KEPT.set(true);
    drop(holder);
    KEPT.set(false);
}

/// Our bytes in a plugin's hands, counted until it releases them.
struct Handed {
    _bytes: Bytes,
    size: usize,
    shared: Arc<Shared>,
}

/// Gives bytes to the plugin.
pub(super) fn hand(shared: &Arc<Shared>, bytes: Bytes) -> Buf {
    let (ptr, size) = (bytes.as_ptr(), bytes.len());
    shared.queue.handed.fetch_add(size, Ordering::Relaxed);
    let handed = Box::new(Handed { _bytes: bytes, size, shared: Arc::clone(shared) });
    Buf {
        ptr: ptr.cast(),
        len: size as u64,
        owner: Box::into_raw(handed).cast(),
        release: Some(release_handed),
    }
}

/// Takes back what [`hand`] gave, where the plugin did not take it.
pub(super) fn take_back(buf: Buf) {
    if let Some(release) = buf.release {
        // SAFETY: `hand` made this buffer, and the plugin, which refused it, has not released it.
        unsafe { release(buf.owner) };
    }
}

/// The plugin needs it no more.
unsafe extern "C" fn release_handed(owner: *mut c_void) {
    // SAFETY: the plugin gives back once what `hand` leaked for it.
    let handed = unsafe { Box::from_raw(owner.cast::<Handed>()) };
    handed.shared.queue.handed.fetch_sub(handed.size, Ordering::Relaxed);
}
