//! The file `state` of a log's folder: what the log must know of its last end.
//!
//! Lines of `KEY = VALUE`, written anew as a whole:
//!
//! ```text
//! format = 1
//! log = 5f0c3a9d11e4b872
//! boot = 4fed8b42-b6fb-4977-87a8-c14b0dd4a97c
//! ended = no
//! ```
//!
//! `log` is the id that stands in each segment. `boot` is that of the machine, by the kernel, when the log was opened
//! last: where it is another one now and the log was not ended, the machine has crashed, and what was not synced may be
//! gone. `ended` is `no` while the log is open, and after a kill; `at SEGMENT LENGTH` after a clean end, with where
//! the log ended; `damaged` where a record that was needed could not be read any more.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::segment::{FORMAT, MODE};

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) log: u64,
    pub(super) boot: String,
    pub(super) ended: Ended,
}

/// How a log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It did not: it is open, or its process was killed, or the machine crashed.
    No,
    /// Behind so many bytes of this segment, and all was synced.
    At { segment: u64, length: u64 },
    /// A record that was needed could not be read any more.
    Damaged,
}

/// The note of the log in `folder`.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("state")
}

impl Note {
    /// Reads the one in `folder`, where there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = path(folder);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::io(&path, "cannot be read")(error)),
        };
        let text = String::from_utf8_lossy(&text);
        match value(&text, "format") {
            Some(format) if format == FORMAT.to_string() => {}
            Some(format) => return Err(OpenError::Version { path, found: shown(format) }),
            None => return Err(OpenError::foreign(&path, "not a log's state: it has no line 'format = …'")),
        }
        let wrong = |key: &str| {
            let found = value(&text, key).map_or("missing".to_owned(), |value| format!("'{}'", shown(value)));
            OpenError::foreign(&path, format!("not a log's state: '{key}' is {found}"))
        };
        let log = value(&text, "log").and_then(|log| u64::from_str_radix(log, 16).ok());
        let ended = value(&text, "ended").and_then(Ended::parse);
        Ok(Some(Self {
            log: log.ok_or_else(|| wrong("log"))?,
            boot: value(&text, "boot").ok_or_else(|| wrong("boot"))?.to_owned(),
            ended: ended.ok_or_else(|| wrong("ended"))?,
        }))
    }

    /// Puts this one in the place of that in `folder`; returns when the disk has it.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join("state.new");
        let text = format!(
            "format = {FORMAT}\nlog = {:016x}\nboot = {}\nended = {}\n",
            self.log,
            self.boot,
            self.ended.shown()
        );
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path(folder))?;
        sync_folder(folder)
    }
}

impl Ended {
    fn parse(text: &str) -> Option<Self> {
        match text.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            ["no"] => Some(Self::No),
            ["damaged"] => Some(Self::Damaged),
            ["at", segment, length] => {
                Some(Self::At { segment: segment.parse().ok()?, length: length.parse().ok()? })
            }
            _ => None,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::No => "no".to_owned(),
            Self::Damaged => "damaged".to_owned(),
            Self::At { segment, length } => format!("at {segment} {length}"),
        }
    }
}

/// Returns when the disk has the names in `folder`.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What the kernel calls this run of the machine. Where it does not tell, one that is never met again: what was not
/// ended is then taken for a crash.
pub(super) fn boot() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    told.map_or_else(|_| uuid::Uuid::new_v4().to_string(), |id| id.trim().to_owned())
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim()))
}

/// So much of a value as an error should show.
fn shown(value: &str) -> String {
    value.chars().take(60).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Note::read(folder.path()).unwrap(), None);
        for ended in [Ended::No, Ended::Damaged, Ended::At { segment: 3, length: 99 }] {
            let note = Note { log: 0x1234, boot: boot(), ended };
            note.write(folder.path()).unwrap();
            assert_eq!(Note::read(folder.path()).unwrap(), Some(note));
        }
    }

    #[test]
    fn what_is_no_note_is_named_with_what_was_found() {
        let folder = tempfile::tempdir().unwrap();
        for (text, said) in [
            ("", "it has no line 'format = …'"),
            ("format = 2\n", "format 2; this version reads and writes format 1"),
            ("format = 1\nlog = x\nboot = b\nended = no", "'log' is 'x'"),
            ("format = 1\nlog = 1\nended = no", "'boot' is missing"),
            ("format = 1\nlog = 1\nboot = b\nended = at 1", "'ended' is 'at 1'"),
        ] {
            fs::write(path(folder.path()), text).unwrap();
            let error = Note::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("/state:"), "{error}");
        }
    }
}
