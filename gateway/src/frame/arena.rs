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

/// What an allocation of so many bytes takes of the heap: its block, and an eighth more for what lies idle around blocks that come
/// and go. mimalloc has blocks of four sizes from each power of two to the next, of multiples of 16 up to 64 bytes, and whole pages
/// beyond 64 KiB, so that up to a fifth of a block holds nothing; its pages are never quite full (5 to 8 %, measured by bar 8).
pub(crate) const fn block(bytes: usize) -> usize {
    let step = match bytes {
        0..=64 => 16,
        65..=0x10000 => 1 << ((bytes - 1).ilog2() - 2),
        _ => 4096,
    };
    let block = bytes.next_multiple_of(step);
    block + block / 8
}

/// What an arena takes beside its buffer: itself behind its two counts, and the buffer's own count.
const OVERHEAD: usize = block(size_of::<Arena>() + 2 * size_of::<usize>()) + block(3 * size_of::<usize>());

impl Arena {
    pub(super) fn new(buffer: Vec<u8>) -> Self {
        let size = block(buffer.capacity()) + OVERHEAD;
        Self { buffer: buffer.into(), size, holders: AtomicUsize::new(0) }
    }

    /// What it takes of the heap, bytes.
    pub(super) fn size(&self) -> usize {
        self.size
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_is_asked_for_and_is_an_eighth_larger_than_its_class() {
        for (bytes, class) in [
            (0, 0),
            (1, 16),
            (64, 64),
            (65, 80),
            (80, 80),
            (81, 96),
            (128, 128),
            (129, 160),
            (350, 384),
            (24_000, 24_576),
            (65_536, 65_536),
            (65_537, 69_632),
        ] {
            assert_eq!(block(bytes), class + class / 8, "{bytes}");
        }
        let most = |bytes: usize| (bytes + bytes / 4) * 9 / 8;
        assert!((64..200_000).all(|bytes| (bytes..=most(bytes)).contains(&block(bytes))));
    }
}
