//! Opening a log's folder: what is there is read, judged and put in order, before anything is written to it.

mod tail;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;

use super::error::{OpenError, WriteError};
use super::found::{Doubt, Finder, Found, Position};
use super::head::{Folder, Head};
use super::note::{self, Ended, Note};
use super::record::{Record, What};
use super::segment::{self, Header, MODE, Place, Segment};
use super::{Notice, Settings};
use crate::frame::{Epoch, Timestamp};
pub(super) use tail::Tail;
use tail::read;

/// The longest a segment may be: places in it are numbers of 32 bits.
const LONGEST: u64 = 1 << 30;
/// The shortest that makes sense.
const SHORTEST: u64 = 4 * 1024;

/// A log whose files were read; it writes once it is [started](super::Log::start).
#[derive(Debug)]
pub struct Opened {
    pub(super) settings: Settings,
    pub(super) folder: Folder,
    /// Oldest first, without the head.
    pub(super) sealed: Vec<Arc<Segment>>,
    pub(super) head: Head,
    pub(super) note: Note,
    /// What rooms were called in records that stay, and what they are called now.
    pub(super) renamed: HashMap<Epoch, Epoch>,
    /// Held while the log is open.
    pub(super) lock: File,
    notices: Vec<Notice>,
}

impl Opened {
    /// What was not as it should be; each is in the process' log, too.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

/// See [`Log::open`](super::Log::open).
pub(super) fn open(settings: Settings) -> Result<(Opened, Vec<Found>), OpenError> {
    let path = settings.folder.clone();
    fs::create_dir_all(&path).map_err(OpenError::io(&path, "cannot be made"))?;
    let lock = lock(&path)?;
    let before = Note::read(&path)?;
    let size = settings.segment.clamp(SHORTEST, LONGEST);
    let mut there = There::read(&path, before.as_ref().map(|note| note.log), size)?;
    let note = Note { log: there.log, boot: note::boot(), ended: Ended::No };

    let mut finder = Finder::default();
    let tail = there.scan(before.as_ref(), &note.boot, &mut finder)?;
    let doubt = there.doubt(before.as_ref(), &note.boot);
    let folder = Folder { path, log: there.log, size };
    let mut head = there.head(&folder, tail, &note).map_err(OpenError::Unwritten)?;

    let mut renewals = Renewals { folder: &folder, head: &mut head, sealed: &mut there.segments, count: 0 };
    let finished = finder.finish(doubt, |room, epoch, last, lax| renewals.write(room, epoch, last, lax));
    let (found, renamed) = finished.map_err(OpenError::Unwritten)?;
    if renewals.count > 0 {
        there.notices.push(Notice::Renewed { rooms: renewals.count });
    }
    head.sync().map_err(OpenError::Unwritten)?;
    note.write(&folder.path).map_err(OpenError::io(&note::path(&folder.path), "cannot be written"))?;
    there.notices.iter().for_each(|notice| tracing::warn!(folder = %folder.path.display(), "{notice}"));
    let (sealed, notices) = (there.segments, there.notices);
    Ok((Opened { settings, folder, sealed, head, note, renamed, lock, notices }, found))
}

/// Takes the folder's lock.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&path);
    let file = opened.map_err(OpenError::io(&path, "cannot be made"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Held(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::io(&path, "cannot be locked")(error)),
    }
}

/// What is in the folder.
struct There {
    log: u64,
    /// Oldest first.
    segments: Vec<Arc<Segment>>,
    /// Where records are missing between two of them.
    ends: Vec<Position>,
    /// The last file holds no segment yet: it was being made when the process or the machine ended.
    unmade: Option<(u64, PathBuf)>,
    notices: Vec<Notice>,
}

impl There {
    fn new(log: u64) -> Self {
        Self { log, segments: Vec::new(), ends: Vec::new(), unmade: None, notices: Vec::new() }
    }

    fn read(folder: &Path, log: Option<u64>, size: u64) -> Result<Self, OpenError> {
        let entries = fs::read_dir(folder).map_err(OpenError::io(folder, "cannot be read"))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let entry = entry.map_err(OpenError::io(folder, "cannot be read"))?;
            numbers.extend(entry.file_name().to_str().and_then(segment::number));
        }
        numbers.sort_unstable();
        let mut there = Self::new(log.unwrap_or(0));
        let mut known = log.is_some();
        for number in &numbers {
            let path = folder.join(segment::name(*number));
            let opened = Segment::open(&path, *number, size);
            let (segment, header) = opened.map_err(OpenError::io(&path, "cannot be opened"))?;
            match header {
                Header::Unwritten if Some(number) == numbers.last() => there.unmade = Some((*number, path)),
                Header::Good { log, number: inside, previous }
                    if inside == *number && (!known || log == there.log) =>
                {
                    (there.log, known) = (log, true);
                    there.add(segment, previous)?;
                }
                header => return Err(refused(path, *number, header)),
            }
        }
        if !known {
            there.log = uuid::Uuid::new_v4().as_u64_pair().0;
        }
        Ok(there)
    }

    /// Another segment, behind one of `previous` bytes.
    fn add(&mut self, segment: Segment, previous: u64) -> Result<(), OpenError> {
        if segment.length() > u64::from(u32::MAX) {
            return Err(OpenError::foreign(&segment.path, "longer than a segment of this log can be"));
        }
        if let Some(before) = self.segments.last() {
            let follows = before.number + 1 == segment.number;
            if !follows || before.length() < previous {
                let (path, next) = (before.path.clone(), segment.path.clone());
                self.ends.push((before.number, before.length()));
                self.notices.push(Notice::Missing { path, at: before.length(), next });
            } else if before.length() > previous {
                before.set_length(previous); // what is behind that could not be cut off when it had failed
            }
        }
        self.segments.push(Arc::new(segment));
        Ok(())
    }

    /// Reads all records; answers where the last segment's end is torn.
    fn scan(
        &mut self,
        before: Option<&Note>,
        boot: &str,
        finder: &mut Finder,
    ) -> Result<Option<Tail>, OpenError> {
        let mut torn = None;
        self.ends.iter().for_each(|end| finder.hole(*end, None));
        // Behind one that was sealed no write can have broken off.
        let last = self.segments.last().filter(|_| self.unmade.is_none()).map(|segment| segment.number);
        for segment in &self.segments {
            let is_last = Some(segment.number) == last;
            let unreadable = OpenError::io(&segment.path, "cannot be read");
            let scanned = read(segment, is_last, finder).map_err(unreadable)?;
            for hole in scanned.holes {
                self.notices.push(Notice::hole(segment, &hole));
                finder.hole((segment.number, hole.from), hole.suspect.as_ref());
            }
            torn = scanned.tail;
        }
        if let (Some(tail), Some(last)) = (&mut torn, self.segments.last()) {
            tail.damage = !tail.is_torn(before, boot);
            self.notices.push(Notice::torn(last, tail));
            if tail.damage {
                finder.hole((last.number, tail.from), tail.suspect.as_ref());
            }
        }
        Ok(torn)
    }

    /// Whose epochs cannot be trusted, by how the log ended.
    fn doubt(&mut self, before: Option<&Note>, boot: &str) -> Doubt {
        let end = self.segments.last().map(|last| (last.number, last.length()));
        match before {
            None if self.segments.is_empty() => Doubt::None,
            Some(Note { ended: Ended::Damaged, .. }) => Doubt::All,
            Some(Note { ended: Ended::At { segment, length }, .. }) => {
                if end.is_some_and(|end| end >= (*segment, *length)) {
                    return Doubt::None;
                }
                self.notices.push(Notice::Shortened { segment: *segment, length: *length });
                Doubt::All
            }
            Some(Note { ended: Ended::No, boot: then, .. }) if then == boot => Doubt::None,
            None | Some(Note { ended: Ended::No, .. }) => {
                self.notices.push(Notice::Crashed);
                Doubt::Lax
            }
        }
    }

    /// The segment that is written on: the last one, without its torn end, or a new one.
    fn head(&mut self, folder: &Folder, tail: Option<Tail>, note: &Note) -> Result<Head, WriteError> {
        if let Some((number, path)) = self.unmade.take() {
            self.notices.push(Notice::Unmade { path });
            let previous = self.segments.last().map_or(0, |last| last.length());
            return folder.begin(number, previous);
        }
        let Some(last) = self.segments.pop() else { return folder.begin(1, 0) };
        if let Some(tail) = tail {
            if tail.damage {
                // Said before the end is gone by which it can be seen.
                let said = Note { ended: Ended::Damaged, ..note.clone() }.write(&folder.path);
                said.map_err(WriteError::io(&note::path(&folder.path), "cannot be written"))?;
            }
            tail.cut(&last)?;
        }
        Ok(Head::new(last))
    }
}

/// Why a file is no segment of this log.
fn refused(path: PathBuf, number: u64, header: Header) -> OpenError {
    match header {
        Header::Version(found) => OpenError::Version { path, found: found.to_string() },
        Header::Good { number: inside, .. } if inside != number => {
            OpenError::foreign(&path, format!("holds the segment {inside} under the name of another"))
        }
        Header::Good { log, .. } => OpenError::foreign(&path, format!("belongs to another log, {log:016x}")),
        Header::Unwritten => OpenError::foreign(&path, "empty, and there are later segments"),
        Header::Foreign => OpenError::foreign(&path, "not a segment of a log"),
    }
}

/// Writes down the new epochs of rooms.
struct Renewals<'a> {
    folder: &'a Folder,
    head: &'a mut Head,
    sealed: &'a mut Vec<Arc<Segment>>,
    count: usize,
}

impl Renewals<'_> {
    fn write(&mut self, room: &str, epoch: Epoch, last: u64, lax: bool) -> Result<Place, WriteError> {
        let mut bytes = Vec::new();
        let note = Record::note(What::Renewed, room, epoch, last, Timestamp::now());
        let len = Record { lax, ..note }.encode(&mut bytes)?;
        if !self.head.fits(0, bytes.len(), self.folder.size) {
            self.head.sync()?;
            let next = self.folder.begin_behind(self.head)?;
            self.sealed.push(std::mem::replace(self.head, next).segment);
        }
        self.head.write(&bytes)?;
        let at = self.head.keep(u64::from(len));
        self.count += 1;
        Ok(Place::new(&self.head.segment, at as u32, len))
    }
}
