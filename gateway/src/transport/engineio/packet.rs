//! Packets, and payloads of polls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};

/// What stands between the packets of a payload.
const SEPARATOR: u8 = 0x1e;
/// What a binary packet of a payload begins with; base64 follows.
const BINARY: u8 = b'b';
/// Packets of one payload at most.
pub const MOST_PACKETS: usize = 10_000;

/// A packet of a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// It ends the session.
    Close,
    /// The sign of life that it was asked for.
    Pong,
    /// A message in text, which need not be UTF-8 before it is looked at.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// Nothing.
    Noop,
}

/// It is no packet that a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a packet of Engine.IO")]
pub struct Bad;

impl Packet {
    /// Reads the text of one.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn parse(text: Bytes) -> Result<Self, Bad> {
        match &*text {
            [b'1'] => Ok(Self::Close),
            [b'3', ..] => Ok(Self::Pong),
            [b'4', ..] => Ok(Self::Text(text.slice(1..))),
            [b'6'] => Ok(Self::Noop),
            _ => Err(Bad),
        }
    }

    /// Takes the first packet off what is left of a payload; none where nothing is.
    ///
    /// # Errors
    /// [`Bad`].
    pub fn next(payload: &mut Bytes) -> Result<Option<Self>, Bad> {
        if payload.is_empty() {
            return Ok(None);
        }
        let end = payload.iter().position(|byte| *byte == SEPARATOR).unwrap_or(payload.len());
        let packet = payload.split_to(end);
        payload.advance(usize::from(!payload.is_empty()));
        match &*packet {
            [BINARY, rest @ ..] => {
                STANDARD.decode(rest).map(|bytes| Some(Self::Binary(bytes.into()))).map_err(|_| Bad)
            }
            _ => Self::parse(packet).map(Some),
        }
    }

    /// Whether each packet of a payload begins as one does, and there are not too many.
    pub fn could_be(payload: &[u8]) -> bool {
        let mut packets = 0;
        let all = payload.split(|byte| *byte == SEPARATOR).all(|packet| {
            packets += 1;
            matches!(packet, [b'1' | b'3' | b'4' | b'6' | BINARY, ..])
        });
        all && packets <= MOST_PACKETS
    }
}

/// Bytes that are missing at the end of `frames`, as far as it is known; none where they are whole.
pub(super) fn missing(mut frames: &[u8]) -> Option<usize> {
    while !frames.is_empty() {
        let Some((_, head, len)) = split(frames) else { return Some(1) };
        match frames.get(head + len..) {
            Some(rest) => frames = rest,
            None => return Some(head + len - frames.len()),
        }
    }
    None
}

/// Takes all whole frames off `frames`, which are ours, and appends their packets to a payload. Frames that belong to a WebSocket
/// alone are left out.
pub(super) fn put(frames: &mut BytesMut, payload: &mut Vec<u8>) {
    while let Some((first, head, len)) = split(frames).filter(|(_, head, len)| frames.len() >= head + len) {
        let frame = frames.split_to(head + len);
        let opcode = first & 0x0f;
        if opcode > 2 {
            continue;
        }
        if !payload.is_empty() {
            payload.push(SEPARATOR);
        }
        match opcode {
            1 => payload.extend_from_slice(&frame[head..]),
            _ => {
                payload.push(BINARY);
                payload.extend_from_slice(STANDARD.encode(&frame[head..]).as_bytes());
            }
        }
    }
}

/// The first byte of the first frame, the length of its header, and that of its payload.
fn split(frames: &[u8]) -> Option<(u8, usize, usize)> {
    match *frames {
        [first, 126, a, b, ..] => Some((first, 4, usize::from(u16::from_be_bytes([a, b])))),
        [first, 127, ref rest @ ..] => {
            let length = rest.first_chunk::<8>()?;
            Some((first, 10, usize::try_from(u64::from_be_bytes(*length)).ok()?))
        }
        [_, 126, ..] => None,
        [first, length, ..] => Some((first, 2, usize::from(length))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::Framing;

    fn all(payload: &'static [u8]) -> Result<Vec<Packet>, Bad> {
        let mut rest = Bytes::from_static(payload);
        std::iter::from_fn(|| Packet::next(&mut rest).transpose()).collect()
    }

    #[test]
    fn a_payload_is_its_packets() {
        let text = |text: &'static str| Packet::Text(Bytes::from_static(text.as_bytes()));
        assert_eq!(
            all(b"4hello\x1e3\x1ebAQIDBA==\x1e1"),
            Ok(vec![
                text("hello"),
                Packet::Pong,
                Packet::Binary(Bytes::from_static(&[1, 2, 3, 4])),
                Packet::Close,
            ])
        );
        for bad in [&b"abc"[..], b"0", b"2", b"5", b"b!", b"4\x1e\x1e4"] {
            assert_eq!(all(bad), Err(Bad), "{bad:?}");
        }
        assert!(!Packet::could_be(b"4\x1e\x1e4") && !Packet::could_be(b"abc") && !Packet::could_be(b""));
        assert!(!Packet::could_be("3\u{1e}".repeat(MOST_PACKETS + 1).trim_end_matches('\u{1e}').as_bytes()));
    }

    proptest! {
        #[test]
        fn what_is_polled_is_what_a_websocket_would_have_got(
            messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..70_000)), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut frames = Vec::new();
            for (text, message) in &messages {
                match text {
                    true => Framing::EngineIo.text(&mut frames, message),
                    false => Framing::EngineIo.binary(&mut frames, message),
                }
            }
            Framing::EngineIo.ping(&mut frames);
            let cut = cut.index(frames.len() + 1);
            let (mut taken, mut payload) = (BytesMut::from(&frames[..cut]), Vec::new());
            put(&mut taken, &mut payload);
            taken.extend_from_slice(&frames[cut..]);
            put(&mut taken, &mut payload);
            prop_assert!(taken.is_empty());
            // A text message may hold the separator here, and none that is JSON does.
            let mut wanted = Vec::new();
            for (text, message) in &messages {
                match text {
                    true => { wanted.push(b'4'); wanted.extend_from_slice(message); }
                    false => { wanted.push(b'b'); wanted.extend_from_slice(STANDARD.encode(message).as_bytes()); }
                }
                wanted.push(SEPARATOR);
            }
            wanted.push(b'2');
            prop_assert_eq!(payload, wanted);
        }

        #[test]
        fn no_payload_makes_more_packets_than_it_has_bytes(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut rest = Bytes::from(payload.clone());
            let mut packets = 0;
            while let Ok(Some(_)) = Packet::next(&mut rest) {
                packets += 1;
                prop_assert!(packets <= payload.len());
            }
        }
    }
}
