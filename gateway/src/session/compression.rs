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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::dialect::RoomsFrame;
    use crate::frame::{Cursor, Epoch, Event, EventType, RoomId, Timestamp};
    use crate::transport::Framing;

    fn deflated(window: Window, metrics: &Arc<Metrics>) -> Deflated {
        let plain = Box::new(RoomsFrame(Framing::WebSocket));
        Deflated { plain, window, from: 100, metrics: Arc::clone(metrics) }
    }

    fn posted(data: Bytes) -> Arc<Posted> {
        let event = Event::new(EventType { number: 0, name: "a".into() }, data, "s".into(), Timestamp(0));
        let room = RoomId { number: 1, name: "r".into(), class: 0 };
        Arc::new(Posted::new(event, room, Cursor { epoch: Epoch(1), offset: 1 }, true, Instant::now()))
    }

    #[test]
    fn an_event_that_is_kept_pins_no_memory_of_its_publisher_though_no_frame_has_it_as_it_was() {
        let metrics = Metrics::new(1);
        let mut forms = crate::frame::Forms::default();
        forms.add(RoomsFrame(Framing::WebSocket));
        let packed = forms.add(deflated(Window::Whole, &metrics));
        let memory = Bytes::from(format!("\"{}\"", "x".repeat(1000)).into_bytes());
        let posted = posted(memory.clone());
        let batch = [Arc::clone(&posted)];
        let frames = forms.frames(packed, &batch);
        assert!(frames.total < 200, "{} bytes", frames.total);
        assert!(!memory.is_unique(), "the publisher's memory is what the payload lies in");
        forms.own(&posted);
        assert!(memory.is_unique());
        assert_eq!(posted.payload(), memory);
        forms.frames(packed, &batch);
        assert_eq!(
            posted.frame(packed).map(|frame| frame.as_ptr()),
            Some(frames.each[0].as_ptr()),
            "made once"
        );
    }

    #[test]
    fn replies_are_compressed_where_they_are_long_enough() {
        use crate::transport::websocket::frames::{Kind, data};
        let metrics = Metrics::new(1);
        let compression = Compression { from: 100, forms: Box::default() };
        let (mut short, mut long, mut out) = (Vec::new(), Vec::new(), Vec::new());
        data(&mut short, Kind::Text, &[b'x'; 99]);
        data(&mut long, Kind::Text, &[b'x'; 100]);
        let both = [&*short, &*long, &*short].concat();
        compression.pack(&both, Window::Whole, &metrics, &mut out);
        let frames: Vec<_> = deflate::frames(&out).collect();
        assert_eq!((frames[0], frames[2], frames.len()), (&*short, &*short, 3));
        assert_eq!((frames[1][0], frames[1].len() < long.len()), (0xc1, true));
    }
}
