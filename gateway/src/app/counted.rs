//! Counts what is encoded.

use std::ops::Range;
use std::sync::Arc;

use crate::frame::{Encode, Posted};
use crate::metrics::Total;

/// A form whose encoded events are counted.
pub(super) struct Counted {
    pub(super) encode: Box<dyn Encode>,
    pub(super) encoded: Arc<Total>,
}

impl Encode for Counted {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        self.encode.encode(posted, payload, out)
    }

    fn names_room(&self) -> bool {
        self.encode.names_room()
    }

    fn count(&self, events: u64) {
        self.encoded.add(events);
    }
}
