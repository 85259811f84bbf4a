//! How often events were encoded: each once in each form, however many get it so.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Total;
use super::family::{Family, Kind};

/// What receivers have in common on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// What events look like.
    pub dialect: &'static str,
    /// What carries them.
    pub transport: &'static str,
    /// Whether they are compressed.
    pub compressed: bool,
}

/// A counter for each wire.
#[derive(Debug, Default)]
pub struct Encodings(Mutex<Vec<(Wire, Arc<Total>)>>);

impl Encodings {
    /// What counts the events that are encoded for this wire. Forms that differ in nothing that the page shows have one.
    pub fn of(&self, wire: Wire) -> Arc<Total> {
        let mut all = self.0.lock();
        if let Some((_, total)) = all.iter().find(|(known, _)| *known == wire) {
            return Arc::clone(total);
        }
        let total = Arc::<Total>::default();
        all.push((wire, Arc::clone(&total)));
        total
    }

    /// What the page shows of it.
    pub(super) fn family(&self) -> Family {
        let what = "Events encoded: each once for all who get it so.";
        let mut family = Family::new(Kind::Counter, "tidegate_encodings", what);
        for (wire, total) in self.0.lock().iter() {
            let compressed = if wire.compressed { "yes" } else { "no" };
            let labels = [
                ("dialect", wire.dialect.into()),
                ("transport", wire.transport.into()),
                ("compressed", compressed.into()),
            ];
            family.push(labels, total.get() as f64);
        }
        family
    }
}
