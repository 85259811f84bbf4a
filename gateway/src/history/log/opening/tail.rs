//! Where the records of a segment end.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use super::super::error::WriteError;
use super::super::found::Finder;
use super::super::note::{Ended, Note};
use super::super::record::{Flaw, Record};
use super::super::scan::{Hole, Scan, Step};
use super::super::segment::{MODE, Segment};
use crate::frame::Epoch;

/// Bytes that are copied at a time.
const CHUNK: u64 = 256 * 1024;

/// The end of the last segment, which holds no records.
pub(in super::super) struct Tail {
    pub(in super::super) from: u64,
    to: u64,
    /// What is wrong with its first record; none where that is whole, and the rest of its unit is missing.
    flaw: Option<Flaw>,
    blank: bool,
    pub(super) suspect: Option<(Box<str>, Epoch)>,
    /// It is not what a write leaves that was broken off.
    pub(in super::super) damage: bool,
}

/// What was read of a segment, beside its records.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) holes: Vec<Hole>,
    pub(super) tail: Option<Tail>,
}

/// Gives the records of `segment` to `finder`. In the last one, what is behind the last whole unit is its tail.
pub(super) fn read(segment: &Arc<Segment>, is_last: bool, finder: &mut Finder) -> io::Result<Scanned> {
    let mut scan = Scan::new(segment);
    let mut scanned = Scanned::default();
    let mut unit = Unit::default();
    let end = segment.length();
    while let Some(step) = scan.next()? {
        match step {
            Step::Whole { at, record, bytes } => unit.take(segment, at, &record, bytes, finder),
            Step::Bad(hole) if is_last && hole.to == end => {
                let Hole { flaw, blank, suspect, from, .. } = hole;
                scanned.tail = Some(Tail { from, to: end, flaw: Some(flaw), blank, suspect, damage: false });
            }
            Step::Bad(hole) => {
                unit.end(segment, finder);
                scanned.holes.push(hole);
            }
        }
    }
    if let Some(from) = unit.start().filter(|_| is_last) {
        let whole = Tail { from, to: end, flaw: None, blank: false, suspect: None, damage: false };
        scanned.tail = Some(match scanned.tail {
            Some(tail) => Tail { from, ..tail },
            None => whole,
        });
    } else {
        unit.end(segment, finder);
    }
    Ok(scanned)
}

/// Records of which all count or none, as far as they were read: where, and their bytes.
#[derive(Default)]
struct Unit(Vec<(u32, Box<[u8]>)>);

impl Unit {
    fn take(
        &mut self,
        segment: &Arc<Segment>,
        at: u32,
        record: &Record<'_>,
        bytes: &[u8],
        finder: &mut Finder,
    ) {
        if record.more {
            return self.0.push((at, bytes.into()));
        }
        self.end(segment, finder);
        finder.take(segment, at, bytes.len() as u32, record);
    }

    fn end(&mut self, segment: &Arc<Segment>, finder: &mut Finder) {
        for (at, bytes) in self.0.drain(..) {
            if let Ok((record, length)) = Record::decode(&bytes) {
                finder.take(segment, at, length as u32, &record);
            }
        }
    }

    fn start(&self) -> Option<u64> {
        self.0.first().map(|(at, _)| u64::from(*at))
    }
}

impl Tail {
    /// Whether this is what a write leaves that was broken off. One that its process did not live to end leaves the
    /// beginning of a record; a machine that crashed may leave anything behind what was synced. After a clean end
    /// there is nothing to tear.
    pub(super) fn is_torn(&self, before: Option<&Note>, boot: &str) -> bool {
        match before {
            Some(Note { ended: Ended::No, boot: then, .. }) if then == boot => {
                self.blank || self.flaw.is_none_or(|flaw| flaw == Flaw::Short)
            }
            Some(Note { ended: Ended::No, .. }) | None => true,
            Some(Note { ended: Ended::At { .. } | Ended::Damaged, .. }) => false,
        }
    }

    /// Bytes in it.
    pub(in super::super) fn bytes(&self) -> u64 {
        self.to - self.from
    }

    /// Cuts it off; it is kept beside the segment where there is space for it.
    pub(super) fn cut(&self, segment: &Segment) -> Result<(), WriteError> {
        let kept = segment.path.with_extension("torn");
        if let Err(error) = self.copy(segment, &kept) {
            tracing::warn!(path = %kept.display(), %error, "what was cut from the log is not kept");
            let _tried = std::fs::remove_file(&kept);
        }
        segment.set_length(self.from);
        let cut = segment.cut().and_then(|()| segment.sync());
        cut.map_err(WriteError::io(&segment.path, "cannot be cut back"))
    }

    fn copy(&self, segment: &Segment, into: &std::path::Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(into)?;
        let mut at = self.from;
        while at < self.to {
            let mut chunk = vec![0; (self.to - at).min(CHUNK) as usize];
            segment.read(&mut chunk, at)?;
            io::Write::write_all(&mut &file, &chunk)?;
            at += chunk.len() as u64;
        }
        file.sync_all()
    }
}
