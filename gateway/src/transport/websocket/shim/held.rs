//! What cannot be judged yet.

use tokio::io::ReadBuf;

use super::super::head::{MAX_CONTROL, MAX_HEAD};

/// The start of a header or of a control frame, until it is whole.
pub(super) struct Held {
    pub(super) bytes: [u8; Self::ROOM],
    pub(super) len: usize,
    /// Bytes at which they can be judged again; as many as there are once they may go on.
    pub(super) need: usize,
    /// Bytes of a whole frame that have gone on.
    gone: usize,
}

impl Held {
    /// The longest control frame; every header is shorter.
    pub(super) const ROOM: usize = 6 + MAX_CONTROL;

    pub(super) fn keep(&mut self, bytes: &[u8], need: usize) {
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.len = bytes.len();
        self.need = need;
    }

    /// Room for the bytes that are missing.
    pub(super) fn missing(&mut self) -> &mut [u8] {
        &mut self.bytes[self.len..self.need]
    }

    /// Hands on as much of a whole frame as fits. Answers whether there was one.
    pub(super) fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if self.len == 0 || self.len < self.need {
            return false;
        }
        let count = (self.len - self.gone).min(buf.remaining());
        buf.put_slice(&self.bytes[self.gone..][..count]);
        self.gone += count;
        if self.gone == self.len {
            *self = Self::default();
        }
        true
    }
}

impl Default for Held {
    fn default() -> Self {
        Self { bytes: [0; Self::ROOM], len: 0, need: 0, gone: 0 }
    }
}

const _: () = assert!(MAX_HEAD <= Held::ROOM);
