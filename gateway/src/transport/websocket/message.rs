//! A client's messages, put together from the frames that the reader hands on.

use bytes::Bytes;
use fastwebsockets::OpCode;

use super::deflate::inflate;
use super::refusal::Refusal;
use super::shim::Begun;

/// What a client has sent. A payload may be a slice of the reader's buffer, which lives as long as
/// the payload does: it is meant to be handled at once, not to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Valid UTF-8.
    Text(Bytes),
    /// Any bytes.
    Binary(Bytes),
    /// Asks for a pong with the same payload, at most 125 bytes.
    Ping(Bytes),
    /// The answer to a ping, or a sign of life that nobody asked for.
    Pong(Bytes),
    /// The client closes, or answers our close.
    Close {
        /// One that an endpoint may send; none when the frame was empty.
        code: Option<u16>,
        /// At most 123 bytes.
        reason: String,
    },
}

impl Message {
    /// Bytes of the payload, for a caller that counts what a session costs.
    pub fn cost(&self) -> usize {
        match self {
            Self::Text(payload) | Self::Binary(payload) | Self::Ping(payload) | Self::Pong(payload) => {
                payload.len()
            }
            Self::Close { reason, .. } => reason.len(),
        }
    }
}

/// The message that has begun and not ended. How long it may become is the shim's to judge, but for one that is inflated
/// here.
#[derive(Debug)]
pub(super) struct Assembly {
    /// Bytes of an inflated message at most.
    most: usize,
    begun: Begun,
    text: bool,
    payload: Vec<u8>,
    /// Bytes of a text that are known to be UTF-8; what follows is the start of one character.
    checked: usize,
}

impl Assembly {
    /// For messages of `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, begun: Begun::Plain, text: false, payload: Vec::new(), checked: 0 }
    }

    /// A message begins with the next data frame.
    pub(super) fn begin(&mut self, begun: Begun) {
        self.begun = begun;
    }

    /// Takes a frame in. Answers a message when that has made one whole.
    ///
    /// # Errors
    /// A text as soon as it cannot become UTF-8, what cannot be inflated or becomes too long by that, and a close frame that
    /// is not well-formed.
    pub(super) fn take(
        &mut self,
        fin: bool,
        opcode: OpCode,
        payload: Bytes,
    ) -> Result<Option<Message>, Refusal> {
        Ok(match opcode {
            OpCode::Ping => Some(Message::Ping(payload)),
            OpCode::Pong => Some(Message::Pong(payload)),
            OpCode::Close => Some(close(&payload)?),
            _ if self.begun != Begun::Plain => self.take_compressed(fin, &payload)?,
            // The reader has checked a text that is whole.
            OpCode::Text if fin => Some(Message::Text(payload)),
            OpCode::Binary if fin => Some(Message::Binary(payload)),
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                self.text |= opcode == OpCode::Text;
                self.append(&payload, fin)?;
                fin.then(|| self.finish())
            }
        })
    }

    /// Takes the next frame of a compressed message in.
    fn take_compressed(&mut self, fin: bool, payload: &[u8]) -> Result<Option<Message>, Refusal> {
        if !fin {
            self.payload.extend_from_slice(payload);
            return Ok(None);
        }
        let inflated = match self.payload.is_empty() {
            true => inflate(payload, self.most)?,
            false => {
                self.payload.extend_from_slice(payload);
                inflate(&self.payload, self.most)?
            }
        };
        let text = self.begun == Begun::CompressedText;
        *self = Self::new(self.most);
        match text {
            false => Ok(Some(Message::Binary(inflated.into()))),
            true if std::str::from_utf8(&inflated).is_ok() => Ok(Some(Message::Text(inflated.into()))),
            true => Err(Refusal::TextNotUtf8),
        }
    }

    fn append(&mut self, payload: &[u8], last: bool) -> Result<(), Refusal> {
        self.payload.extend_from_slice(payload);
        if !self.text {
            return Ok(());
        }
        match std::str::from_utf8(&self.payload[self.checked..]) {
            Ok(rest) => self.checked += rest.len(),
            Err(error) if error.error_len().is_none() && !last => self.checked += error.valid_up_to(),
            Err(_) => return Err(Refusal::TextNotUtf8),
        }
        Ok(())
    }

    fn finish(&mut self) -> Message {
        let Self { text, payload, .. } = std::mem::replace(self, Self::new(self.most));
        if text { Message::Text(payload.into()) } else { Message::Binary(payload.into()) }
    }
}

/// Reads a close frame's payload.
fn close(payload: &[u8]) -> Result<Message, Refusal> {
    match payload {
        [] => Ok(Message::Close { code: None, reason: String::new() }),
        [_] => Err(Refusal::CloseTruncated),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(Refusal::CloseCode);
            }
            let reason = std::str::from_utf8(reason).map_err(|_| Refusal::CloseNotUtf8)?;
            Ok(Message::Close { code: Some(code), reason: reason.to_owned() })
        }
    }
}

/// Whether an endpoint may send this close code: RFC 6455, section 7.4, and those that IANA has
/// registered since.
const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(frames: &[(OpCode, bool, &[u8])]) -> Result<Option<Message>, Refusal> {
        let mut assembly = Assembly::new(1024);
        let mut whole = None;
        for &(opcode, fin, payload) in frames {
            whole = assembly.take(fin, opcode, Bytes::copy_from_slice(payload))?;
        }
        Ok(whole)
    }

    #[test]
    fn a_character_may_be_cut_between_fragments() {
        let text = "κόσμε 𝄞".as_bytes();
        for cut in 0..=text.len() {
            let (start, end) = text.split_at(cut);
            let whole = assemble(&[(OpCode::Text, false, start), (OpCode::Continuation, true, end)]);
            assert_eq!(whole, Ok(Some(Message::Text(Bytes::from_static(text)))), "cut at {cut}");
        }
    }

    #[test]
    fn text_is_refused_at_its_first_wrong_byte() {
        let cases: [(&[u8], &[u8]); 4] =
            [(b"\xf4", b"\x90"), (b"\xed", b"\xa0"), (b"ab\xce", b"a"), (b"ok", b"\xc0")];
        for (start, end) in cases {
            let first = (OpCode::Text, false, start);
            assert_eq!(assemble(&[first]), Ok(None), "{start:x?} may still become UTF-8");
            let then = (OpCode::Continuation, false, end);
            assert_eq!(assemble(&[first, then]), Err(Refusal::TextNotUtf8), "{start:x?} {end:x?}");
        }
    }

    #[test]
    fn text_does_not_end_within_a_character() {
        let frames: [(OpCode, bool, &[u8]); 2] =
            [(OpCode::Text, false, b"a\xce"), (OpCode::Continuation, true, b"")];
        assert_eq!(assemble(&frames), Err(Refusal::TextNotUtf8));
    }

    #[test]
    fn binary_is_any_bytes_and_a_text_before_it_leaves_no_trace() {
        let frames: [(OpCode, bool, &[u8]); 4] = [
            (OpCode::Text, false, b"a"),
            (OpCode::Continuation, true, b"b"),
            (OpCode::Binary, false, b"\xff"),
            (OpCode::Continuation, true, b"\xfe"),
        ];
        assert_eq!(assemble(&frames), Ok(Some(Message::Binary(Bytes::from_static(b"\xff\xfe")))));
    }

    #[test]
    fn control_frames_come_between_fragments() {
        let frames: [(OpCode, bool, &[u8]); 3] =
            [(OpCode::Text, false, b"a"), (OpCode::Ping, true, b"p"), (OpCode::Continuation, true, b"b")];
        assert_eq!(assemble(&frames[..2]), Ok(Some(Message::Ping(Bytes::from_static(b"p")))));
        assert_eq!(assemble(&frames), Ok(Some(Message::Text(Bytes::from_static(b"ab")))));
    }

    #[test]
    fn a_close_frame_is_empty_or_has_a_valid_code_and_reason() {
        let reason = "x".repeat(123);
        let longest = [&1000_u16.to_be_bytes(), reason.as_bytes()].concat();
        assert_eq!(close(b""), Ok(Message::Close { code: None, reason: String::new() }));
        assert_eq!(close(&longest), Ok(Message::Close { code: Some(1000), reason }));
        assert_eq!(close(b"\x03"), Err(Refusal::CloseTruncated));
        assert_eq!(close(b"\x03\xe8\xce"), Err(Refusal::CloseNotUtf8));
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999] {
            assert!(close(&u16::to_be_bytes(code)).is_ok(), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            assert_eq!(close(&u16::to_be_bytes(code)), Err(Refusal::CloseCode), "{code}");
        }
    }
}
