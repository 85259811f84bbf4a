//! The audit log: who did what to whom, a JSON object per line. Whoever has something to tell puts it into a bounded
//! queue and goes on; a thread of its own writes. What does not fit is counted, and the next line tells how much.
//!
//! No token, key, cookie, query or event's data ever gets here: an [`Entry`] has no place for it.

mod entry;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

pub use entry::{Deed, Entry, Source};

use crate::frame::Timestamp;
use crate::metrics::Metrics;
use writer::{Message, Writer};

/// Lines that wait at most.
const WAITING: usize = 8192;
/// Of these, those that are kept free for what operators do: clients can join and leave as fast as their limits let
/// them, and what they bring about must not push out that a token was called back.
const RESERVE: usize = 1024;
/// Refusals of one second that are written: whoever is refused can come again as often as the line allows, and would
/// fill the disk.
const REFUSALS: u64 = 200;
/// For how long the end waits for what is not written yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no audit log.
#[derive(Debug, thiserror::Error)]
#[error("audit.file: {} cannot be written: {source}", path.display())]
pub struct AuditError {
    path: PathBuf,
    source: std::io::Error,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Audit(Option<On>);

/// One that writes.
#[derive(Debug)]
struct On {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
}

/// What those who tell and the writer share.
#[derive(Debug)]
struct Shared {
    metrics: Arc<Metrics>,
    /// Lines that got lost since the last that was written.
    lost: AtomicU64,
    /// Lines in the queue.
    waiting: AtomicUsize,
    /// The file is to be opened anew.
    reopen: AtomicBool,
    /// The second since 1970 that `refusals` counts.
    second: AtomicU64,
    refusals: AtomicU64,
}

impl Audit {
    /// One that writes nothing.
    pub fn off() -> Arc<Self> {
        Arc::new(Self(None))
    }

    /// Writes to `path`, behind what is there; an empty one is [`off`](Self::off).
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn open(path: &Path, metrics: &Arc<Metrics>) -> Result<Arc<Self>, AuditError> {
        if path.as_os_str().is_empty() {
            return Ok(Self::off());
        }
        let failed = |source| AuditError { path: path.to_owned(), source };
        let file = writer::open(path).map_err(failed)?;
        let (queue, messages) = sync_channel(WAITING);
        let shared = Arc::new(Shared::new(Arc::clone(metrics)));
        let writer = Writer::new(path.to_owned(), file, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || writer.run(&messages)).map_err(failed)?;
        Ok(Arc::new(Self(Some(On { queue, shared }))))
    }

    /// Whether anything is written.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Has a line written; `tell` says what stands in it besides the deed and the time. Never waits.
    pub fn record(&self, deed: Deed, tell: impl FnOnce(Entry) -> Entry) {
        let Some(On { queue, shared }) = &self.0 else { return };
        let now = Timestamp::now();
        let few = !deed.is_refusal() || shared.takes_refusal(now);
        if !few || !shared.enters(deed) {
            return shared.lose(1, 0);
        }
        if queue.try_send(Message::Entry(Box::new(tell(Entry::new(deed, now))))).is_err() {
            shared.has_left();
            shared.lose(1, 0);
        }
    }

    /// Has the file opened anew, as it may have been moved away.
    pub fn reopen(&self) {
        if let Some(On { queue, shared }) = &self.0 {
            shared.reopen.store(true, Ordering::Release);
            // A full queue wakes the writer as well, and it looks before each write.
            let _full = queue.try_send(Message::Look);
        }
    }

    /// Waits until what was told is written, for a while.
    pub fn finish(&self) {
        let Some(On { queue, .. }) = &self.0 else { return };
        let (done, written) = sync_channel(1);
        if queue.send(Message::Finish(done)).is_err() || written.recv_timeout(PATIENCE).is_err() {
            tracing::error!("the audit log was not written to its end");
        }
    }
}

impl Shared {
    fn new(metrics: Arc<Metrics>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            metrics,
            lost: zero(),
            waiting: AtomicUsize::new(0),
            reopen: AtomicBool::new(false),
            second: zero(),
            refusals: zero(),
        }
    }

    /// Whether a line may enter the queue; it is counted there then, until it [`has_left`](Self::has_left).
    fn enters(&self, deed: Deed) -> bool {
        let most = if deed.is_operators() { WAITING } else { WAITING - RESERVE };
        let fits = self.waiting.fetch_add(1, Ordering::Relaxed) < most;
        if !fits {
            self.has_left();
        }
        fits
    }

    fn has_left(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts lines that are lost, and others of which they would have told.
    fn lose(&self, lines: u64, told: u64) {
        self.metrics.audit.dropped.add(lines);
        self.lost.fetch_add(lines + told, Ordering::Relaxed);
    }

    /// Whether a further refusal of this second is written.
    fn takes_refusal(&self, now: Timestamp) -> bool {
        let second = u64::try_from(now.0 / 1000).unwrap_or(0);
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.refusals.store(0, Ordering::Relaxed);
        }
        self.refusals.fetch_add(1, Ordering::Relaxed) < REFUSALS
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::Value;

    use super::*;

    fn lines(path: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_are_objects_in_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        fs::write(&path, "{\"event\":\"before\"}\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let metrics = Metrics::new(1);
        let audit = Audit::open(&path, &metrics).unwrap();
        audit.record(Deed::Joined, |entry| entry.session("ws_1").target("a\"\nroom"));
        audit.finish();
        let lines = lines(&path);
        assert_eq!(lines.len(), 2, "what was there stays");
        assert_eq!((&lines[1]["event"], &lines[1]["target"]), (&"joined".into(), &"a\"\nroom".into()));
        assert!(lines[1]["time"].as_str().unwrap().ends_with('Z') && lines[1]["dropped"].is_null());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!((metrics.audit.written.get(), metrics.audit.dropped.get()), (1, 0));
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit.log"), folder.path().join("audit.log.1"));
        let audit = Audit::open(&path, &Metrics::new(1)).unwrap();
        audit.record(Deed::Started, |entry| entry);
        audit.finish();
        fs::rename(&path, &moved).unwrap();
        audit.record(Deed::Joined, |entry| entry);
        audit.finish();
        audit.reopen();
        audit.record(Deed::Stopped, |entry| entry);
        audit.finish();
        let events = |path: &Path| lines(path).iter().map(|line| line["event"].clone()).collect::<Vec<_>>();
        assert_eq!(events(&moved), ["started", "joined"]);
        assert_eq!(events(&path), ["stopped"]);
    }

    #[test]
    fn a_flood_of_refusals_is_counted_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let audit = Audit::open(&path, &Metrics::new(1)).unwrap();
        for _ in 0..10_000 {
            audit.record(Deed::Refused, |entry| entry);
        }
        audit.finish();
        audit.record(Deed::Joined, |entry| entry);
        audit.finish();
        let lines = lines(&path);
        let told: u64 = lines.iter().filter_map(|line| line["dropped"].as_u64()).sum();
        assert_eq!(lines.len() as u64 - 1 + told, 10_000);
        assert!(lines.len() < 1001, "{}: at most some seconds' worth", lines.len());
    }

    #[test]
    fn nobody_waits_and_nothing_is_lost_unsaid_where_the_disk_is_full() {
        let metrics = Metrics::new(1);
        let audit = Audit::open(Path::new("/dev/full"), &metrics).unwrap();
        for _ in 0..20_000 {
            audit.record(Deed::Joined, |entry| entry);
        }
        audit.finish();
        assert_eq!((metrics.audit.written.get(), metrics.audit.dropped.get()), (0, 20_000));
    }

    #[test]
    fn a_flood_of_joins_leaves_space_for_what_operators_do() {
        let (queue, messages) = sync_channel(WAITING);
        let shared = Arc::new(Shared::new(Metrics::new(1)));
        let audit = Audit(Some(On { queue, shared: Arc::clone(&shared) }));
        let record = |deed: Deed, times: usize| (0..times).for_each(|_| audit.record(deed, |entry| entry));
        record(Deed::Joined, 2 * WAITING);
        record(Deed::Revoked, RESERVE);
        assert_eq!(shared.metrics.audit.dropped.get() as usize, WAITING + RESERVE, "joins alone");
        record(Deed::Revoked, 1);
        assert_eq!(shared.metrics.audit.dropped.get() as usize, WAITING + RESERVE + 1);
        assert_eq!(messages.try_iter().count(), WAITING);
    }

    #[test]
    fn one_that_is_off_does_nothing() {
        let audit = Audit::open(Path::new(""), &Metrics::new(1)).unwrap();
        assert!(!audit.is_on());
        audit.record(Deed::Joined, |_| unreachable!("nobody asks what to write"));
        audit.reopen();
        audit.finish();
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let error = Audit::open(Path::new("/nowhere/audit.log"), &Metrics::new(1)).unwrap_err();
        assert!(error.to_string().starts_with("audit.file: /nowhere/audit.log cannot be written"), "{error}");
    }
}
