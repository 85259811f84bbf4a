//! A source that is read, and what came of it.

use std::time::Duration;

use serde_json::{Map, Value};
use testkit::Mysqld;
use tidegate_db_listener::change::{Cell, Change, TableName};
use tidegate_db_listener::settings::SourceSettings;
use tidegate_db_listener::source::mariadb::MariaDb;
use tidegate_db_listener::source::{Batch, Failure, Feed, Listen, Position};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Has each of these be a test for each of the two kinds of servers.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn on_mariadb() {
                super::$test(&mut testkit::MariaDb::start()).await;
            }

            #[tokio::test]
            async fn on_mysql() {
                super::$test(&mut testkit::MySql::start()).await;
            }
        }
    )*};
}
pub(crate) use on_both;

/// What takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A source at work.
pub(crate) struct Listening {
    batches: mpsc::Receiver<Batch>,
    task: JoinHandle<Failure>,
    _confirmed: watch::Sender<Option<Position>>,
    waiting: std::collections::VecDeque<Change>,
    /// The last position that was handed over.
    pub(crate) position: Option<Position>,
}

/// A table of the schema `app`.
pub(crate) fn named(table: &str) -> TableName {
    TableName { schema: "app".into(), table: table.into() }
}

impl Listening {
    /// Listens to tables of `app` from where the log is now, and waits until nothing is missed any more.
    pub(crate) async fn to(url: &str, tables: &[&str]) -> Self {
        let mut listening = Self::start(url, tables, None, false);
        listening.moved().await;
        listening
    }

    /// Goes on where one was.
    pub(crate) fn from(url: &str, tables: &[&str], position: Option<Position>) -> Self {
        Self::start(url, tables, position, false)
    }

    pub(crate) fn start(url: &str, tables: &[&str], position: Option<Position>, snapshot: bool) -> Self {
        let (sender, batches) = mpsc::channel(4);
        let (confirmed, receiver) = watch::channel(None);
        let server_id = 0x8000_0000 + std::process::id() % 0x1000 * 0x1000 + number();
        let settings =
            SourceSettings { url: Some(url.into()), server_id, snapshot, ..SourceSettings::default() };
        let source = MariaDb::new(settings, tables.iter().map(|table| named(table)));
        let feed = Feed { batches: sender, confirmed: receiver };
        let from = position.clone();
        let task = tokio::spawn(async move { source.run(from, feed).await });
        Self { batches, task, _confirmed: confirmed, waiting: Default::default(), position }
    }

    async fn batch(&mut self) -> Option<Batch> {
        let batch =
            tokio::time::timeout(PATIENCE, self.batches.recv()).await.expect("a batch comes in time")?;
        if batch.position.is_some() {
            self.position.clone_from(&batch.position);
        }
        Some(batch)
    }

    /// Waits for the next position.
    pub(crate) async fn moved(&mut self) {
        loop {
            let Some(batch) = self.batch().await else { panic!("{:?}", (&mut self.task).await) };
            let moved = batch.position.is_some();
            self.waiting.extend(batch.changes);
            if moved {
                return;
            }
        }
    }

    /// Waits until it has come to that position, or one that has it.
    pub(crate) async fn moved_to(&mut self, gtids: &str) {
        while self.position.as_ref().is_none_or(|position| !position.0.contains(gtids)) {
            self.moved().await;
        }
    }

    /// The next so many changes.
    pub(crate) async fn changes(&mut self, count: usize) -> Vec<Change> {
        while self.waiting.len() < count {
            let Some(batch) = self.batch().await else { panic!("{:?}", (&mut self.task).await) };
            self.waiting.extend(batch.changes);
        }
        self.waiting.drain(..count).collect()
    }

    /// The next change.
    pub(crate) async fn change(&mut self) -> Change {
        self.changes(1).await.remove(0)
    }

    /// All until it ends, and why it did.
    pub(crate) async fn ended(mut self) -> (Vec<Change>, Failure, Option<Position>) {
        while let Some(batch) = self.batch().await {
            self.waiting.extend(batch.changes);
        }
        let failure = self.task.await.unwrap();
        (self.waiting.into(), failure, self.position)
    }

    /// Why it ends.
    pub(crate) async fn failure(self) -> Failure {
        self.ended().await.1
    }

    /// Stops it, as the pump does; it may have read ahead of what was taken.
    pub(crate) async fn stop(self) -> Option<Position> {
        drop(self.batches);
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("it ends with its pump");
        ended.unwrap();
        self.position
    }
}

fn number() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// A row as an object; what it does not tell is not in it.
pub(crate) fn object(change: &Change, cells: Option<&Vec<Cell>>) -> Value {
    let Some(cells) = cells else { return Value::Null };
    assert_eq!(cells.len(), change.shape.columns.len());
    let told = change
        .shape
        .columns
        .iter()
        .zip(cells)
        .filter_map(|(name, cell)| Some((name.clone(), cell.value()?.clone())));
    Value::Object(told.collect::<Map<_, _>>())
}

pub(crate) fn new(change: &Change) -> Value {
    object(change, change.new.as_ref())
}

pub(crate) fn old(change: &Change) -> Value {
    object(change, change.old.as_ref())
}

/// The last transaction that a server has written.
pub(crate) fn last_gtid(database: &Mysqld) -> String {
    if database.sql("SELECT VERSION()").contains("MariaDB") {
        return database.sql("SELECT @@gtid_binlog_pos");
    }
    let executed = database.sql("SELECT @@GLOBAL.gtid_executed");
    let (server, spans) = executed.split_once(':').unwrap();
    format!("{server}:{}", spans.rsplit('-').next().unwrap())
}

/// A position as the server writes it, without what kind of server it is of.
pub(crate) fn bare(position: &Option<Position>) -> String {
    position.as_ref().unwrap().0.split_once(':').unwrap().1.to_owned()
}

/// A statement that inserts so many rows into a table of three columns, `id` from 1.
pub(crate) fn insert(table: &str, rows: usize) -> String {
    let rows: Vec<_> = (1..=rows).map(|id| format!("({id},'row {id}',NULL)")).collect();
    format!("INSERT INTO {table} VALUES {}", rows.join(","))
}
