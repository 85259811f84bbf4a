//! The memory that frames lie in, and who among the slow still needs it.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// A buffer that frames were written to side by side. It lives as long as a slice of it does, so that whoever keeps one
/// frame keeps them all; and it is shared over shards, so that what backlogs keep alive is counted here, once.
#[derive(Debug)]
pub struct Arena {
    buffer: Bytes,
    size: usize,
    holders: AtomicUsize,
}

/// What an allocation takes beside its bytes with the usual allocators, about.
pub(super) const HEADER: usize = 16;
/// What an arena takes beside its buffer: itself behind its two counts, the buffer's own count, and three allocations.
const OVERHEAD: usize = size_of::<Arena>() + 5 * size_of::<usize>() + 3 * HEADER;

impl Arena {
    pub(super) fn new(buffer: Vec<u8>) -> Self {
        let size = buffer.capacity() + OVERHEAD;
        Self { buffer: buffer.into(), size, holders: AtomicUsize::new(0) }
    }

    pub(super) fn slice(&self, span: Range<usize>) -> Bytes {
        self.buffer.slice(span)
    }

    /// The piece of it from `first` to `last`, which are slices of it, or the same slice.
    pub(super) fn between(&self, first: &[u8], last: &[u8]) -> Bytes {
        let start = |slice: &[u8]| slice.as_ptr().addr() - self.buffer.as_ptr().addr();
        self.buffer.slice(start(first)..start(last) + last.len())
    }

    /// One more holds it. Answers the bytes that are held from now on and were not before.
    pub fn hold(&self) -> usize {
        match self.holders.fetch_add(1, Ordering::AcqRel) {
            0 => self.size,
            _ => 0,
        }
    }

    /// One who held it does no longer. Answers the bytes that nobody holds any more.
    pub fn let_go(&self) -> usize {
        match self.holders.fetch_sub(1, Ordering::AcqRel) {
            1 => self.size,
            _ => 0,
        }
    }
}

/// What the backlogs of a shard know in common of frames that wait in them: written by the first that keeps them, and
/// untouched as long as every socket takes them.
#[derive(Debug, Default)]
pub struct Held {
    /// How many keep them, each as often as it does.
    pub holders: Cell<usize>,
    /// Since when they wait, nanoseconds by the holders' clock.
    pub since: Cell<u64>,
    /// What of them may be dropped where there is no space.
    pub yields: Cell<Yields>,
}

/// What of a room's events may be dropped that wait for a client which does not take them in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Yields {
    /// None.
    #[default]
    Nothing,
    /// Those that have waited longest.
    Oldest,
    /// All but the newest of each key.
    Superseded,
    /// All: they are read again from the room's history.
    All,
}
