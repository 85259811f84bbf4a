//! The head: the segment that is written.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::WriteError;
use super::note::sync_folder;
use super::segment::{HEADER, Segment};

/// Where segments are made.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The log's id, which stands in each segment.
    pub(super) log: u64,
    /// How long a segment may grow, bytes.
    pub(super) size: u64,
}

impl Folder {
    /// Makes the segment of this number, behind one of `previous` bytes.
    pub(super) fn begin(&self, number: u64, previous: u64) -> Result<Head, WriteError> {
        let path = self.path.join(super::segment::name(number));
        let made = Segment::create(&self.path, self.log, number, previous, self.size);
        let made = made.and_then(|segment| sync_folder(&self.path).map(|()| segment));
        match made {
            Ok(segment) => Ok(Head::new(Arc::new(segment))),
            Err(error) => {
                // It would stand there half written; where it can't be deleted it is written over the next time.
                let _tried = fs::remove_file(&path);
                Err(WriteError::io(&path, "cannot be made")(error))
            }
        }
    }

    /// Makes the segment behind that of `head`, all of which counts.
    pub(super) fn begin_behind(&self, head: &Head) -> Result<Head, WriteError> {
        self.begin(head.segment.number + 1, head.length)
    }

    /// Deletes a segment, and what was cut from it.
    pub(super) fn delete(&self, segment: &Segment) -> Result<(), WriteError> {
        let torn = segment.path.with_extension("torn");
        if torn.exists() {
            fs::remove_file(&torn).map_err(WriteError::io(&torn, "cannot be deleted"))?;
        }
        let done = fs::remove_file(&segment.path).and_then(|()| sync_folder(&self.path));
        done.map_err(WriteError::io(&segment.path, "cannot be deleted"))
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) segment: Arc<Segment>,
    /// Bytes that are committed; where the next record goes.
    length: u64,
    /// Something was written since the last sync.
    dirty: bool,
    /// A sync has failed: what was written may be nowhere, whatever the next one says.
    suspect: bool,
}

impl Head {
    /// Goes on behind what is in `segment`.
    pub(super) fn new(segment: Arc<Segment>) -> Self {
        let length = segment.length();
        Self { segment, length, dirty: true, suspect: false }
    }

    /// Whether there is space for so many bytes behind those that wait to be written: in an empty one for any.
    pub(super) fn fits(&self, waiting: usize, bytes: usize, size: u64) -> bool {
        let length = self.length + waiting as u64;
        length == HEADER || length + bytes as u64 <= size
    }

    /// Where the next record goes.
    pub(super) fn position(&self) -> u64 {
        self.length
    }

    /// Whether something was written since the last sync.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Whether nothing more should be written to it, as a sync has failed.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect
    }

    /// Writes `bytes` behind what is committed. They count once they are [kept](Self::keep).
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.dirty = true;
        self.segment
            .write(bytes, self.length)
            .map_err(WriteError::io(&self.segment.path, "cannot be written"))
    }

    /// Commits so many bytes that were written; answers where they start.
    pub(super) fn keep(&mut self, bytes: u64) -> u64 {
        let start = self.length;
        self.length += bytes;
        self.segment.set_length(self.length);
        start
    }

    /// Cuts off what was written and is not committed.
    pub(super) fn cut(&self) -> Result<(), WriteError> {
        self.segment.cut().map_err(WriteError::io(&self.segment.path, "cannot be cut back"))
    }

    /// Returns when the disk has what was written.
    pub(super) fn sync(&mut self) -> Result<(), WriteError> {
        if self.dirty {
            let synced = self.segment.sync();
            self.suspect |= synced.is_err();
            synced.map_err(WriteError::io(&self.segment.path, "cannot be synced"))?;
            self.dirty = false;
        }
        Ok(())
    }
}
