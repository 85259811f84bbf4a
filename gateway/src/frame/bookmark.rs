//! How far a client has got in rooms, as a text that it gives back when it comes again.
//!
//! For each room `<epoch>:<offset>@<checksum of its name>`, a comma between two. Names are long, and clients send this in a
//! header; clients take it as a whole, and read nothing from it.

use std::fmt;
use std::str::FromStr;

use smallvec::SmallVec;

use super::{Cursor, Epoch};

/// Rooms that one text tells of at most: it fits into a header.
const MOST: usize = 64;

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bookmark(SmallVec<[Place; 1]>);

/// How far a client has got in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// CRC-32C of its name: the same in each process and on each node.
    room: u32,
    /// The last event that the client has.
    cursor: Cursor,
}

/// A text that is no bookmark.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBookmark {
    /// One of its rooms cannot be read.
    #[error("entry {0} is none that was given: each is EPOCH:OFFSET@ROOM, with commas between them")]
    Entry(usize),
    /// There are too many.
    #[error("it tells of more than {MOST} rooms")]
    TooMany,
}

impl Bookmark {
    /// In `room`, as far as this; past the bound the room is left out.
    pub fn put(&mut self, room: &str, cursor: Cursor) {
        if !self.is_full() {
            self.0.push(Place { room: checksum(room), cursor });
        }
    }

    /// How far in `room`; none where it does not tell.
    pub fn find(&self, room: &str) -> Option<Cursor> {
        let room = checksum(room);
        self.0.iter().find(|place| place.room == room).map(|place| place.cursor)
    }

    /// Whether further rooms may have been left out.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Whether it tells of no room.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn checksum(room: &str) -> u32 {
    crc32c::crc32c(room.as_bytes())
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Place { room, cursor }) in self.0.iter().enumerate() {
            let between = if index > 0 { "," } else { "" };
            write!(f, "{between}{}:{}@{room:08x}", cursor.epoch, cursor.offset)?;
        }
        Ok(())
    }
}

impl FromStr for Bookmark {
    type Err = BadBookmark;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bookmark = Self::default();
        for (index, entry) in text.split(',').enumerate() {
            if bookmark.is_full() {
                return Err(BadBookmark::TooMany);
            }
            bookmark.0.push(place(entry).ok_or(BadBookmark::Entry(index + 1))?);
        }
        Ok(bookmark)
    }
}

/// As it is written, and not as numbers may be written, too: what was cut or changed on its way is not another place.
fn place(text: &str) -> Option<Place> {
    let (epoch, rest) = text.split_once(':')?;
    let (offset, room) = rest.split_once('@')?;
    let hex = |text: &str, digits: usize| {
        text.len() == digits
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let decimal =
        offset.bytes().all(|byte| byte.is_ascii_digit()) && (offset == "0" || !offset.starts_with('0'));
    if !hex(epoch, 16) || !hex(room, 8) || !decimal {
        return None;
    }
    let cursor = Cursor { epoch: Epoch(u64::from_str_radix(epoch, 16).ok()?), offset: offset.parse().ok()? };
    Some(Place { room: u32::from_str_radix(room, 16).ok()?, cursor })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor(epoch: u64, offset: u64) -> Cursor {
        Cursor { epoch: Epoch(epoch), offset }
    }

    #[test]
    fn each_room_has_its_place() {
        let mut bookmark = Bookmark::default();
        bookmark.put("a", cursor(0x31e9_b05e_9ae4_b9c6, 41));
        assert_eq!(bookmark.to_string(), "31e9b05e9ae4b9c6:41@c1d04330");
        bookmark.put("b", cursor(1, 0));
        let read: Bookmark = bookmark.to_string().parse().unwrap();
        assert_eq!(read, bookmark);
        assert_eq!(read.find("a"), Some(cursor(0x31e9_b05e_9ae4_b9c6, 41)));
        assert_eq!((read.find("b"), read.find("c")), (Some(cursor(1, 0)), None));
    }

    #[test]
    fn it_says_which_entry_is_none() {
        let good = "31e9b05e9ae4b9c6:41@c1d04330";
        for bad in [
            "",
            "x",
            "31e9b05e9ae4b9c6:41",
            "31e9b05e9ae4b9c6:@c1d04330",
            "31e9b05e9ae4b9c6:+1@c1d04330",
            "31e9b05e9ae4b9c6:041@c1d04330",
            "31E9b05e9ae4b9c6:41@c1d04330",
            "1e9b05e9ae4b9c6:41@c1d04330",
            "31e9b05e9ae4b9c6:41@1d04330",
            "31e9b05e9ae4b9c6:18446744073709551616@c1d04330",
            " 31e9b05e9ae4b9c6:41@c1d04330",
        ] {
            assert_eq!(bad.parse::<Bookmark>(), Err(BadBookmark::Entry(1)), "{bad}");
            assert_eq!(format!("{good},{bad}").parse::<Bookmark>(), Err(BadBookmark::Entry(2)), "{bad}");
        }
    }

    #[test]
    fn it_is_bounded() {
        let mut bookmark = Bookmark::default();
        for room in 0..100 {
            bookmark.put(&room.to_string(), cursor(u64::MAX, u64::MAX));
        }
        let text = bookmark.to_string();
        assert!(text.len() < 4096, "{} bytes", text.len());
        assert_eq!(text.parse::<Bookmark>().as_ref(), Ok(&bookmark));
        assert_eq!(format!("{text},{text}").parse::<Bookmark>(), Err(BadBookmark::TooMany));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(places in prop::collection::vec((any::<u32>(), any::<u64>(), any::<u64>()), 1..MOST)) {
            let place = |(room, epoch, offset)| Place { room, cursor: cursor(epoch, offset) };
            let bookmark = Bookmark(places.into_iter().map(place).collect());
            prop_assert_eq!(bookmark.to_string().parse::<Bookmark>(), Ok(bookmark));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "[0-9a-f:@,]{0,120}|\\PC{0,40}") {
            if let Ok(bookmark) = text.parse::<Bookmark>() {
                prop_assert_eq!(bookmark.to_string(), text);
            }
        }
    }
}
