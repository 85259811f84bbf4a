//! A client whose messages come compressed.

use std::cell::RefCell;
use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress};

use crate::websocket;

/// Bytes of the stream that are read at once: inflated they have to fit the space of a read.
const READ: usize = 8 << 10;
/// The bit of a frame's first byte that says that its message is compressed.
const COMPRESSED: u8 = 0x40;
/// What a sender leaves out at the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// What has come of a frame that is not whole.
#[derive(Default)]
pub(super) struct Inflater(Vec<u8>);

/// The message that was inflated last, which mostly is the next member's, too.
#[derive(Default)]
struct Last {
    packed: Vec<u8>,
    inflated: Vec<u8>,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

impl Inflater {
    /// Reads once, and puts what has come whole into `space`: payloads of compressed messages inflated, other frames as they
    /// are. 0 at the end, and `WouldBlock` where nothing is whole.
    pub(super) fn read(&mut self, stream: &mut impl Read, space: &mut [u8]) -> io::Result<usize> {
        let mut come = [0; READ];
        let length = stream.read(&mut come)?;
        if length == 0 {
            return Ok(0);
        }
        self.0.extend_from_slice(&come[..length]);
        let (mut taken, mut put) = (0, 0);
        while let Some((first, payload, length)) = websocket::frame_of(&self.0[taken..]) {
            let mut show = |bytes: &[u8]| {
                let place = space.get_mut(put..put + bytes.len());
                place
                    .ok_or_else(|| io::Error::other("more is inflated than is read at once"))?
                    .copy_from_slice(bytes);
                put += bytes.len();
                Ok::<_, io::Error>(())
            };
            match first & COMPRESSED {
                0 => show(&self.0[taken..taken + length])?,
                _ => LAST.with_borrow_mut(|last| last.inflate(payload).and_then(&mut show))?,
            }
            taken += length;
        }
        self.0.drain(..taken);
        if put == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(put) }
    }
}

impl Last {
    fn inflate(&mut self, packed: &[u8]) -> io::Result<&[u8]> {
        if self.packed != packed {
            self.packed = packed.to_vec();
            self.inflated.clear();
            let (mut inflater, all) = (Decompress::new(false), [packed, &TAIL].concat());
            while (inflater.total_in() as usize) < all.len() {
                self.inflated.reserve(READ);
                let rest = &all[inflater.total_in() as usize..];
                inflater
                    .decompress_vec(rest, &mut self.inflated, FlushDecompress::Sync)
                    .map_err(io::Error::other)?;
            }
        }
        Ok(&self.inflated)
    }
}
