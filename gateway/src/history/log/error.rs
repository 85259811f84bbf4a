//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::record::TooLong;

/// Why a log cannot be opened. Nothing was changed but where it says that something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refused something.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// Of what file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// What has to be written first could not be.
    #[error("{0}")]
    Unwritten(WriteError),
    /// Two must not write the same files.
    #[error("{}: another process has this log open", .0.display())]
    Held(PathBuf),
    /// It was written by another version, whose files mean something else.
    #[error("{}: format {found}; this version reads and writes format {}", path.display(), super::segment::FORMAT)]
    Version {
        /// Which file says so.
        path: PathBuf,
        /// What stands there.
        found: String,
    },
    /// A file of the log's name that is none of its files.
    #[error("{}: {found}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What was found there.
        found: String,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), doing, source }
    }

    pub(super) fn foreign(path: &Path, found: impl Into<String>) -> Self {
        Self::Foreign { path: path.to_owned(), found: found.into() }
    }
}

/// Why events were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system did not take them.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// Into what file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// One of them is too long.
    #[error("{0}")]
    TooLong(String),
    /// The log has been closed.
    #[error("the log is closed")]
    Closed,
    /// Its thread has ended by a panic: what is written is safe, but nothing more will be.
    #[error("the log's thread has panicked; only a restart has it write again")]
    Panicked,
}

impl WriteError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), doing, source }
    }
}

impl From<TooLong> for WriteError {
    fn from(error: TooLong) -> Self {
        Self::TooLong(error.to_string())
    }
}

/// Why nothing may be put into a log now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// As much waits as may.
    #[error("too much waits for the log")]
    Full,
    /// The log cannot be written; it is tried again each second.
    #[error("the log cannot be written: {0}")]
    Failed(Arc<WriteError>),
}
