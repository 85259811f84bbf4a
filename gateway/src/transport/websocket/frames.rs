//! The frames that we send (RFC 6455, section 5.2): not masked, never fragmented, the header in
//! front of the payload in one buffer. Nothing is allocated but by the buffer itself.

use bytes::BufMut;
use fastwebsockets::OpCode;

use super::head::MAX_CONTROL;

/// The longest header of ours: two bytes and a 64-bit length.
pub const MAX_HEAD: usize = 10;
/// The longest reason that fits beside a close frame's code.
pub const MAX_REASON: usize = MAX_CONTROL - 2;

/// What a data frame's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl Kind {
    const fn opcode(self) -> OpCode {
        match self {
            Self::Text => OpCode::Text,
            Self::Binary => OpCode::Binary,
        }
    }
}

/// Bytes that the header of a payload of `len` bytes takes: 2, 4 or 10.
pub const fn head_len(len: usize) -> usize {
    match len {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => MAX_HEAD,
    }
}

/// Puts the header of a payload of `len` bytes, which the caller puts behind it.
pub fn head(out: &mut impl BufMut, kind: Kind, len: usize) {
    put_head(out, kind.opcode(), len);
}

/// Puts a whole frame.
pub fn data(out: &mut impl BufMut, kind: Kind, payload: &[u8]) {
    head(out, kind, payload.len());
    out.put_slice(payload);
}

/// Completes a frame whose payload was encoded before its length was known: `frame` is
/// [`MAX_HEAD`] bytes of room and the payload behind them, of which `more` bytes are still to come.
/// Answers where the frame begins.
///
/// # Panics
/// If `frame` has less than the room.
pub fn head_in_front(frame: &mut [u8], kind: Kind, more: usize) -> usize {
    let len = frame.len() - MAX_HEAD + more;
    let start = MAX_HEAD - head_len(len);
    put_head(&mut &mut frame[start..], kind.opcode(), len);
    start
}

/// Puts a ping; of a payload only what a control frame may hold.
pub fn ping(out: &mut impl BufMut, payload: &[u8]) {
    control(out, OpCode::Ping, payload);
}

/// Puts the pong that answers a ping with this payload.
pub fn pong(out: &mut impl BufMut, payload: &[u8]) {
    control(out, OpCode::Pong, payload);
}

/// Puts a close frame: empty without a code, and a reason cut to [`MAX_REASON`] bytes at the end
/// of a character.
pub fn close(out: &mut impl BufMut, code: Option<u16>, reason: &str) {
    let Some(code) = code else { return put_head(out, OpCode::Close, 0) };
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    put_head(out, OpCode::Close, 2 + reason.len());
    out.put_u16(code);
    out.put_slice(reason.as_bytes());
}

fn control(out: &mut impl BufMut, opcode: OpCode, payload: &[u8]) {
    let payload = &payload[..payload.len().min(MAX_CONTROL)];
    put_head(out, opcode, payload.len());
    out.put_slice(payload);
}

fn put_head(out: &mut impl BufMut, opcode: OpCode, len: usize) {
    out.put_u8(0x80 | opcode as u8);
    match head_len(len) {
        2 => out.put_u8(len as u8),
        4 => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_its_shortest_form() {
        let forms: [(usize, &[u8]); 6] = [
            (0, &[0x82, 0]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (1 << 32, &[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]),
        ];
        for (len, expected) in forms {
            let mut out = Vec::new();
            head(&mut out, Kind::Binary, len);
            assert_eq!(out, expected);
            assert_eq!(head_len(len), expected.len());
        }
    }

    #[test]
    fn a_header_put_in_front_makes_the_same_frame() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            let mut whole = Vec::new();
            data(&mut whole, Kind::Text, &payload);
            let mut late = vec![0; MAX_HEAD];
            late.extend_from_slice(&payload);
            let start = head_in_front(&mut late, Kind::Text, 0);
            assert_eq!(&late[start..], whole, "{len} bytes");
            let start = head_in_front(&mut late[..MAX_HEAD], Kind::Text, len);
            assert_eq!(&late[start..], whole, "{len} bytes, all to come");
        }
    }

    #[test]
    fn a_pong_carries_the_pings_payload() {
        let mut out = Vec::new();
        pong(&mut out, b"abc");
        ping(&mut out, b"");
        assert_eq!(out, b"\x8a\x03abc\x89\x00");
    }

    #[test]
    fn a_close_frame_is_never_longer_than_a_control_frame_may_be() {
        let mut out = Vec::new();
        close(&mut out, Some(1000), &"é".repeat(100));
        assert_eq!(out.len(), 2 + 2 + 122, "cut before half a character");
        assert_eq!(&out[..4], [0x88, 124, 0x03, 0xe8]);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
        out.clear();
        close(&mut out, Some(1001), &"x".repeat(MAX_REASON));
        assert_eq!(out.len(), 2 + MAX_CONTROL);
    }

    #[test]
    fn a_close_without_a_code_is_empty() {
        let mut out = Vec::new();
        close(&mut out, None, "dropped: a reason needs a code");
        assert_eq!(out, [0x88, 0]);
    }
}
