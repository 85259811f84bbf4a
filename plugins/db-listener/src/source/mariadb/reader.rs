//! Bytes of the binary log, read with every step checked: what they announce never makes us read or take more than there is.

/// What does not hold to the format of the binary log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) String);

/// What is left of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let Some((head, tail)) = self.0.split_at_checked(count) else {
            return Err(Malformed(format!("an event ends {} bytes early", count - self.0.len())));
        };
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.bytes(1)?[0])
    }

    /// A number of up to eight bytes, the lowest first.
    pub(crate) fn little(&mut self, width: usize) -> Result<u64, Malformed> {
        Ok(self.bytes(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of up to eight bytes, the highest first.
    pub(crate) fn big(&mut self, width: usize) -> Result<u64, Malformed> {
        Ok(self.bytes(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number that tells its own width.
    pub(crate) fn packed(&mut self) -> Result<u64, Malformed> {
        match self.byte()? {
            small @ 0..=250 => Ok(u64::from(small)),
            252 => self.little(2),
            253 => self.little(3),
            254 => self.little(8),
            other => Err(Malformed(format!("a number begins with {other}"))),
        }
    }

    /// Bytes after their packed count.
    pub(crate) fn packed_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.packed()?;
        self.bytes(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// A bit for each of `count` things, the first in the lowest bit of the first byte.
    pub(crate) fn bits(&mut self, count: usize) -> Result<Bits<'a>, Malformed> {
        Ok(Bits(self.bytes(count.div_ceil(8))?))
    }
}

/// Bits, the first in the lowest of the first byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a>(&'a [u8]);

impl Bits<'_> {
    /// One past the end is not set.
    pub(crate) fn is_set(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }
}
