//! What waits in a backlog, next to each other.

use std::io::IoSlice;
use std::rc::Rc;

use bytes::Bytes;

use super::{PIECES, Slices};
use crate::frame::Frames;

/// Waits in one of a backlog's lanes.
pub(super) struct Piece {
    /// Its place over both lanes.
    pub(super) order: u64,
    pub(super) what: What,
}

/// A word and a half: backlogs of small frames are mostly these.
pub(super) enum What {
    /// A turn's frames from number `next` on, by reference.
    Turn { frames: Rc<Frames>, next: u32 },
    /// Replies. Boxed, as they are rare.
    Own(Box<Own>),
}

/// Bytes for one session alone.
pub(super) struct Own {
    pub(super) bytes: Bytes,
    /// Since when they wait.
    pub(super) since: u64,
}

impl Piece {
    /// Since when it waits.
    pub(super) fn since(&self) -> u64 {
        match &self.what {
            What::Turn { frames, .. } => frames.held.since.get(),
            What::Own(own) => own.since,
        }
    }

    /// Adds its bytes to those of one write.
    pub(super) fn fill<'a>(&'a self, slices: &mut Slices<'a>) {
        match &self.what {
            What::Own(own) => slices.push(IoSlice::new(&own.bytes)),
            What::Turn { frames, next } => {
                let mut before: usize = frames.each[..*next as usize].iter().map(Bytes::len).sum();
                for run in &frames.runs {
                    let done = before.min(run.len());
                    before -= done;
                    if done < run.len() && slices.len() < PIECES {
                        slices.push(IoSlice::new(&run[done..]));
                    }
                }
            }
        }
    }
}
