//! An event as a packet of the `socketio` dialect.

use std::io::Write;
use std::ops::Range;

use crate::frame::json::put_string;
use crate::frame::{Encode, Posted};
use crate::transport::Framing;

/// `["<type>",{"type","timestamp","data","source"}]` in a namespace.
pub struct SocketIoFrame {
    /// The packet's beginning, as `2/ws,`.
    prefix: Box<str>,
}

/// What stands before what is told in a namespace.
pub(super) fn prefix(kind: char, namespace: &str) -> String {
    match namespace {
        "/" => kind.to_string(),
        other => format!("{kind}{other},"),
    }
}

impl SocketIoFrame {
    /// For events in `namespace`.
    pub fn new(namespace: &str) -> Self {
        Self { prefix: prefix('2', namespace).into() }
    }
}

impl Encode for SocketIoFrame {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        let before = |out: &mut Vec<u8>| {
            out.extend_from_slice(self.prefix.as_bytes());
            out.push(b'[');
            put_string(out, &posted.kind.name);
            out.extend_from_slice(br#",{"type":"#);
            put_string(out, &posted.kind.name);
            // Writing to memory does not fail.
            let _infallible = write!(out, r#","timestamp":"{}","data":"#, posted.time);
        };
        let behind = |out: &mut Vec<u8>| {
            out.extend_from_slice(br#","source":"#);
            put_string(out, &posted.source);
            out.extend_from_slice(b"}]");
        };
        Framing::EngineIo.around(out, before, payload, behind)
    }

    fn names_room(&self) -> bool {
        false
    }
}
