//! A segment: one file of the log, and which of its records are still needed.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::record::SHORTEST;

/// Bytes before the first record: what file this is, the format's version, the log's id, the segment's number, how long
/// the one before was when this one was begun, and a checksum.
pub(super) const HEADER: u64 = 40;
/// Bytes of it that its checksum is of.
const SUMMED: usize = 36;
/// The version of the files' format.
pub(super) const FORMAT: u32 = 1;
/// What every segment starts with.
const MAGIC: &[u8; 8] = b"TIDELOG\n";
/// Who may read the files: their owner.
pub(super) const MODE: u32 = 0o600;
/// No two records start within as many bytes.
const CELL: u64 = 32;
const _: () = assert!(SHORTEST as u64 >= CELL);

/// A file of the log.
#[derive(Debug)]
pub(super) struct Segment {
    /// Counts from 1; never given again, and the name of the file.
    pub(super) number: u64,
    pub(super) path: PathBuf,
    file: File,
    /// Bytes in it that count: what is behind them was not committed.
    length: AtomicU64,
    /// Bytes of records that are needed.
    live: AtomicU64,
    /// A bit for each cell in which a record starts that is needed.
    starts: Box<[AtomicU64]>,
}

/// What stands at the beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// What should.
    Good { log: u64, number: u64, previous: u64 },
    /// The file ends before it does, or nothing was ever written there.
    Unwritten,
    /// That of another version.
    Version(u32),
    /// No segment's.
    Foreign,
}

impl Segment {
    /// Makes an empty one, over whatever is there of its name, behind one of `previous` bytes; `size` is how long it may
    /// grow, in bytes.
    pub(super) fn create(folder: &Path, log: u64, number: u64, previous: u64, size: u64) -> io::Result<Self> {
        let path = folder.join(name(number));
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(MODE).open(&path)?;
        file.write_all_at(&header(log, number, previous), 0)?;
        Ok(Self::new(number, path, file, HEADER, size))
    }

    /// Opens one that is there, with its header.
    pub(super) fn open(path: &Path, number: u64, size: u64) -> io::Result<(Self, Header)> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        let mut bytes = [0; HEADER as usize];
        let header = if length < HEADER {
            Header::Unwritten
        } else {
            file.read_exact_at(&mut bytes, 0)?;
            read_header(&bytes)
        };
        Ok((Self::new(number, path.to_owned(), file, length, size), header))
    }

    /// Of a file as it is.
    pub(super) fn new(number: u64, path: PathBuf, file: File, length: u64, size: u64) -> Self {
        let words = size.max(length) / CELL / 64 + 1;
        Self {
            number,
            path,
            file,
            length: AtomicU64::new(length),
            live: AtomicU64::new(0),
            starts: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Bytes in it that count.
    pub(super) fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    /// From here on so many bytes of it count.
    pub(super) fn set_length(&self, length: u64) {
        self.length.store(length, Ordering::Release);
    }

    /// Bytes of records in it that are needed.
    pub(super) fn live(&self) -> u64 {
        self.live.load(Ordering::Acquire)
    }

    /// Whether the record that starts at `at` is needed.
    pub(super) fn is_live(&self, at: u64) -> bool {
        let (word, bit) = cell(at);
        self.starts.get(word).is_some_and(|word| word.load(Ordering::Acquire) & bit != 0)
    }

    /// Whether a record that starts in there is needed.
    pub(super) fn has_live(&self, bytes: Range<u64>) -> bool {
        (bytes.start / CELL..bytes.end / CELL).any(|cell| self.is_live(cell * CELL))
    }

    pub(super) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Fills `into` with the bytes at `at`.
    pub(super) fn read(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }

    /// Cuts the file off behind what counts.
    pub(super) fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.length())
    }

    /// Returns when the disk has what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Where a record lies; owning: while there is one, its segment stays, and when it is dropped the record is dead.
#[derive(Debug)]
pub struct Place {
    segment: Arc<Segment>,
    at: u32,
    len: u32,
}

/// Which record a [`Place`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaceId {
    segment: u64,
    at: u32,
}

impl PlaceId {
    pub(super) fn new(segment: &Segment, at: u32) -> Self {
        Self { segment: segment.number, at }
    }

    /// No record's: where a room's first record has moved from.
    pub const NOWHERE: Self = Self { segment: 0, at: 0 };
}

impl Place {
    /// Of the record of `len` bytes at `at`, which nobody else has a place of.
    pub(super) fn new(segment: &Arc<Segment>, at: u32, len: u32) -> Self {
        let (word, bit) = cell(u64::from(at));
        segment.starts[word].fetch_or(bit, Ordering::Release);
        segment.live.fetch_add(u64::from(len), Ordering::Release);
        Self { segment: Arc::clone(segment), at, len }
    }

    /// Which record it is of.
    pub fn id(&self) -> PlaceId {
        PlaceId { segment: self.segment.number, at: self.at }
    }

    /// Where the record can be read, whether it is needed or not.
    pub(super) fn span(&self) -> Span {
        Span { segment: Arc::clone(&self.segment), at: self.at, len: self.len }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (word, bit) = cell(u64::from(self.at));
        self.segment.starts[word].fetch_and(!bit, Ordering::Release);
        self.segment.live.fetch_sub(u64::from(self.len), Ordering::Release);
    }
}

/// A record's bytes, which can be read as long as this is there: also when the file has been deleted meanwhile.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) segment: Arc<Segment>,
    pub(super) at: u32,
    pub(super) len: u32,
}

/// The name of a segment's file.
pub(super) fn name(number: u64) -> String {
    format!("{number:016}.log")
}

/// The number of the segment of this name.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 16)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
        .filter(|number| *number > 0)
}

fn cell(at: u64) -> (usize, u64) {
    let cell = at / CELL;
    ((cell / 64) as usize, 1 << (cell % 64))
}

fn header(log: u64, number: u64, previous: u64) -> [u8; HEADER as usize] {
    let mut bytes = [0; HEADER as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[12..20].copy_from_slice(&log.to_le_bytes());
    bytes[20..28].copy_from_slice(&number.to_le_bytes());
    bytes[28..SUMMED].copy_from_slice(&previous.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..SUMMED]);
    bytes[SUMMED..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn read_header(bytes: &[u8; HEADER as usize]) -> Header {
    let (words, _) = bytes.as_chunks::<4>();
    let word = |at: usize| u32::from_le_bytes(words[at]);
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
    match () {
        () if bytes.iter().all(|byte| *byte == 0) => Header::Unwritten,
        () if !bytes.starts_with(MAGIC) => Header::Foreign,
        () if word(2) != FORMAT => Header::Version(word(2)),
        () if word(9) != crc32c::crc32c(&bytes[..SUMMED]) => Header::Foreign,
        () => Header::Good { log: long(3), number: long(5), previous: long(7) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_it_was_written_with() {
        let folder = tempfile::tempdir().unwrap();
        let made = Segment::create(folder.path(), 77, 3, 5, 1 << 20).unwrap();
        let (opened, header) = Segment::open(&made.path, 3, 1 << 20).unwrap();
        assert_eq!(header, Header::Good { log: 77, number: 3, previous: 5 });
        assert_eq!((opened.length(), number(&name(3))), (HEADER, Some(3)));
        for other in ["3.log", "000000000000000x.log", "0000000000000003.torn", "0000000000000000.log"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn what_no_place_is_of_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let segment = Arc::new(Segment::create(folder.path(), 1, 1, 0, 1 << 20).unwrap());
        let places: Vec<Place> = (0..1000).map(|n| Place::new(&segment, 32 + 43 * n, 43)).collect();
        assert_eq!(segment.live(), 43_000);
        for (n, place) in places.into_iter().enumerate() {
            let at = 32 + 43 * n as u64;
            assert!(segment.is_live(at));
            drop(place);
            assert!(!segment.is_live(at));
        }
        assert_eq!(segment.live(), 0);
    }
}
