//! Listens to a server as the pump does: it takes batches, confirms what they end with, and tries again when the source has ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::Postgres;
use tidegate_db_listener::change::{Cell, Change, TableName};
use tidegate_db_listener::source::postgres::address::Address;
use tidegate_db_listener::source::postgres::stats::{State, Stats};
use tidegate_db_listener::source::postgres::{Settings, run};
use tidegate_db_listener::source::{Batch, Failure, Feed, Position, Table};
use tokio::sync::{Notify, watch};

/// For how long a test waits before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn table(name: &str) -> TableName {
    TableName { schema: "public".into(), table: name.into() }
}

/// Settings for some tables of the database `postgres`, quick to notice things.
pub(crate) fn settings(postgres: &Postgres, tables: &[&str]) -> Settings {
    settings_at(&postgres.url("postgres"), tables)
}

pub(crate) fn settings_at(url: &str, tables: &[&str]) -> Settings {
    let tables = tables.iter().map(|name| table(name)).collect();
    let mut settings = Settings::new(Address::parse(url).unwrap(), tables);
    settings.poll = Duration::from_millis(100);
    settings
}

pub(crate) struct Listener {
    changes: Receiver<Change>,
    shared: Arc<Shared>,
    stats: watch::Receiver<Stats>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    failures: Mutex<Vec<Failure>>,
    confirms: AtomicBool,
    stop: Notify,
}

impl Listener {
    /// One that reads changes by now.
    pub(crate) fn start(settings: Settings) -> Self {
        let listener = Self::launch(settings);
        listener.wait_for(|stats| stats.state == State::Streaming);
        listener
    }

    /// One that may not get so far.
    pub(crate) fn launch(settings: Settings) -> Self {
        Self::launch_from(settings, None)
    }

    /// The same from a position on, which is known to be safe.
    pub(crate) fn launch_from(settings: Settings, from: Option<Position>) -> Self {
        let (sender, changes) = mpsc::channel();
        let (stats_sender, stats) = watch::channel(Stats::default());
        let (failures, stop) = (Mutex::default(), Notify::new());
        let shared = Arc::new(Shared { failures, confirms: AtomicBool::new(true), stop });
        let ours = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = listen(&settings, from, &sender, &stats_sender, &ours) => {}
                    () = ours.stop.notified() => {}
                }
            });
        });
        Self { changes, shared, stats, thread: Some(thread) }
    }

    /// The next change.
    pub(crate) fn next(&self) -> Change {
        self.changes
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("no change comes: {:?}", self.failures()))
    }

    /// So many changes.
    pub(crate) fn take(&self, count: usize) -> Vec<Change> {
        (0..count).map(|_| self.next()).collect()
    }

    /// What has come so far.
    pub(crate) fn so_far(&self) -> Vec<Change> {
        self.changes.try_iter().collect()
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        self.shared.failures.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    /// Waits until it has failed, with a text that holds another.
    pub(crate) fn wait_for_failure(&self, part: &str) -> Failure {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut failures = self.shared.failures.lock().unwrap();
            if let Some(at) = failures.iter().position(|failure| failure.to_string().contains(part)) {
                return failures.remove(at);
            }
            assert!(Instant::now() < deadline, "no {part:?} in {failures:?}");
            drop(failures);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it is doing as it should.
    pub(crate) fn wait_for(&self, well: impl Fn(&Stats) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !well(&self.stats.borrow()) {
            assert!(Instant::now() < deadline, "{:?} {:?}", *self.stats.borrow(), self.failures());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The tables as they were last seen.
    pub(crate) fn tables(&self) -> Vec<Table> {
        self.stats.borrow().tables.clone().unwrap_or_default()
    }

    /// Ends it; answers what has come and was not looked at.
    pub(crate) fn stop(mut self) -> Vec<Change> {
        self.end();
        self.so_far()
    }

    fn end(&mut self) {
        self.shared.stop.notify_one();
        let panicked = self.thread.take().is_some_and(|thread| thread.join().is_err());
        assert!(!panicked || thread::panicking(), "the source has panicked");
    }

    /// Whether what comes from now on is confirmed.
    pub(crate) fn confirm(&self, confirms: bool) {
        self.shared.confirms.store(confirms, Ordering::SeqCst);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.end();
    }
}

async fn listen(
    settings: &Settings,
    mut from: Option<Position>,
    changes: &mpsc::Sender<Change>,
    stats: &watch::Sender<Stats>,
    shared: &Shared,
) {
    loop {
        let (batches, mut taken) = tokio::sync::mpsc::channel::<Batch>(4);
        let (confirm, confirmed) = watch::channel(None);
        let start = from.clone();
        let take = async {
            while let Some(batch) = taken.recv().await {
                for change in batch.changes {
                    let _test_has_ended = changes.send(change);
                }
                if let Some(position) = batch.position.filter(|_| shared.confirms.load(Ordering::SeqCst)) {
                    from = Some(position.clone());
                    let _source_has_ended = confirm.send(Some(position));
                }
            }
            std::future::pending().await
        };
        let failure = tokio::select! {
            failure = run(settings, start.as_ref(), Feed { batches, confirmed }, stats) => failure,
            never = take => never,
        };
        shared.failures.lock().unwrap().push(failure);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the server knows that a change is safe: who ends before that is told of it again.
pub(crate) fn wait_until_safe(postgres: &Postgres, change: &Change) {
    let (commit, _) = change.origin.rsplit_once('/').unwrap();
    let safe = format!(
        "select confirmed_flush_lsn > '{commit}' from pg_replication_slots where slot_name = 'tidegate'"
    );
    let deadline = Instant::now() + PATIENCE;
    while postgres.sql("postgres", &safe) != "t" {
        assert!(Instant::now() < deadline, "{} never gets safe", change.origin);
        thread::sleep(Duration::from_millis(5));
    }
}

/// A column of a row by its name.
pub(crate) fn column<'a>(change: &'a Change, row: Option<&'a Vec<Cell>>, name: &str) -> &'a Cell {
    let at = change.shape.columns.iter().position(|column| column == name).unwrap();
    &row.unwrap()[at]
}

/// A column of the new row.
pub(crate) fn new<'a>(change: &'a Change, name: &str) -> &'a Value {
    column(change, change.new.as_ref(), name).value().unwrap_or_else(|| panic!("{name} is unknown"))
}
