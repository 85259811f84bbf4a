//! The header of a client's frame (RFC 6455, section 5.2), read where it lies.

use fastwebsockets::OpCode;

use super::refusal::Refusal;

/// The longest header: two bytes, a 64-bit length, the mask.
pub(super) const MAX_HEAD: usize = 14;
/// The longest payload of a control frame.
pub(super) const MAX_CONTROL: usize = 125;
/// Where a header ends that has no extended length: two bytes and the mask.
const SHORT_HEAD: usize = 6;

/// A header that has arrived whole and is legal by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) struct Head {
    pub(in crate::transport) fin: bool,
    pub(in crate::transport) opcode: OpCode,
    /// Bytes of payload that the header announces.
    pub(in crate::transport) len: u64,
    pub(in crate::transport) mask: [u8; 4],
    /// Bytes that the header itself takes: 6, 8 or 14.
    pub(in crate::transport) size: usize,
}

/// How much of a header there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum Parsed {
    Whole(Head),
    /// So many bytes are needed, from the header's first, to know more.
    Short(usize),
}

impl Head {
    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// What can be refused by the header alone, as soon as the byte is there that shows it.
    pub(in crate::transport) fn parse(bytes: &[u8]) -> Result<Parsed, Refusal> {
        let Some(&first) = bytes.first() else { return Ok(Parsed::Short(2)) };
        if first & 0x70 != 0 {
            return Err(Refusal::ReservedBits);
        }
        let opcode = OpCode::try_from(first & 0x0f).map_err(|_| Refusal::UnknownOpcode)?;
        let (fin, control) = (first & 0x80 != 0, first & 0x08 != 0);
        if control && !fin {
            return Err(Refusal::ControlFragmented);
        }
        let Some(&second) = bytes.get(1) else { return Ok(Parsed::Short(2)) };
        if second & 0x80 == 0 {
            return Err(Refusal::Unmasked);
        }
        let code = second & 0x7f;
        if control && usize::from(code) > MAX_CONTROL {
            return Err(Refusal::ControlTooLong);
        }
        let size = match code {
            126 => SHORT_HEAD + 2,
            127 => SHORT_HEAD + 8,
            _ => SHORT_HEAD,
        };
        let Some([length @ .., a, b, c, d]) = bytes.get(2..size) else { return Ok(Parsed::Short(size)) };
        let len = match code {
            126 | 127 => extended(length)?,
            short => short.into(),
        };
        Ok(Parsed::Whole(Self { fin, opcode, len, mask: [*a, *b, *c, *d], size }))
    }

    /// Whether this is a close, a ping or a pong.
    pub(super) fn is_control(&self) -> bool {
        matches!(self.opcode, OpCode::Close | OpCode::Ping | OpCode::Pong)
    }

    /// Makes the frame at the start of `bytes`, of which `arrived` bytes of payload are there, a
    /// whole fragment of just those. The length keeps its form, so nothing moves: our reader
    /// takes lengths that are not minimal.
    pub(super) fn shorten(&self, bytes: &mut [u8], arrived: usize) {
        bytes[0] &= 0x7f;
        match self.size {
            SHORT_HEAD => bytes[1] = 0x80 | arrived as u8,
            8 => bytes[2..4].copy_from_slice(&(arrived as u16).to_be_bytes()),
            _ => bytes[2..10].copy_from_slice(&(arrived as u64).to_be_bytes()),
        }
    }
}

/// An extended length, of two or eight bytes.
fn extended(bytes: &[u8]) -> Result<u64, Refusal> {
    let len = bytes.iter().fold(0, |len, &byte| len << 8 | u64::from(byte));
    let smallest = if bytes.len() == 2 { 126 } else { 65_536 };
    if len >> 63 != 0 {
        Err(Refusal::LengthOutOfRange)
    } else if len < smallest {
        Err(Refusal::LengthNotMinimal)
    } else {
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn head(first: u8, rest: &[u8]) -> Vec<u8> {
        [&[first], rest, &MASK].concat()
    }

    #[test]
    fn each_form_of_a_length_is_read() {
        let forms: [(&[u8], u64); 7] = [
            (&[0x80], 0),
            (&[0xfd], 125),
            (&[0xfe, 0, 126], 126),
            (&[0xfe, 0xff, 0xff], 65_535),
            (&[0xff, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
            (&[0xff, 0, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
            (&[0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], u64::MAX >> 1),
        ];
        for (form, len) in forms {
            let bytes = head(0x82, form);
            let whole = Head { fin: true, opcode: OpCode::Binary, len, mask: MASK, size: bytes.len() };
            assert_eq!(Head::parse(&bytes), Ok(Parsed::Whole(whole)));
            for cut in 0..bytes.len() {
                let need = if cut < 2 { 2 } else { bytes.len() };
                assert_eq!(Head::parse(&bytes[..cut]), Ok(Parsed::Short(need)), "{cut} of {len}");
            }
        }
    }

    #[test]
    fn what_a_header_shows_is_refused_at_the_byte_that_shows_it() {
        let breaches: [(&[u8], Refusal); 16] = [
            (&[0xc1], Refusal::ReservedBits),
            (&[0xa1], Refusal::ReservedBits),
            (&[0x91], Refusal::ReservedBits),
            (&[0x83], Refusal::UnknownOpcode),
            (&[0x87], Refusal::UnknownOpcode),
            (&[0x8b], Refusal::UnknownOpcode),
            (&[0x8f], Refusal::UnknownOpcode),
            (&[0x08], Refusal::ControlFragmented),
            (&[0x09], Refusal::ControlFragmented),
            (&[0x0a], Refusal::ControlFragmented),
            (&[0x81, 0x05], Refusal::Unmasked),
            (&[0x89, 0xfe], Refusal::ControlTooLong),
            (&[0x88, 0xff], Refusal::ControlTooLong),
            (&[0x82, 0xfe, 0, 125, 1, 2, 3, 4], Refusal::LengthNotMinimal),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4], Refusal::LengthNotMinimal),
            (&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], Refusal::LengthOutOfRange),
        ];
        for (bytes, refusal) in breaches {
            assert_eq!(Head::parse(bytes), Err(refusal), "{bytes:x?}");
            assert!(matches!(Head::parse(&bytes[..bytes.len() - 1]), Ok(Parsed::Short(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn a_shortened_frame_keeps_its_headers_form() {
        for form in [&[0xfd][..], &[0xfe, 1, 0], &[0xff, 0, 0, 0, 0, 0, 1, 0, 0]] {
            let mut bytes = head(0x82, form);
            let Ok(Parsed::Whole(whole)) = Head::parse(&bytes) else { panic!("{bytes:x?} is legal") };
            whole.shorten(&mut bytes, 100);
            assert_eq!(bytes.len(), whole.size);
            assert_eq!(bytes[0], 0x02, "no longer the last fragment");
            assert_eq!(bytes[whole.size - 5], if form.len() == 1 { 0x80 | 100 } else { 100 });
            assert_eq!(&bytes[whole.size - 4..], MASK);
        }
    }
}
