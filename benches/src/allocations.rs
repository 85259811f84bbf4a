//! The system's allocator, counting what it is asked for: a test that makes it its global allocator can say what a piece of
//! work allocates.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// See the module's documentation.
#[derive(Debug)]
pub struct Counting;

/// What was allocated, what grew counting as allocated anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// How often.
    pub times: usize,
    /// How many bytes, over all times.
    pub bytes: usize,
}

thread_local! {
    static HERE: Cell<Allocated> = const { Cell::new(Allocated { times: 0, bytes: 0 }) };
}
static EVERYWHERE: AtomicUsize = AtomicUsize::new(0);

impl Allocated {
    /// By `work`, on this thread.
    pub fn by(work: impl FnOnce()) -> Self {
        let before = HERE.get();
        work();
        let after = HERE.get();
        Self { times: after.times - before.times, bytes: after.bytes - before.bytes }
    }

    /// How often any thread has, until now.
    pub fn times_everywhere() -> usize {
        EVERYWHERE.load(Ordering::Relaxed)
    }
}

fn count(bytes: usize) {
    let Allocated { times, bytes: before } = HERE.get();
    HERE.set(Allocated { times: times + 1, bytes: before + bytes });
    EVERYWHERE.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: all is the system allocator's doing; counting neither allocates nor touches what it gives out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise, here and below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}
