//! What is looked for in every stream: `#T<16 hexadecimal digits>#`, the nanoseconds at which it was sent.
//!
//! A server's frames are not parsed, so that servers of all wires are measured alike.

use memchr::memchr;

/// Bytes of a marker.
pub const LENGTH: usize = 19;

/// Space before what is read, for the start of a marker whose end had not come.
const HEADROOM: usize = LENGTH - 1;

/// The marker of a time.
pub fn marker(nanoseconds: u64) -> String {
    format!("#T{nanoseconds:016x}#")
}

/// The start of a marker whose end is still to come, of one stream.
#[derive(Debug, Default)]
pub struct Carry {
    bytes: [u8; HEADROOM],
    length: u8,
}

/// Where streams are read into, one after the other.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// One that takes so many bytes at once.
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![0; HEADROOM + size] }
    }

    /// Where the next bytes of a stream go.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[HEADROOM..]
    }

    /// The `length` bytes that were read last.
    pub fn filled(&self, length: usize) -> &[u8] {
        &self.bytes[HEADROOM..HEADROOM + length]
    }

    /// Hands the time of each marker in the `length` bytes read last, and in what `carry` has kept of the same stream, to
    /// `found`.
    pub fn scan(&mut self, length: usize, carry: &mut Carry, mut found: impl FnMut(u64)) {
        let kept = usize::from(carry.length);
        let start = HEADROOM - kept;
        self.bytes[start..HEADROOM].copy_from_slice(&carry.bytes[..kept]);
        let mut rest = &self.bytes[start..HEADROOM + length];
        carry.length = 0;
        while let Some(at) = memchr(b'#', rest) {
            rest = &rest[at..];
            match rest.first_chunk::<LENGTH>() {
                None => {
                    carry.bytes[..rest.len()].copy_from_slice(rest);
                    carry.length = rest.len() as u8; // less than LENGTH
                    return;
                }
                Some(candidate) => match time(candidate) {
                    Some(nanoseconds) => {
                        found(nanoseconds);
                        rest = &rest[LENGTH..];
                    }
                    None => rest = &rest[1..],
                },
            }
        }
    }
}

/// The time in a marker, if these bytes are one.
fn time(bytes: &[u8; LENGTH]) -> Option<u64> {
    let digits = bytes.strip_prefix(b"#T")?.strip_suffix(b"#")?;
    digits.iter().try_fold(0, |time, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(time << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Buffer, Carry, marker};

    /// What is found in a stream that comes in pieces of these lengths, in turn.
    fn found(stream: &[u8], pieces: &[usize]) -> Vec<u64> {
        let mut buffer = Buffer::new(stream.len());
        let (mut carry, mut found, mut rest) = (Carry::default(), Vec::new(), stream);
        let mut pieces = pieces.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
            buffer.space()[..piece.len()].copy_from_slice(piece);
            buffer.scan(piece.len(), &mut carry, |time| found.push(time));
            rest = after;
        }
        found
    }

    #[test]
    fn what_only_looks_like_a_marker_is_none() {
        let stream = b"##T#T00000000000000g1##T000000000000000a##T0000000000000001";
        assert_eq!(found(stream, &[100]), [10]);
    }

    proptest! {
        #[test]
        fn every_marker_is_found_once_however_the_stream_is_cut(
            times in prop::collection::vec((any::<u64>(), "[#T0-9a-fx]{0,30}"), 0..20),
            pieces in prop::collection::vec(1..60_usize, 1..10),
        ) {
            // Between two markers stands what holds none, nor the end of one.
            let between = |text: &str| format!("{}x", text.replace("#T", "#x"));
            let stream: String = times.iter().map(|(time, text)| between(text) + &marker(*time)).collect();
            let times: Vec<u64> = times.iter().map(|(time, _)| *time).collect();
            prop_assert_eq!(found(stream.as_bytes(), &pieces), times);
        }

        #[test]
        fn no_bytes_are_too_strange(stream in prop::collection::vec(any::<u8>(), 0..500), piece in 1..40_usize) {
            prop_assert_eq!(found(&stream, &[piece]), found(&stream, &[500]));
        }
    }
}
