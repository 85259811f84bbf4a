//! As much of WebSocket as a load needs: the request to upgrade, frames that a client sends, and pings that it answers.

/// What a server that checks nothing answers to each request to upgrade.
pub const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// The bit of the length that says that a key follows.
const MASKED: u8 = 0x80;

/// The request with which a client begins.
pub fn upgrade(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// A client's text frame, masked with the key of zeros, which is as good as any for a server and costs a client nothing.
pub fn text(payload: &[u8], out: &mut Vec<u8>) {
    frame(TEXT, payload, out);
}

fn frame(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    match payload.len() {
        short @ 0..126 => out.push(MASKED | short as u8),
        middle @ 126..0x1_0000 => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Where a frame's parts are: after its header, with its key, and with its payload.
struct Parts {
    header: usize,
    key: usize,
    end: usize,
}

/// The parts of the frame that `bytes` begin with, if it is whole.
fn parts(bytes: &[u8]) -> Option<Parts> {
    let second = *bytes.get(1)?;
    let (header, length): (usize, u64) = match second & !MASKED {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    let key = header + if second & MASKED == 0 { 0 } else { 4 };
    let end = key.checked_add(usize::try_from(length).ok()?)?;
    (end <= bytes.len()).then_some(Parts { header, key, end })
}

/// Takes the whole frames of a client out of `bytes`, as a server sends them on.
pub fn unmask(bytes: &mut Vec<u8>) -> Vec<u8> {
    let (mut frames, mut taken) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(Parts { header, key, end }) = parts(&bytes[taken..]) {
        let frame = &bytes[taken..taken + end];
        let start = frames.len();
        frames.extend_from_slice(&frame[..header]);
        frames[start + 1] &= !MASKED;
        match &frame[header..key] {
            [] | [0, 0, 0, 0] => frames.extend_from_slice(&frame[key..]),
            mask => {
                frames.extend(frame[key..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask))
            }
        }
        taken += end;
    }
    bytes.drain(..taken);
    frames
}

/// The answers to the pings among a server's frames, which begin where `bytes` begin; what is not whole is passed over.
pub fn pongs(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(Parts { key, end, .. }) = parts(bytes) {
        if bytes[0] == PING {
            frame(PONG, &bytes[key..end], out);
        }
        bytes = &bytes[end..];
    }
}

/// The text of the first frame in a server's `bytes`, if that is whole, and its length; of what is no text, nothing. A ping is answered.
pub fn first<'a>(bytes: &'a [u8], pongs: &mut Vec<u8>) -> Option<(&'a [u8], usize)> {
    let Parts { key, end, .. } = parts(bytes)?;
    match bytes[0] {
        TEXT => Some((&bytes[key..end], end)),
        PING => {
            frame(PONG, &bytes[key..end], pongs);
            Some((&[], end))
        }
        _ => Some((&[], end)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{pongs, text, unmask};

    #[test]
    fn a_ping_is_answered_with_what_it_holds() {
        let mut answers = Vec::new();
        pongs(b"\x81\x02hi\x89\x03abc\x89\x00\x89\x05ab", &mut answers);
        assert_eq!(answers, b"\x8a\x83\0\0\0\0abc\x8a\x80\0\0\0\0");
    }

    #[test]
    fn a_key_is_taken_off() {
        let mut frames = b"\x81\x83\x01\x02\x03\x04\x60\x60\x60".to_vec();
        assert_eq!((unmask(&mut frames).as_slice(), frames.len()), (b"\x81\x03abc".as_slice(), 0));
    }

    proptest! {
        #[test]
        fn frames_of_all_lengths_are_sent_on_whole(
            lengths in prop::collection::vec(prop_oneof![0..200_usize, 65_500..65_600_usize], 1..5),
            cut in 1..100_usize,
        ) {
            let (mut masked, mut plain) = (Vec::new(), Vec::new());
            for length in lengths {
                let payload = vec![b'x'; length];
                text(&payload, &mut masked);
                plain.push(0x81);
                match length {
                    0..126 => plain.push(length as u8),
                    126..65_536 => plain.extend([126, (length >> 8) as u8, length as u8]),
                    _ => plain.extend([[127].as_slice(), &(length as u64).to_be_bytes()].concat()),
                }
                plain.extend(payload);
            }
            let cut = masked.len().saturating_sub(cut);
            let mut come = masked[..cut].to_vec();
            let mut sent = unmask(&mut come);
            come.extend_from_slice(&masked[cut..]);
            sent.extend(unmask(&mut come));
            prop_assert!(sent == plain && come.is_empty());
        }

        #[test]
        fn no_bytes_are_too_strange(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            pongs(&bytes, &mut Vec::new());
            unmask(&mut bytes);
        }
    }
}
