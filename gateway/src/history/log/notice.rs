//! What was found in a log that is not as it should be.

use std::fmt;
use std::path::PathBuf;

use super::opening::Tail;
use super::scan::Hole;
use super::segment::Segment;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The last file ended in the middle of a write, which was cut off.
    Torn {
        /// The file.
        path: PathBuf,
        /// Where it ends now.
        at: u64,
        /// How many bytes were cut.
        bytes: u64,
        /// Records were lost that had been committed.
        damage: bool,
    },
    /// Bytes in the middle of a file are no records.
    Hole {
        /// The file.
        path: PathBuf,
        /// Where they begin.
        from: u64,
        /// Where the next record is.
        to: u64,
        /// What is wrong with them.
        why: String,
    },
    /// A file in the middle is missing, or the end of one.
    Missing {
        /// The file behind which it is.
        path: PathBuf,
        /// How long that is.
        at: u64,
        /// The file that follows.
        next: PathBuf,
    },
    /// The last file was only just made, and is made anew.
    Unmade {
        /// The file.
        path: PathBuf,
    },
    /// The log is shorter than it was when it was closed.
    Shortened {
        /// Up to which segment it went.
        segment: u64,
        /// And to which length of that.
        length: u64,
    },
    /// The machine has crashed, or the log was brought here from another: what was not synced may be gone.
    Crashed,
    /// Rooms have another epoch from here on.
    Renewed {
        /// How many.
        rooms: usize,
    },
}

impl Notice {
    pub(super) fn torn(segment: &Segment, tail: &Tail) -> Self {
        let (path, at) = (segment.path.clone(), tail.from);
        Self::Torn { path, at, bytes: tail.bytes(), damage: tail.damage }
    }

    pub(super) fn hole(segment: &Segment, hole: &Hole) -> Self {
        let (path, why) = (segment.path.clone(), hole.flaw.to_string());
        Self::Hole { path, from: hole.from, to: hole.to, why }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { path, at, bytes, damage } => {
                let what = if *damage { "damaged" } else { "torn in the middle of a write" };
                let kept = path.with_extension("torn");
                write!(
                    f,
                    "{}: {what} at byte {at}: {bytes} bytes were cut off, and kept in {}",
                    path.display(),
                    kept.display()
                )
            }
            Self::Hole { path, from, to, why } => {
                let bytes = to - from;
                write!(f, "{}: no record at byte {from}: {why}; {bytes} bytes are left out", path.display())
            }
            Self::Missing { path, at, next } => {
                let (path, next) = (path.display(), next.display());
                write!(f, "{path}: records are missing between its end, at byte {at}, and {next}")
            }
            Self::Unmade { path } => write!(f, "{}: nothing was written to it yet", path.display()),
            Self::Shortened { segment, length } => {
                write!(
                    f,
                    "the log was closed at byte {length} of segment {segment}, and ends before that now"
                )
            }
            Self::Crashed => f.write_str("the machine has crashed: what was not synced may be gone"),
            Self::Renewed { rooms } => {
                write!(
                    f,
                    "{rooms} rooms have another epoch from here on, as some of their events may be gone"
                )
            }
        }
    }
}
