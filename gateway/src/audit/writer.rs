//! The thread that writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};

use super::{Entry, Shared};

/// Lines of one write at most.
const MOST: u64 = 256;
/// Who may read the file: its owner.
const MODE: u32 = 0o600;

/// What comes in the queue.
#[derive(Debug)]
pub(super) enum Message {
    /// A line.
    Entry(Box<Entry>),
    /// There is something to look at besides.
    Look,
    /// Tells when what came before is written.
    Finish(SyncSender<()>),
}

/// See the module's documentation.
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    shared: Arc<Shared>,
    /// What is to be written.
    text: Vec<u8>,
    /// Lines in it, and lines that these say were lost.
    lines: u64,
    told: u64,
    /// The last write broke off: a line may be there in part.
    torn: bool,
}

impl Writer {
    pub(super) fn new(path: PathBuf, file: File, shared: Arc<Shared>) -> Self {
        Self { path, file, shared, text: Vec::new(), lines: 0, told: 0, torn: false }
    }

    /// Writes until nobody is left who could tell anything.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        while let Ok(first) = messages.recv() {
            let mut finished = self.take(first);
            // What has come meanwhile is written with it.
            while self.lines < MOST
                && finished.is_none()
                && let Ok(next) = messages.try_recv()
            {
                finished = self.take(next);
            }
            if self.shared.reopen.swap(false, Ordering::AcqRel) {
                self.reopen();
            }
            self.write();
            if let Some(done) = finished {
                let _nobody_waits = done.send(());
            }
        }
    }

    fn take(&mut self, message: Message) -> Option<SyncSender<()>> {
        match message {
            Message::Entry(entry) => {
                self.shared.has_left();
                self.put(*entry);
            }
            Message::Look => {}
            Message::Finish(done) => return Some(done),
        }
        None
    }

    fn put(&mut self, mut entry: Entry) {
        entry.dropped = self.shared.lost.swap(0, Ordering::Relaxed);
        self.told += entry.dropped;
        // Writing to memory does not fail, and an entry is plain data.
        let _infallible = serde_json::to_writer(&mut self.text, &entry);
        self.text.push(b'\n');
        self.lines += 1;
    }

    fn reopen(&mut self) {
        match open(&self.path) {
            Ok(file) => (self.file, self.torn) = (file, false),
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "the audit log is not opened anew; the old file is written on");
            }
        }
    }

    fn write(&mut self) {
        if self.lines == 0 {
            return;
        }
        let begun = if self.torn { self.file.write_all(b"\n") } else { Ok(()) };
        match begun.and_then(|()| self.file.write_all(&self.text)) {
            Ok(()) => {
                self.shared.metrics.audit.written.add(self.lines);
                self.torn = false;
            }
            Err(error) => {
                if !self.torn {
                    tracing::error!(path = %self.path.display(), %error, "the audit log is not written; what is lost is counted");
                }
                self.torn = true;
                self.shared.lose(self.lines, self.told);
            }
        }
        self.text.clear();
        self.text.shrink_to(1 << 20);
        (self.lines, self.told) = (0, 0);
    }
}

/// Opens the file, behind what is there, for its owner alone.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let there = file.metadata()?;
    if there.is_file() && there.permissions().mode() & 0o777 != MODE {
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
    }
    Ok(file)
}
