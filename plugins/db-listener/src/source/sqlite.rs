//! SQLite: a change table that triggers write, read again and again, and made empty behind us.
//!
//! SQLite tells nobody of its changes, so the database notes them itself, in the transaction that makes them. [`setup`] is the SQL
//! for that, which `tidegate plugin db-listener init` prints. What is read is told in the order of the numbers of the change table,
//! which is that of the commits, as one connection writes at a time.

mod read;
mod setup;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Batch, Failure, Feed, Listen, Position, Purpose, Query, Stage, Standing, Table, Told};
use crate::change::TableName;
use crate::settings::{Settings, SourceSettings};
use read::Reader;
pub use setup::setup;

/// How long a lock of the application's is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Changes that are read at once, and taken out of the table at once.
const MOST: usize = 500;

/// A database of SQLite.
#[derive(Debug)]
pub struct Sqlite {
    settings: SourceSettings,
    tables: Vec<TableName>,
    purpose: Purpose,
    seen: Mutex<Seen>,
}

/// The tables as they were when they were last looked at.
#[derive(Debug, Default)]
struct Seen {
    /// How often the schema had been changed then.
    version: i64,
    tables: Option<Vec<Table>>,
    /// What the database lacks to note all changes.
    lack: Option<String>,
}

impl Sqlite {
    /// The database that the settings name.
    #[must_use]
    pub fn new(settings: &Settings, purpose: Purpose) -> Self {
        Self { settings: settings.source.clone(), tables: settings.tables(), purpose, seen: Mutex::default() }
    }

    pub(super) async fn init(&self) -> Result<Vec<String>, Failure> {
        let (connection, tables) = (self.open().await?, self.tables.clone());
        blocking(move || setup(&connection, &tables)).await
    }

    /// The tables as they are.
    pub(super) async fn look(&self) -> Result<Vec<Table>, Failure> {
        let (connection, tables) = (self.open().await?, self.tables.clone());
        blocking(move || setup::tables(&connection, &tables)).await
    }

    pub(super) async fn apply(&self, statements: &[String]) -> Result<(), Failure> {
        let (connection, statements) = (self.open().await?, statements.join(";\n"));
        blocking(move || {
            let sql = format!("BEGIN IMMEDIATE;\n{statements};\nCOMMIT");
            connection.execute_batch(&sql).map_err(|error| failure("init", &error))
        })
        .await
    }

    /// Opens the file, which must be there.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn open(&self) -> Result<Connection, Failure> {
        let path = self.path()?;
        blocking(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let told = |error: &Error| failure(&format!("SQLite '{}'", path.display()), error);
            let connection = Connection::open_with_flags(&path, flags).map_err(|error| told(&error))?;
            connection.busy_timeout(PATIENCE).map_err(|error| told(&error))?;
            // The first thing that reads the file.
            let asked =
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
            asked.map_err(|error| told(&error))?;
            Ok(connection)
        })
        .await
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self) -> Result<PathBuf, Failure> {
        let url = self.settings.read_url().map_err(Failure::Lasting)?;
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(&url);
        Ok(path.into())
    }

    async fn follow(&self, from: Option<Position>, feed: &mut Feed) -> Result<(), Failure> {
        let mut connection = self.open().await?;
        let mut reader = Reader::new(self.tables.clone(), from.as_ref())?;
        if self.purpose == Purpose::Try {
            reader.after = read::last(&connection).map_err(|error| failure("the change table", &error))?;
            // From here on changes are told: the first batch says so.
            let here = Batch { changes: Vec::new(), position: Some(Position(reader.after.to_string())) };
            if feed.batches.send(here).await.is_err() {
                return Ok(());
            }
        } else if from.is_none() && self.settings.snapshot {
            let (batches, tables) = (feed.batches.clone(), self.tables.clone());
            let told = blocking(move || {
                let told = read::snapshot(&mut connection, &tables, &batches);
                told.map(|after| (connection, after)).map_err(|error| failure("the snapshot", &error))
            });
            let (back, after) = told.await?;
            connection = back;
            reader.after = after;
        }
        while !feed.batches.is_closed() {
            let safe = feed.confirmed.borrow_and_update().as_ref().and_then(|safe| safe.0.parse().ok());
            let (version, tables) = (self.seen().version, self.tables.clone());
            let read = blocking(move || {
                let seen = Seen::look(&connection, version, &tables)?;
                let batch = reader
                    .read(&mut connection, MOST)
                    .map_err(|error| failure("the change table", &error))?;
                let cleaned = reader.clean(&mut connection, safe, MOST);
                cleaned.map_err(|error| failure("what was told, in the change table", &error))?;
                Ok((connection, reader, batch, seen))
            });
            let (batch, seen);
            (connection, reader, batch, seen) = read.await?;
            if let Some(seen) = seen {
                *self.seen() = seen;
            }
            let was_full = batch.as_ref().is_some_and(|batch| batch.changes.len() == MOST);
            if let Some(batch) = batch
                && feed.batches.send(batch).await.is_err()
            {
                break;
            }
            if !was_full {
                tokio::select! {
                    () = sleep(self.settings.poll) => {}
                    () = feed.batches.closed() => {}
                }
            }
        }
        Ok(())
    }
}

impl Seen {
    /// Looks at the tables, if the schema was changed since.
    fn look(connection: &Connection, before: i64, wanted: &[TableName]) -> Result<Option<Self>, Failure> {
        let version = setup::version(connection).map_err(|error| failure("the schema", &error))?;
        if version == before {
            return Ok(None);
        }
        let tables = setup::tables(connection, wanted)?;
        let lack = setup::lack(connection, &tables)?;
        Ok(Some(Self { version, tables: Some(tables), lack }))
    }
}

fn is_there(tables: &[Table], name: &TableName) -> bool {
    tables.iter().any(|table| table.name == *name && table.told == Told::All)
}

impl Listen for Sqlite {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        let (connection, tables) = (self.open().await?, self.tables.clone());
        let Some(seen) = blocking(move || Seen::look(&connection, -1, &tables)).await? else {
            return Ok(None);
        };
        let tables = seen.tables.clone().unwrap_or_default();
        let lack = seen.lack.clone().filter(|_| self.tables.iter().all(|name| is_there(&tables, name)));
        *self.seen() = seen;
        // Tables that are not there are told by who has the rules.
        lack.map_or(Ok(Some(tables)), |lack| Err(Failure::Lasting(lack)))
    }

    async fn run(&self, from: Option<Position>, mut feed: Feed) -> Failure {
        match self.follow(from, &mut feed).await {
            Ok(()) => Failure::Passing("it is not listened to any more".into()),
            Err(failure) => failure,
        }
    }

    /// What is written before we read waits in the change table.
    async fn passes(&self, stage: Stage) -> Stage {
        match (self.purpose, stage) {
            (Purpose::Listen, Stage::Connecting | Stage::Waiting) => Stage::Reading,
            _ => std::future::pending().await,
        }
    }

    fn standing(&self) -> Standing {
        let seen = self.seen();
        let notes = seen.lack.iter().cloned().collect();
        Standing { notes, tables: seen.tables.clone(), ..Standing::default() }
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    fn origin(&self) -> String {
        "sqlite".into()
    }
}

impl Query for Sqlite {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        let (connection, query) = (self.open().await?, query.to_owned());
        blocking(move || read::first_row(&connection, &query).map_err(|error| failure("the query", &error)))
            .await
    }
}

/// Has work that blocks done where it harms nothing.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(Failure::Passing(error.to_string())))
}

/// What an error of SQLite means for us.
fn failure(doing: &str, error: &Error) -> Failure {
    let text = format!("{doing}: {error}");
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Failure::Lasting(format!("{text}: is it the right file?")),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::DatabaseCorrupt) => {
            Failure::Lasting(text)
        }
        _ => Failure::Passing(text),
    }
}
