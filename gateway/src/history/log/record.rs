//! A record: what the log's files consist of.
//!
//! ```text
//! length u32 · checksum u32 · kind u8 · flags u8 · epoch u64 · offset u64 · time i64 · written i64 · room
//! and of an event: type · source · key, id, origin and tags, each by its flag · data
//! ```
//!
//! Numbers are little-endian. `length` counts what follows the checksum, which is the CRC-32C of the length and of all
//! that follows it. Texts have their length before them, seven bits a byte, the lowest first; data go to the end.

use crate::frame::{Epoch, Posted, Tags, Timestamp};

/// Bytes of the length and the checksum.
const PREFIX: usize = 8;
/// Bytes from the kind to the room's name.
const FIXED: usize = 34;
/// The shortest record: one of a room without a name.
pub(super) const SHORTEST: usize = PREFIX + FIXED + 1;

// The flags; see the fields of the record.
const LAX: u8 = 1;
const MORE: u8 = 1 << 1;
const CARRIED: u8 = 1 << 2;
const HAS_KEY: u8 = 1 << 3;
const HAS_ID: u8 = 1 << 4;
const HAS_TAGS: u8 = 1 << 5;
const HAS_ORIGIN: u8 = 1 << 6;
const FLAGS: u8 = LAX | MORE | CARRIED | HAS_KEY | HAS_ID | HAS_TAGS | HAS_ORIGIN;

const EVENT: u8 = 1;
const BORN: u8 = 2;
const RENEWED: u8 = 3;
const FORGOTTEN: u8 = 4;
const PROBE: u8 = 5;

/// A record, as it lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it tells.
    pub what: What<'a>,
    /// The room's life, as it was called when this was written.
    pub epoch: Epoch,
    /// The place in the room.
    pub offset: u64,
    /// When the event happened, by its publisher's clock.
    pub time: Timestamp,
    /// When it was first written, by the wall clock.
    pub written: Timestamp,
    /// The room's name.
    pub room: &'a str,
    /// It was committed before it was synced: a crash of the machine may have taken what came after it.
    pub lax: bool,
    /// The next record belongs to the same unit: both are there, or neither.
    pub more: bool,
    /// It was written anew, from an older segment.
    pub carried: bool,
}

/// What a record tells of its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// An event was posted at the offset.
    Event(Body<'a>),
    /// The room came to be; what was there before under its name is over.
    Born,
    /// The room goes on under another epoch, with what it keeps, after the offset.
    Renewed,
    /// The room is no more.
    Forgotten,
    /// Nothing: it was tried whether the disk takes anything.
    Probe,
}

/// What is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// The name of its type.
    pub kind: &'a str,
    /// Who said so.
    pub source: &'a str,
    /// What it is about.
    pub key: Option<&'a str>,
    /// Its publisher's name for it.
    pub id: Option<&'a str>,
    /// Its place where its source has it from.
    pub origin: Option<&'a str>,
    /// Its tags, as [`Tags::bytes`](crate::frame::Tags::bytes) tells them.
    pub tags: Option<&'a [u8]>,
    /// Its JSON.
    pub data: &'a [u8],
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// They end before it does, or its length is none that a record can have.
    #[error("it ends before it should")]
    Short,
    /// They are not those that were written.
    #[error("its checksum is wrong")]
    Checksum,
    /// They were written so, and mean nothing.
    #[error("it has no meaning")]
    Shape,
}

/// A record would be longer than 4 GiB.
#[derive(Debug, thiserror::Error)]
#[error("a record of {0} bytes is more than the log can hold")]
pub(super) struct TooLong(usize);

impl<'a> Record<'a> {
    /// Reads the record that `bytes` begin with; answers its length, too.
    ///
    /// # Errors
    /// [`Flaw`].
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, usize), Flaw> {
        let length = length(bytes).filter(|length| *length <= bytes.len()).ok_or(Flaw::Short)?;
        if u32_at(bytes, 4) != Some(checksum(bytes, length)) {
            return Err(Flaw::Checksum);
        }
        Self::parse(&bytes[PREFIX..length]).map(|record| (record, length)).ok_or(Flaw::Shape)
    }

    /// Which room's record `bytes` seem to begin with, whatever their checksum says.
    pub(super) fn suspect(bytes: &'a [u8]) -> Option<Self> {
        Self::parse(bytes.get(PREFIX..length(bytes)?)?)
    }

    /// What follows the checksum.
    fn parse(body: &'a [u8]) -> Option<Self> {
        let (fixed, mut rest) = body.split_at_checked(FIXED)?;
        let [kind, flags] = [fixed[0], fixed[1]];
        if flags & !FLAGS != 0 {
            return None;
        }
        let number = |at: usize| Some(u64::from_le_bytes(fixed.get(at..at + 8)?.try_into().ok()?));
        let room = text(&mut rest)?;
        let what = match kind {
            EVENT => What::Event(Body::parse(flags, rest)?),
            _ if !rest.is_empty() => return None,
            BORN => What::Born,
            RENEWED => What::Renewed,
            FORGOTTEN => What::Forgotten,
            PROBE => What::Probe,
            _ => return None,
        };
        Some(Self {
            what,
            epoch: Epoch(number(2)?),
            offset: number(10)?,
            time: Timestamp(number(18)?.cast_signed()),
            written: Timestamp(number(26)?.cast_signed()),
            room,
            lax: flags & LAX != 0,
            more: flags & MORE != 0,
            carried: flags & CARRIED != 0,
        })
    }

    /// Appends the record to `out`; answers its length.
    ///
    /// # Errors
    /// [`TooLong`]; `out` is as it was.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<u32, TooLong> {
        let start = out.len();
        let mut flags = 0;
        for (bit, set) in [(LAX, self.lax), (MORE, self.more), (CARRIED, self.carried)] {
            flags |= if set { bit } else { 0 };
        }
        let kind = match &self.what {
            What::Event(body) => {
                flags |= body.flags();
                EVENT
            }
            What::Born => BORN,
            What::Renewed => RENEWED,
            What::Forgotten => FORGOTTEN,
            What::Probe => PROBE,
        };
        let mut fixed = [0; PREFIX + FIXED];
        fixed[PREFIX..PREFIX + 2].copy_from_slice(&[kind, flags]);
        let numbers =
            [self.epoch.0, self.offset, self.time.0.cast_unsigned(), self.written.0.cast_unsigned()];
        for (at, number) in fixed[PREFIX + 2..].chunks_exact_mut(8).zip(numbers) {
            at.copy_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&fixed);
        put_text(out, self.room);
        if let What::Event(body) = &self.what {
            body.encode(out);
        }
        let length = out.len() - start;
        let Ok(counted) = u32::try_from(length) else {
            out.truncate(start);
            return Err(TooLong(length));
        };
        seal(&mut out[start..]);
        Ok(counted)
    }
}

impl<'a> Record<'a> {
    /// That of an event; `payload` are its data.
    pub(super) fn of(posted: &'a Posted, payload: &'a [u8], written: Timestamp) -> Self {
        let body = Body {
            kind: &posted.kind.name,
            source: &posted.source,
            key: posted.key.as_deref(),
            id: posted.id.as_deref(),
            origin: posted.origin.as_deref(),
            tags: posted.tags.as_ref().map(Tags::bytes),
            data: payload,
        };
        Self {
            time: posted.time,
            ..Self::note(
                What::Event(body),
                &posted.room.name,
                posted.cursor.epoch,
                posted.cursor.offset,
                written,
            )
        }
    }

    /// One that tells `what` of a room.
    pub(super) fn note(what: What<'a>, room: &'a str, epoch: Epoch, offset: u64, written: Timestamp) -> Self {
        Self { what, epoch, offset, time: written, written, room, lax: false, more: false, carried: false }
    }
}

impl<'a> Body<'a> {
    fn parse(flags: u8, mut rest: &'a [u8]) -> Option<Self> {
        Some(Self {
            kind: text(&mut rest)?,
            source: text(&mut rest)?,
            key: if flags & HAS_KEY == 0 { None } else { Some(text(&mut rest)?) },
            id: if flags & HAS_ID == 0 { None } else { Some(text(&mut rest)?) },
            origin: if flags & HAS_ORIGIN == 0 { None } else { Some(text(&mut rest)?) },
            tags: if flags & HAS_TAGS == 0 { None } else { Some(chunk(&mut rest)?) },
            data: rest,
        })
    }

    fn flags(&self) -> u8 {
        let there = [
            (HAS_KEY, self.key.is_some()),
            (HAS_ID, self.id.is_some()),
            (HAS_ORIGIN, self.origin.is_some()),
            (HAS_TAGS, self.tags.is_some()),
        ];
        there.into_iter().filter(|(_, there)| *there).map(|(flag, _)| flag).sum()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let texts = [Some(self.kind), Some(self.source), self.key, self.id, self.origin];
        for part in texts.into_iter().flatten() {
            put_text(out, part);
        }
        if let Some(tags) = self.tags {
            put_chunk(out, tags);
        }
        out.extend_from_slice(self.data);
    }
}

/// How long the record is that `bytes` begin with, all in all; none where no record can be so long.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let body = u32_at(bytes, 0)? as usize;
    Some(body + PREFIX).filter(|length| *length >= SHORTEST)
}

/// Whether the record that `bytes` begin with may be one, by what costs nothing to look at.
pub(super) fn is_plausible(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, _, _, _, _, EVENT..=PROBE, flags, ..] if flags & !FLAGS == 0)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Of the record that `bytes` begin with, which is so long.
fn checksum(bytes: &[u8], length: usize) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..4]), &bytes[PREFIX..length])
}

/// Writes the length and the checksum of the record that `bytes` are.
fn seal(bytes: &mut [u8]) {
    let body = (bytes.len() - PREFIX) as u32;
    bytes[..4].copy_from_slice(&body.to_le_bytes());
    let sum = checksum(bytes, bytes.len());
    bytes[4..PREFIX].copy_from_slice(&sum.to_le_bytes());
}

fn text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(chunk(from)?).ok()
}

/// Bytes with their length before them.
fn chunk<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0_usize;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (chunk, rest) = from.split_at_checked(length)?;
            *from = rest;
            return Some(chunk);
        }
    }
    None
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_chunk(out, text.as_bytes());
}

fn put_chunk(out: &mut Vec<u8>, chunk: &[u8]) {
    let mut length = chunk.len();
    while length > 0x7f {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(chunk);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event<'a>(room: &'a str, key: Option<&'a str>, id: Option<&'a str>, data: &'a [u8]) -> Record<'a> {
        let tags = id.map(str::as_bytes); // any bytes
        let body = Body { kind: "agent_created", source: "agents", key, id, origin: key, tags, data };
        let what = What::Event(body);
        let note = Record::note(what, room, Epoch(7), 9, Timestamp(1_234));
        Record { time: Timestamp(-5), lax: true, ..note }
    }

    fn encoded(record: &Record<'_>) -> Vec<u8> {
        let mut bytes = vec![1, 2, 3];
        assert_eq!(record.encode(&mut bytes).unwrap() as usize, bytes.len() - 3);
        bytes.split_off(3)
    }

    #[test]
    fn every_kind_reads_back_as_it_was_written() {
        for what in [What::Born, What::Renewed, What::Forgotten, What::Probe] {
            let record =
                Record { carried: true, ..Record::note(what, "räum", Epoch(u64::MAX), 3, Timestamp(1)) };
            let bytes = encoded(&record);
            assert_eq!(Record::decode(&bytes), Ok((record, bytes.len())));
        }
        assert_eq!(encoded(&Record::note(What::Born, "", Epoch(0), 0, Timestamp(0))).len(), SHORTEST);
    }

    #[test]
    fn what_was_written_so_and_means_nothing_is_no_record() {
        for (at, byte) in [(PREFIX, 0), (PREFIX, 99), (PREFIX + 1, 0xff), (PREFIX + FIXED, 200)] {
            let mut bytes = encoded(&event("room", None, None, b"{}"));
            bytes[at] = byte;
            seal(&mut bytes);
            assert_eq!(Record::decode(&bytes), Err(Flaw::Shape), "{at} {byte}");
        }
    }

    proptest! {
        #[test]
        fn an_event_reads_back_as_it_was_written_and_not_otherwise(
            room in ".{0,60}",
            key in prop::option::of(".{0,200}"),
            id in prop::option::of(".{0,20}"),
            data in prop::collection::vec(any::<u8>(), 0..300),
            bit in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let record = event(&room, key.as_deref(), id.as_deref(), &data);
            let mut bytes = encoded(&record);
            prop_assert_eq!(Record::decode(&bytes), Ok((record, bytes.len())));
            prop_assert_eq!(Record::decode(&bytes[..cut.index(bytes.len())]), Err(Flaw::Short));
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Record::decode(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_a_record_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((record, length)) = Record::decode(&bytes) {
                prop_assert_eq!(encoded(&record), &bytes[..length]);
            }
            let _either = Record::suspect(&bytes);
        }
    }
}
