//! What a publisher says of an event beside its data, for filters: names with values.

use bytes::{BufMut, Bytes, BytesMut};

/// Tags of an event, at least one: each name and each value with its length before it, as a log keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags(Bytes);

/// The tag that says an event's time more exactly: microseconds beyond the milliseconds, 0 to 999.
const MICROSECONDS: &str = "microseconds";

impl Tags {
    /// The tag `microseconds`, where it says something: an event's time beyond its milliseconds.
    pub fn of_micros(micros: u16) -> Option<Self> {
        Self::new([(MICROSECONDS, &*micros.to_string())].into_iter().filter(|_| micros > 0))
    }

    /// What it says; 0 where it is not there, or says nothing that could be.
    pub fn micros(&self) -> u16 {
        let said = self.iter().find(|(name, _)| *name == MICROSECONDS);
        said.and_then(|(_, value)| value.parse().ok()).filter(|micros| *micros < 1000).unwrap_or(0)
    }

    /// Tags in this order; none of none. Names and values are at most 64 KiB each: what is longer is cut off by whoever calls
    /// this, and else left out.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut bytes = BytesMut::new();
        for (name, value) in pairs {
            if let (Ok(of_name), Ok(of_value)) = (u16::try_from(name.len()), u16::try_from(value.len())) {
                bytes.put_u16_le(of_name);
                bytes.put_slice(name.as_bytes());
                bytes.put_u16_le(of_value);
                bytes.put_slice(value.as_bytes());
            }
        }
        (!bytes.is_empty()).then(|| Self(bytes.freeze()))
    }

    /// Those that [`bytes`](Self::bytes) told of; none where they are none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            text(&mut rest)?;
            text(&mut rest)?;
        }
        (!bytes.is_empty()).then(|| Self(Bytes::copy_from_slice(bytes)))
    }

    /// As they are kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Each name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || Some((text(&mut rest)?, text(&mut rest)?)))
    }
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, behind) = rest.split_first_chunk()?;
    let (text, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_no_tags_there_are_none() {
        assert_eq!(Tags::new([]), None);
        assert_eq!(Tags::read(b""), None);
    }

    #[test]
    fn a_time_may_be_said_more_exactly() {
        assert_eq!(Tags::of_micros(7).unwrap().micros(), 7);
        assert_eq!(Tags::of_micros(0), None);
        for (name, value) in [("microseconds", "1000"), ("microseconds", "x"), ("micros", "5")] {
            assert_eq!(Tags::new([(name, value)]).unwrap().micros(), 0, "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn they_are_read_as_they_were_made(pairs in vec((".{0,9}", ".{0,9}"), 1..6)) {
            let tags = Tags::new(pairs.iter().map(|(name, value)| (&**name, &**value))).unwrap();
            let read = Tags::read(tags.bytes()).unwrap();
            let all: Vec<_> = read.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(all, pairs);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Some(tags) = Tags::read(&bytes) {
                prop_assert!(tags.iter().count() > 0);
            }
        }
    }
}
