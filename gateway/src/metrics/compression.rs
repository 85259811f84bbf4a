//! What is counted of compressed messages.

use super::Total;
use super::family::{Family, Kind};

/// See the module's documentation. An event counts once for each form that it is compressed in, however many get it.
#[derive(Debug, Default)]
pub struct Compression {
    done: Total,
    before: Total,
    after: Total,
}

impl Compression {
    /// Counts a message of `before` bytes that `after` are sent of.
    pub fn count(&self, before: usize, after: usize) {
        self.done.add(1);
        self.before.add(before as u64);
        self.after.add(after as u64);
    }

    /// What the page shows of it.
    pub(super) fn families(&self) -> [Family; 2] {
        [
            Family::counter(
                "tidegate_compressions",
                "Messages compressed: an event once for all who get it so, a reply for itself.",
                self.done.get(),
            ),
            Family::new(Kind::Counter, "tidegate_compression_bytes", "Bytes of those messages, by stage.")
                .with([("stage", "before".into())], self.before.get() as f64)
                .with([("stage", "after".into())], self.after.get() as f64),
        ]
    }
}
