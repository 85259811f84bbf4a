//! The rules over frames: which may follow which, and how much they may add up to.

use fastwebsockets::OpCode;

use super::head::Head;
use super::refusal::Refusal;

/// What a client's messages may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message over all its fragments, and so of each frame; of a compressed one inflated.
    pub message: usize,
    /// Frames that a message may have before its last one; with 0 none may be fragmented. Empty
    /// ones cost no memory, but they cost time.
    pub fragments: u32,
}

/// Where a session stands between data frames.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// A fragmented message has begun and not ended.
    open: bool,
    /// The open message is compressed.
    compressed: bool,
    /// Bytes announced of the open message.
    bytes: u64,
    /// Frames of the open message.
    fragments: u32,
}

impl Order {
    /// Takes the header of a data frame into account, before its payload is there.
    ///
    /// # Errors
    /// A frame that may not stand here, or with which the message goes over a limit.
    pub(super) fn admit(&mut self, head: &Head, limits: Limits) -> Result<(), Refusal> {
        match (head.opcode, self.open) {
            (OpCode::Continuation, false) => return Err(Refusal::StrayContinuation),
            (OpCode::Text | OpCode::Binary, true) => return Err(Refusal::MessageOpen),
            _ => {}
        }
        let bytes = self.bytes.saturating_add(head.len);
        let compressed = self.compressed || head.compressed;
        if bytes > most(compressed, limits) {
            return Err(Refusal::TooBig);
        }
        if !head.fin && self.fragments >= limits.fragments {
            return Err(Refusal::TooManyFragments);
        }
        *self = match head.fin {
            true => Self::default(),
            false => Self { open: true, compressed, bytes, fragments: self.fragments + 1 },
        };
        Ok(())
    }

    /// Whether a fragmented message waits for its next frame.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }
}

/// Bytes that a message may have as it comes. What cannot be compressed becomes a little longer where one tries.
fn most(compressed: bool, limits: Limits) -> u64 {
    let most = limits.message as u64;
    if compressed { most.saturating_add(most / 8 + 64) } else { most }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { message: 100, fragments: 3 };

    fn frame(opcode: OpCode, fin: bool, len: u64) -> Head {
        Head { fin, compressed: false, opcode, len, mask: [0; 4], size: 6 }
    }

    fn admit(frames: &[(OpCode, bool, u64)]) -> Result<(), Refusal> {
        let mut order = Order::default();
        frames.iter().try_for_each(|&(opcode, fin, len)| order.admit(&frame(opcode, fin, len), LIMITS))
    }

    #[test]
    fn fragments_come_in_order() {
        use OpCode::{Binary, Continuation, Text};
        assert_eq!(admit(&[(Text, false, 1), (Continuation, false, 1), (Continuation, true, 1)]), Ok(()));
        assert_eq!(admit(&[(Text, true, 1), (Binary, true, 1)]), Ok(()));
        assert_eq!(admit(&[(Continuation, true, 1)]), Err(Refusal::StrayContinuation));
        assert_eq!(admit(&[(Text, true, 1), (Continuation, true, 1)]), Err(Refusal::StrayContinuation));
        assert_eq!(admit(&[(Text, false, 1), (Text, true, 1)]), Err(Refusal::MessageOpen));
    }

    #[test]
    fn the_limit_holds_for_a_frame_and_for_the_sum_of_fragments() {
        use OpCode::{Binary, Continuation};
        assert_eq!(admit(&[(Binary, true, 100)]), Ok(()));
        assert_eq!(admit(&[(Binary, true, 101)]), Err(Refusal::TooBig));
        assert_eq!(admit(&[(Binary, true, u64::MAX >> 1)]), Err(Refusal::TooBig));
        assert_eq!(admit(&[(Binary, false, 60), (Continuation, true, 40), (Binary, true, 100)]), Ok(()));
        assert_eq!(admit(&[(Binary, false, 60), (Continuation, true, 41)]), Err(Refusal::TooBig));
    }

    #[test]
    fn a_message_has_so_many_fragments_and_no_more() {
        use OpCode::{Binary, Continuation};
        let open = [(Binary, false, 0), (Continuation, false, 0), (Continuation, false, 0)];
        let last = [(Continuation, true, 0)];
        assert_eq!(admit(&[&open[..], &last, &open, &last].concat()), Ok(()));
        let many = [&open[..], &[(Continuation, false, 0)]].concat();
        assert_eq!(admit(&many), Err(Refusal::TooManyFragments));
    }

    #[test]
    fn a_compressed_message_may_have_become_a_little_longer() {
        let compressed = |len, fin| Head { compressed: true, ..frame(OpCode::Binary, fin, len) };
        let admit = |heads: &[Head]| {
            let mut order = Order::default();
            heads.iter().try_for_each(|head| order.admit(head, LIMITS))
        };
        assert_eq!(admit(&[compressed(176, true)]), Ok(()));
        assert_eq!(admit(&[compressed(177, true)]), Err(Refusal::TooBig));
        let rest = |len| frame(OpCode::Continuation, true, len);
        assert_eq!(admit(&[compressed(100, false), rest(76)]), Ok(()));
        assert_eq!(admit(&[compressed(100, false), rest(77)]), Err(Refusal::TooBig));
        assert_eq!(
            admit(&[compressed(1, true), frame(OpCode::Binary, true, 101)]),
            Err(Refusal::TooBig),
            "the next one is not compressed"
        );
    }
}
