//! Reading what a client has compressed.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::TAIL;
use crate::transport::websocket::Refusal;

/// Bytes that are made room for at first; a message that is longer has more as it comes.
const FIRST: usize = 1024;

thread_local! {
    /// Serves all sessions of the thread, as each message begins anew.
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Inflates a message's payload, however it was put into blocks. No more memory is taken than for `most` bytes, and a byte.
///
/// # Errors
/// It is longer than `most`, or no DEFLATE.
pub fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, Refusal> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.reset(false);
        let mut out = Vec::new();
        for input in [packed, &TAIL] {
            feed(inflater, input, &mut out, most)?;
        }
        Ok(out)
    })
}

/// Inflates all of `input`, and all that it gives.
fn feed(inflater: &mut Decompress, mut input: &[u8], out: &mut Vec<u8>, most: usize) -> Result<(), Refusal> {
    loop {
        if out.len() == out.capacity() {
            out.reserve_exact(out.len().max(FIRST).min(most.saturating_add(1) - out.len()));
        }
        let (read, written) = (inflater.total_in(), out.len());
        let status = inflater.decompress_vec(input, out, FlushDecompress::Sync);
        let status = status.map_err(|_| Refusal::NotDeflate)?;
        let read = (inflater.total_in() - read) as usize;
        input = &input[read..];
        if out.len() > most {
            return Err(Refusal::TooBig);
        }
        if status == Status::StreamEnd {
            // A block may say that it is the last, and others follow (section 7.2.3.4).
            inflater.reset(false);
        }
        if input.is_empty() && out.len() < out.capacity() {
            return Ok(());
        }
        if read == 0 && out.len() == written && status != Status::StreamEnd {
            return Err(Refusal::NotDeflate);
        }
    }
}

#[cfg(test)]
mod tests;
