//! An event's frames, by form.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Arena, Form, MAX_FORMS};

/// Forms whose frames have their place in the event itself: most gateways have no more.
const USUAL: usize = 2;

/// A frame, and the memory that it lies in.
pub(super) struct Encoded {
    pub(super) frame: Bytes,
    pub(super) arena: Arc<Arena>,
}

/// See the module's documentation. Each is made once, and never changes.
#[derive(Default)]
pub(super) struct Encodings {
    usual: [OnceLock<Encoded>; USUAL],
    /// Made when the first of these forms is encoded.
    others: OnceLock<Box<[OnceLock<Encoded>; MAX_FORMS - USUAL]>>,
}

impl Encodings {
    pub(super) fn get(&self, form: Form) -> Option<&Encoded> {
        match form.index() {
            usual if usual < USUAL => self.usual[usual].get(),
            other => self.others.get()?[other - USUAL].get(),
        }
    }

    /// Keeps it, unless there is one of this form; answers whether it did.
    pub(super) fn set(&self, form: Form, encoded: Encoded) -> bool {
        let place = match form.index() {
            usual if usual < USUAL => &self.usual[usual],
            other => &self.others.get_or_init(Box::default)[other - USUAL],
        };
        place.set(encoded).is_ok()
    }

    /// Whether there is none of any form.
    pub(super) fn is_empty(&self) -> bool {
        let others = self.others.get().into_iter().flat_map(|others| others.iter());
        self.usual.iter().chain(others).all(|place| place.get().is_none())
    }
}
