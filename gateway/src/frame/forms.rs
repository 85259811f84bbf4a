//! The forms of this gateway, and what writes events in each.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{Frames, Payload, Posted, Spans};

/// How many forms an event can have.
pub const MAX_FORMS: usize = 256;

/// What receivers have in common on the wire: a dialect over a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form(u8);

impl Form {
    /// Index into tables by form, below [`MAX_FORMS`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Writes events in one form.
pub trait Encode: Send + Sync {
    /// Appends the whole frame of `posted`, transport header included, to `out`; answers where in `out` the
    /// payload stands as it was, if it does.
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>>;

    /// Whether a frame says which room it is from. Where it does not, a session that is in several rooms of
    /// one publish gets its frame once.
    fn names_room(&self) -> bool {
        true
    }

    /// So many events have got their frames in this form. Where several shards come to one at once, one of them has its
    /// bytes shared, and counts.
    fn count(&self, _events: u64) {}
}

/// The forms of this gateway, by number.
#[derive(Default)]
pub struct Forms(Vec<Box<dyn Encode>>);

impl Forms {
    /// Adds a form.
    ///
    /// # Panics
    /// At more than [`MAX_FORMS`], which the configuration is judged by.
    pub fn add(&mut self, encode: impl Encode + 'static) -> Form {
        assert!(self.0.len() < MAX_FORMS, "MAX_FORMS says how many forms there are");
        self.0.push(Box::new(encode));
        Form((self.0.len() - 1) as u8)
    }

    /// The frames of `batch` in `form`: what no one has encoded yet is encoded here, side by side in one
    /// buffer, so that a batch which one shard encodes goes out as one piece.
    pub fn frames(&self, form: Form, batch: &[Arc<Posted>]) -> Frames {
        let fresh: usize = batch.iter().filter(|p| p.frame(form).is_none()).map(|p| p.size()).sum();
        if fresh == 0 {
            return Frames::of(form, batch);
        }
        let mut arena = Vec::with_capacity(fresh);
        let mut spans = Spans::new();
        for posted in batch {
            let start = arena.len();
            let payload = match posted.frame(form) {
                Some(_) => None,
                None => self.0[form.index()].encode(posted, &posted.payload(), &mut arena),
            };
            spans.push((start..arena.len(), payload));
        }
        if arena.len() < fresh / 2 {
            arena.shrink_to_fit(); // compressed: a history may keep it
        }
        let (frames, ours) = Frames::share(arena, form, batch, spans);
        self.0[form.index()].count(ours);
        frames
    }

    /// Makes the event independent of its publisher's memory, so that a history may keep it: once encoded,
    /// its payload is a slice of our own frame, unless no frame has it as it was.
    pub fn own(&self, posted: &Arc<Posted>) {
        if self.0.is_empty() {
            return;
        }
        if posted.frames.is_empty() {
            self.frames(Form(0), std::slice::from_ref(posted));
        }
        let mut payload = posted.payload.lock();
        if !payload.owned {
            *payload = Payload { bytes: Bytes::copy_from_slice(&payload.bytes), owned: true };
        }
    }

    /// Whether frames of `form` say which room they are from.
    pub fn names_room(&self, form: Form) -> bool {
        self.0[form.index()].names_room()
    }
}
