//! Reads a segment from its beginning: the records that are whole, and what lies between them.

use std::io;
use std::sync::Arc;

use super::record::{self, Flaw, Record, SHORTEST};
use super::segment::{HEADER, Segment};
use crate::frame::Epoch;

/// Bytes that are read at a time, at least.
const WINDOW: usize = 256 * 1024;
/// How many times as much as there is may be summed up in search of a whole record.
const SEARCH: u64 = 8;

/// Goes through a segment once.
pub(super) struct Scan {
    pub(super) segment: Arc<Segment>,
    /// Where the next record should start.
    pub(super) at: u64,
    end: u64,
    /// Bytes of the file, from `window_at` on.
    window: Vec<u8>,
    window_at: u64,
    /// Bytes that may still be summed up in search.
    search: u64,
}

/// What is next.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A record that is as it was written.
    Whole { at: u32, record: Record<'a>, bytes: &'a [u8] },
    /// Bytes that are not.
    Bad(Hole),
}

/// Bytes that are no records, or of which that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) from: u64,
    /// Where the next whole record starts; where the segment ends there is none.
    pub(super) to: u64,
    /// What is wrong with the record at `from`.
    pub(super) flaw: Flaw,
    /// They are all zeros, which a file may hold where nothing was written.
    pub(super) blank: bool,
    /// Whose record that seems to be, where it is the only one in there.
    pub(super) suspect: Option<(Box<str>, Epoch)>,
}

impl Scan {
    pub(super) fn new(segment: &Arc<Segment>) -> Self {
        let end = segment.length();
        Self {
            segment: Arc::clone(segment),
            at: HEADER,
            end,
            window: Vec::new(),
            window_at: HEADER,
            search: end.saturating_mul(SEARCH),
        }
    }

    /// What comes next; none at the end.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Step<'_>>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let at = self.at;
        match self.judge(at)? {
            Ok(length) => {
                self.at += length as u64;
                let bytes = &self.window[(at - self.window_at) as usize..][..length];
                let record = Record::suspect(bytes).unwrap_or_else(|| unreachable!("it was just read"));
                Ok(Some(Step::Whole { at: at as u32, record, bytes }))
            }
            Err(flaw) => {
                let hole = self.hole(flaw)?;
                self.at = hole.to;
                Ok(Some(Step::Bad(hole)))
            }
        }
    }

    /// The length of the record at `at`, or what is wrong with it.
    fn judge(&mut self, at: u64) -> io::Result<Result<usize, Flaw>> {
        let left = (self.end - at) as usize;
        let prefix = self.bytes(at, left.min(SHORTEST))?;
        let Some(length) = record::length(prefix).filter(|length| *length <= left) else {
            return Ok(Err(Flaw::Short));
        };
        let bytes = self.bytes(at, length)?;
        Ok(Record::decode(bytes).map(|(_, length)| length))
    }

    /// The one that begins where the scan is.
    fn hole(&mut self, flaw: Flaw) -> io::Result<Hole> {
        let from = self.at;
        let left = (self.end - from) as usize;
        let prefix = self.bytes(from, left.min(SHORTEST))?;
        let next = record::length(prefix).filter(|length| *length <= left).map(|length| from + length as u64);
        if let Some(next) = next
            && (next == self.end || self.judge(next)?.is_ok())
        {
            let bytes = self.bytes(from, (next - from) as usize)?;
            let suspect = Record::suspect(bytes).map(|record| (record.room.into(), record.epoch));
            return Ok(Hole { from, to: next, flaw, blank: false, suspect });
        }
        let to = self.search()?;
        Ok(Hole { from, to, flaw, blank: self.is_blank(from, to)?, suspect: None })
    }

    /// Where the next whole record starts behind a place at which none does; the end where there is none.
    fn search(&mut self) -> io::Result<u64> {
        for at in self.at + 1..=self.end.saturating_sub(SHORTEST as u64) {
            let left = (self.end - at) as usize;
            let prefix = self.bytes(at, SHORTEST)?;
            let length = record::length(prefix).filter(|length| *length <= left);
            let Some(length) = length.filter(|_| record::is_plausible(prefix)) else { continue };
            let Some(search) = self.search.checked_sub(length as u64) else { break };
            self.search = search;
            if self.judge(at)?.is_ok() {
                return Ok(at);
            }
        }
        Ok(self.end)
    }

    fn is_blank(&mut self, from: u64, to: u64) -> io::Result<bool> {
        let mut at = from;
        while at < to {
            let part = (to - at).min(WINDOW as u64);
            if self.bytes(at, part as usize)?.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += part;
        }
        Ok(true)
    }

    /// The `count` bytes at `at`, which the segment has.
    fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let held = self.window_at..self.window_at + self.window.len() as u64;
        if at < held.start || at + count as u64 > held.end {
            let size = count.max(WINDOW).min((self.end - at) as usize);
            self.window.clear(); // a read that fails leaves nothing
            let mut window = std::mem::take(&mut self.window);
            window.resize(size, 0);
            self.segment.read(&mut window, at)?;
            (self.window, self.window_at) = (window, at);
        }
        Ok(&self.window[(at - self.window_at) as usize..][..count])
    }
}
