//! What is sent compressed, to clients that have agreed on that.

use std::ops::Range;
use std::sync::Arc;

use crate::frame::{Encode, Form, Posted};
use crate::metrics::Metrics;
use crate::transport::websocket::deflate::{self, Window};

/// An endpoint's way to compress.
pub struct Compression {
    /// Messages of fewer bytes go as they are.
    pub from: usize,
    /// The forms of its events: as they are, and compressed for each window.
    pub forms: Box<[Forms]>,
}

/// The forms of events that look the same once they are inflated.
#[derive(Clone, Copy, Debug)]
pub struct Forms {
    /// As they are.
    pub plain: Form,
    /// For [`Window::Whole`].
    pub whole: Form,
    /// For [`Window::Smallest`].
    pub smallest: Form,
}

impl Compression {
    /// The form for a client that has agreed on `window`, of events that are otherwise of the form `plain`.
    pub(super) fn form(&self, plain: Form, window: Window) -> Form {
        let forms = self.forms.iter().find(|forms| forms.plain == plain);
        forms.map_or(plain, |forms| match window {
            Window::Whole => forms.whole,
            Window::Smallest => forms.smallest,
        })
    }

    /// Appends `frames`, of which those are compressed that become shorter by it.
    pub(super) fn pack(&self, frames: &[u8], window: Window, metrics: &Metrics, out: &mut Vec<u8>) {
        for frame in deflate::frames(frames) {
            match deflate::pack(frame, window, self.from, out) {
                Some(saved) => metrics.compression.count(saved.before, saved.after),
                None => out.extend_from_slice(frame),
            }
        }
    }
}

/// Events of another form, compressed: once for all who get them.
pub struct Deflated {
    /// Writes them as they are.
    pub plain: Box<dyn Encode>,
    /// For clients with this window.
    pub window: Window,
    /// Messages of fewer bytes go as they are.
    pub from: usize,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

impl Encode for Deflated {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        let start = out.len();
        let place = self.plain.encode(posted, payload, out);
        let mut packed = Vec::new();
        let Some(saved) = deflate::pack(&out[start..], self.window, self.from, &mut packed) else {
            return place;
        };
        self.metrics.compression.count(saved.before, saved.after);
        out.truncate(start);
        out.extend_from_slice(&packed);
        None
    }

    fn names_room(&self) -> bool {
        self.plain.names_room()
    }
}
