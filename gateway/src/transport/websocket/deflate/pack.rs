//! Compressing what is sent.

use std::cell::RefCell;

use fastwebsockets::OpCode;
use flate2::{Compress, Compression, FlushCompress};

use super::{COMPRESSED, TAIL, Window};
use crate::transport::websocket::frames;

/// How hard it is tried: each event is compressed once for all who get it.
const LEVEL: u32 = 6;
/// The logarithm of [`Window::Smallest`]'s compressor. With 512 bytes it looks back 250 at most, as it keeps the longest
/// match and a sign of the next free at the window's end.
const SMALLEST: u8 = 9;
/// Bytes of what was compressed last that a thread keeps room for.
const KEPT: usize = 64 * 1024;

thread_local! {
    /// Serves all sessions of the thread, as each message begins anew.
    static PACKER: RefCell<Packer> = RefCell::default();
}

/// The compressors of a thread, made when they are needed first: each takes a quarter of a MiB at most.
#[derive(Default)]
struct Packer {
    whole: Option<Compress>,
    smallest: Option<Compress>,
    /// Where a payload is compressed to: how long it becomes decides on the header that stands before it.
    out: Vec<u8>,
}

/// What a payload takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// As it was, in bytes.
    pub before: usize,
    /// Compressed; less.
    pub after: usize,
}

/// Appends `frame`, which is one of ours, with its payload compressed. `None` where it stays as it is, and nothing is
/// appended: it bears no message, or one of fewer bytes than `from`, or is compressed already, or would not be shorter.
pub fn pack(frame: &[u8], window: Window, from: usize, out: &mut Vec<u8>) -> Option<Saved> {
    let (opcode, payload) = (frame[0], &frame[head_len(frame)..]);
    let bears_message = [OpCode::Text, OpCode::Binary].into_iter().any(|kind| opcode == 0x80 | kind as u8);
    if !bears_message || payload.len() < from {
        return None;
    }
    PACKER.with_borrow_mut(|packer| {
        let saved = packer.deflate(payload, window).map(|packed| {
            let start = out.len();
            frames::data(out, frames::Kind::Binary, packed);
            out[start] = opcode | COMPRESSED;
            Saved { before: payload.len(), after: packed.len() }
        });
        packer.out.clear();
        packer.out.shrink_to(KEPT);
        saved
    })
}

/// The frames that lie in `bytes` one behind the other, all of ours and whole.
pub fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let [_, second, ..] = bytes else { return None };
        let len = match second {
            126 => usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
            127 => bytes[2..10].iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
            short => usize::from(*short),
        };
        let (frame, rest) = bytes.split_at(head_len(bytes) + len);
        bytes = rest;
        Some(frame)
    })
}

/// Bytes of the header of a frame of ours.
fn head_len(frame: &[u8]) -> usize {
    match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    }
}

impl Packer {
    /// Compresses a payload, unless that makes it no shorter.
    fn deflate(&mut self, payload: &[u8], window: Window) -> Option<&[u8]> {
        let level = Compression::new(LEVEL);
        let compressor = match window {
            Window::Whole => self.whole.get_or_insert_with(|| Compress::new(level, false)),
            Window::Smallest => {
                self.smallest.get_or_insert_with(|| Compress::new_with_window_bits(level, false, SMALLEST))
            }
        };
        compressor.reset();
        // No more room than for what is worth sending.
        self.out.reserve(payload.len());
        let done = compressor.compress_vec(payload, &mut self.out, FlushCompress::Sync).ok();
        let whole = done.is_some() && self.out.len() < self.out.capacity();
        let packed = self.out.strip_suffix(&TAIL).filter(|_| whole)?;
        (packed.len() < payload.len()).then_some(packed)
    }
}

#[cfg(test)]
mod tests;
