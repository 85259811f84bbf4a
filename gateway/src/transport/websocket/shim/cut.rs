//! A data frame that goes on piece by piece.

use fastwebsockets::OpCode;

use super::super::head::Head;

/// The rest of a data frame, as fragments of what has arrived.
pub(super) struct Cut {
    /// What the next fragment is: the frame's own opcode until something of it has gone on.
    opcode: OpCode,
    /// Whether the frame was its message's last.
    fin: bool,
    /// Bytes of payload still to come; more than none.
    pub(super) left: u64,
    /// The mask from the next byte on.
    mask: [u8; 4],
}

impl Cut {
    /// Bytes of a fragment's header: always the form with a 16-bit length, which is more than a
    /// read's.
    pub(super) const HEAD: usize = 8;

    /// The rest of a frame of which `arrived` bytes of payload go on by themselves.
    pub(super) fn new(head: &Head, arrived: usize) -> Self {
        let opcode = if arrived == 0 { head.opcode } else { OpCode::Continuation };
        let mut cut = Self { opcode, fin: head.fin, left: head.len - arrived as u64, mask: head.mask };
        cut.mask.rotate_left(arrived % 4);
        cut
    }

    /// The header of a fragment with the next `count` bytes.
    pub(super) fn next(&mut self, count: usize) -> [u8; Self::HEAD] {
        self.left -= count as u64;
        let last = self.fin && self.left == 0;
        let ([high, low], [a, b, c, d]) = ((count as u16).to_be_bytes(), self.mask);
        let head = [u8::from(last) << 7 | self.opcode as u8, 0x80 | 126, high, low, a, b, c, d];
        self.opcode = OpCode::Continuation;
        self.mask.rotate_left(count % 4);
        head
    }
}
