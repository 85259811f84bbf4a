//! An event's frames, by form.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Arena, Form};

/// Forms whose frames have their place in the event itself: most gateways have no more.
const USUAL: usize = 2;
/// Forms of a page, behind those.
const PAGE: usize = 4;

/// A frame, and the memory that it lies in.
pub(super) struct Encoded {
    pub(super) frame: Bytes,
    pub(super) arena: Arc<Arena>,
}

/// See the module's documentation. Each is made once, and never changes.
#[derive(Default)]
pub(super) struct Encodings {
    usual: [OnceLock<Encoded>; USUAL],
    others: OnceLock<Box<Page>>,
}

/// Made when one of its forms, or of those behind it, is encoded first.
#[derive(Default)]
struct Page {
    places: [OnceLock<Encoded>; PAGE],
    next: OnceLock<Box<Page>>,
}

impl Page {
    /// The place of a form, by its number from this page's first on.
    fn get(&self, number: usize) -> Option<&Encoded> {
        match number.checked_sub(PAGE) {
            None => self.places[number].get(),
            Some(further) => self.next.get()?.get(further),
        }
    }

    fn set(&self, number: usize, encoded: Encoded) -> bool {
        match number.checked_sub(PAGE) {
            None => self.places[number].set(encoded).is_ok(),
            Some(further) => self.next.get_or_init(Box::default).set(further, encoded),
        }
    }
}

impl Encodings {
    pub(super) fn get(&self, form: Form) -> Option<&Encoded> {
        match form.index() {
            usual if usual < USUAL => self.usual[usual].get(),
            other => self.others.get()?.get(other - USUAL),
        }
    }

    /// Keeps it, unless there is one of this form; answers whether it did.
    pub(super) fn set(&self, form: Form, encoded: Encoded) -> bool {
        match form.index() {
            usual if usual < USUAL => self.usual[usual].set(encoded).is_ok(),
            other => self.others.get_or_init(Box::default).set(other - USUAL, encoded),
        }
    }

    /// Whether there is none of any form.
    pub(super) fn is_empty(&self) -> bool {
        // A page is made for a frame that is put there, or behind it.
        self.others.get().is_none() && self.usual.iter().all(|place| place.get().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encode, Forms, MAX_FORMS, Posted};
    use super::*;

    struct Same;

    impl Encode for Same {
        fn encode(&self, _: &Posted, _: &[u8], _: &mut Vec<u8>) -> Option<std::ops::Range<usize>> {
            None
        }
    }

    #[test]
    fn each_form_has_its_place() {
        let mut forms = Forms::default();
        let all: Vec<Form> = (0..MAX_FORMS).map(|_| forms.add(Same)).collect();
        let encoded = |text: String| {
            let (len, arena) = (text.len(), Arc::new(Arena::new(text.into_bytes())));
            Encoded { frame: arena.slice(0..len), arena }
        };
        let encodings = Encodings::default();
        assert!(encodings.is_empty());
        for form in all.iter().rev() {
            assert!(encodings.get(*form).is_none());
            assert!(encodings.set(*form, encoded(form.index().to_string())));
            assert!(!encodings.set(*form, encoded("again".to_owned())) && !encodings.is_empty());
        }
        for form in all {
            let frame = encodings.get(form).map(|encoded| encoded.frame.clone());
            assert_eq!(frame, Some(form.index().to_string().into()));
        }
    }
}
