//! MariaDB and MySQL: their binary log, read as a replica does, in rows, from a position of GTIDs.
//!
//! `connect` logs in, and `judge` finds out which of the two the server is, and whether its log can be read; `tables` knows its columns;
//! `snapshot` tells the rows that are there already, as of a `position`; `stream` reads the log that it has `request`ed, whose events
//! `gtid`, `statement`, `table_map` and `rows` decode into `value`s of `columns`. The connection, its TLS and the events' framing are
//! mysql_async's. What is in the events we decode ourselves: MariaDB has its own of transactions and of compressed rows, by default
//! neither tells names of columns, and what a peer sends must not bring us down.

mod columns;
mod connect;
#[cfg(test)]
mod decoding;
mod gtid;
mod history;
mod jsonb;
mod judge;
mod position;
mod query;
mod reader;
mod request;
mod rows;
mod snapshot;
mod statement;
mod stream;
mod table_map;
mod tables;
mod text;
mod value;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::change::TableName;
use crate::settings::{Settings, SourceSettings};

use self::columns::Declared;
use self::connect::{Access, answered, connect};
use self::gtid::{Flavour, Gtids};
use self::judge::{Log, check};
use self::stream::{End, Reading};
use self::tables::Tables;
use super::{Batch, Failure, Feed, Listen, Position, Purpose, Standing, Table, Told};

/// No event is believed to have more bytes; a row of the server's default `max_allowed_packet`, before and after, has half.
const LARGEST_EVENT: usize = 64 << 20;

/// Ids of replicas that are made have this bit: those that people give are small.
const MADE: u32 = 1 << 31;

/// A MariaDB or MySQL whose changes are read.
#[derive(Debug)]
pub struct MariaDb {
    settings: SourceSettings,
    tables: BTreeSet<TableName>,
    /// What of the server's settings an operator should know.
    notes: Mutex<Vec<String>>,
    /// The tables as they were when they were last looked at.
    seen: Seen,
}

/// Tables that one looks at, and another tells of.
type Seen = Arc<Mutex<Option<Vec<Table>>>>;

impl MariaDb {
    /// The database that the settings name, for that purpose.
    #[must_use]
    pub fn open(settings: &Settings, instance: &str, purpose: Purpose) -> Self {
        let mut source = settings.source.clone();
        match purpose {
            Purpose::Listen if source.server_id == 0 => source.server_id = server_id(instance),
            Purpose::Listen => {}
            // The server ends the reading of another with the same id.
            Purpose::Try => (source.server_id, source.snapshot) = (rand::random::<u32>() | MADE, false),
        }
        Self::new(source, settings.tables())
    }

    /// One that these settings name: `url`, `mysql://user:password@host:3306/database`; `server_id`, that of the replica that we are,
    /// as the server ends the reading of another with the same; `snapshot`. Of other tables than these nothing is read.
    pub fn new(settings: SourceSettings, tables: impl IntoIterator<Item = TableName>) -> Self {
        Self {
            settings,
            tables: tables.into_iter().collect(),
            notes: Mutex::default(),
            seen: Seen::default(),
        }
    }

    /// What an operator runs, once, as one who may: the server's settings stand in comments.
    pub(super) fn init(&self) -> Result<Vec<String>, Failure> {
        let opts = self.opts()?;
        let sql = init_sql(&opts.account(), &self.tables);
        Ok(sql.split_terminator(";\n").map(str::to_owned).collect())
    }

    fn opts(&self) -> Result<Access, Failure> {
        let opts =
            self.settings.read_url().and_then(|url| connect::options(&url)).map_err(Failure::Lasting)?;
        Ok(Access::new(opts, &self.tables))
    }

    fn server(&self) -> Result<Server, Failure> {
        let SourceSettings { server_id, snapshot, .. } = self.settings;
        let opts = self.opts()?;
        Ok(Server { opts, server_id, snapshot, tables: self.tables.clone(), seen: Arc::clone(&self.seen) })
    }
}

impl Listen for MariaDb {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        let (log, tables) = self.server()?.tables().await?;
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) = log.notes();
        Ok(Some(tables))
    }

    /// Without a position it begins with what is written from now on, after the snapshot if there is to be one, and hands over that
    /// position first.
    async fn run(&self, from: Option<Position>, feed: Feed) -> Failure {
        let server = match self.server() {
            Ok(server) => server,
            Err(failure) => return failure,
        };
        match server.read(from, &feed).await {
            End::Done => Failure::Passing("nobody listens to the binary log any more".into()),
            End::Failed(failure) => failure,
        }
    }

    fn standing(&self) -> Standing {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tables = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Standing { notes, tables, ..Standing::default() }
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    /// GTIDs are the same on all servers of a replication, so that another may be read later.
    fn origin(&self) -> String {
        "mariadb".into()
    }
}

/// The server, as the settings are at one attempt.
#[derive(Debug)]
struct Server {
    opts: Access,
    server_id: u32,
    snapshot: bool,
    tables: BTreeSet<TableName>,
    seen: Seen,
}

impl Server {
    /// The tables of the rules as they are now, and the names of all others.
    async fn tables(&self) -> Result<(Log, Vec<Table>), Failure> {
        let opts = &self.opts;
        let mut connection = connect(opts).await?;
        let log = check(opts, &mut connection).await?;
        let kinds = tables::kinds(opts, &mut connection).await?;
        let names: Vec<_> = self.tables.iter().filter(|name| kinds.contains_key(name)).cloned().collect();
        let known = tables::some(opts, &mut connection, &names).await?;
        let mut found: Vec<_> = kinds.iter().map(|(name, kind)| table(name, kind, known.get(name))).collect();
        found.iter_mut().for_each(|table| table.tells_old_rows = log.tells_old_rows);
        for name in self.tables.iter().filter(|name| !kinds.contains_key(name)) {
            if !tables::sees_all(opts, &mut connection, &name.schema).await? {
                let hint = format!("or its user may not see it: {}", opts.select(name));
                found.push(Table::named(name.clone(), Told::Unseen(hint)));
            }
        }
        let _gone = answered(opts, connection.disconnect()).await;
        Ok((log, found))
    }

    /// Keeps in mind what the tables of the rules are now.
    fn see(&self, tables: &Tables) {
        let tables = tables.iter().map(|(name, columns)| table(name, "BASE TABLE", Some(columns))).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(tables);
    }

    async fn read(&self, start: Option<Position>, feed: &Feed) -> End {
        let prepared = async {
            let position = match start {
                Some(position) => self.kept(&position).await?,
                None if self.snapshot => snapshot::take(self, feed).await?,
                None => self.begin(feed).await?,
            };
            let mut connection = connect(&self.opts).await?;
            let names: Vec<_> = self.tables.iter().cloned().collect();
            let tables = tables::some(&self.opts, &mut connection, &names).await?;
            self.see(&tables);
            let charsets = tables::charsets(&self.opts, &mut connection).await?;
            let _gone = answered(&self.opts, connection.disconnect()).await;
            Ok(Reading::new(self, feed, position, tables, charsets))
        };
        match prepared.await {
            Ok(reading) => reading.run().await,
            Err(end) => end,
        }
    }

    /// A position that was kept, where the server is of its kind.
    async fn kept(&self, position: &Position) -> Result<Gtids, End> {
        let wrong = |text: String| Failure::Lasting(format!("the position that is kept: {text}"));
        let gtids = Gtids::kept(position).map_err(|error| wrong(error.0))?;
        let mut connection = connect(&self.opts).await?;
        let Log { flavour, .. } = check(&self.opts, &mut connection).await?;
        let _gone = answered(&self.opts, connection.disconnect()).await;
        match gtids.flavour() {
            of if of == flavour => Ok(gtids),
            of => Err(wrong(format!(
                "it is of {of}, and the server is {flavour}: to begin anew there, remove the position"
            ))
            .into()),
        }
    }

    /// Where the log is now. Handed over before anything is read, so that from then on nothing is missed.
    async fn begin(&self, feed: &Feed) -> Result<Gtids, End> {
        let mut connection = connect(&self.opts).await?;
        let Log { flavour, .. } = check(&self.opts, &mut connection).await?;
        let position = position::now(&self.opts, &mut connection, flavour).await?;
        let _gone = answered(&self.opts, connection.disconnect()).await;
        let batch = Batch { changes: Vec::new(), position: Some(position.keep()) };
        feed.batches.send(batch).await.map_err(|_| End::Done)?;
        Ok(position)
    }
}

/// A table as rules are checked against it, by what `information_schema` has of it.
fn table(name: &TableName, kind: &str, columns: Option<&Vec<Declared>>) -> Table {
    let nothing = |what: &str| Table::named(name.clone(), Told::Nothing(format!("is {what}")));
    match kind {
        "BASE TABLE" | "SYSTEM VERSIONED" => {
            let told = columns.into_iter().flatten().filter(|column| column.is_told());
            Table::new(name.clone(), told.map(Declared::column).collect())
        }
        "SEQUENCE" => nothing("a sequence, whose numbers are not in the log as rows"),
        _ => nothing("a view, of which the log tells no changes: name the tables that it reads"),
    }
}

/// The database that a URL names: that of tables that are named without one.
pub fn default_schema(url: &str) -> Option<String> {
    connect::options(url).ok()?.db_name().map(ToOwned::to_owned)
}

/// The id of a replica, another one for each instance.
fn server_id(instance: &str) -> u32 {
    // FNV-1a.
    let hash = instance
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash | MADE
}

/// Comments with an exclamation mark are statements, or parts of them, to servers of that version: `M!` to MariaDB alone.
fn init_sql(account: &str, tables: &BTreeSet<TableName>) -> String {
    let mut sql = format!(
        "-- In my.cnf, below [mariadbd] or [mysqld], then restart once (log_bin cannot be set while the server runs):\n\
         --   log_bin=binlog\n--   binlog_format=ROW\n--   binlog_row_image=FULL\n\
         --   binlog_row_metadata=FULL (not of MySQL before 8.0)\n--   server_id=1\n\
         -- and of MariaDB:\n--   gtid_strict_mode=ON\n\
         -- or of MySQL:\n--   gtid_mode=ON\n--   enforce_gtid_consistency=ON\n\
         --   log_slave_updates=ON (before 5.7)\n\
         SET GLOBAL binlog_format = 'ROW';\n\
         SET GLOBAL binlog_row_image = 'FULL';\n\
         /*M!100500 SET GLOBAL binlog_row_metadata = 'FULL' */ /*!80001 SET GLOBAL binlog_row_metadata = 'FULL' */;\n\
         CREATE USER /*M! IF NOT EXISTS */ /*!80000 IF NOT EXISTS */ {account} IDENTIFIED BY 'a password of your own';\n\
         GRANT REPLICATION SLAVE ON *.* TO {account};\n"
    );
    let schemas: BTreeSet<_> = tables.iter().map(|table| &table.schema).collect();
    for schema in schemas {
        sql.push_str(&format!(
            "-- On MySQL, for `snapshot`: GRANT LOCK TABLES ON {}.* TO {account}\n",
            tables::quoted(schema)
        ));
    }
    for table in tables {
        sql.push_str(&format!(
            "GRANT SELECT ON {}.{} TO {account};\n",
            tables::quoted(&table.schema),
            tables::quoted(&table.table)
        ));
    }
    sql
}

/// How many rows an event of the binary log holds, by the table map before it; the least that decodes both, for the fuzzer.
///
/// # Errors
/// What of them does not hold to the format.
#[doc(hidden)]
pub fn count_rows(table_map: &[u8], kind: u8, rows: &[u8]) -> Result<usize, String> {
    let decoded = || {
        let (_, table, rest) = table_map::head(table_map)?;
        let mut map = table_map::TableMap::decode(Flavour::MariaDb, table, rest)?;
        map.full.get_or_insert_with(|| vec![table_map::Told::default(); map.wires.len()]);
        let layout = columns::Layout::of(&map, None, &Default::default()).map_err(reader::Malformed)?;
        let Some(kind) = rows::RowsKind::of(kind) else { return Ok(0) };
        rows::Rows::of(kind, &layout, rows)?.try_fold(0, |count, row| row.map(|_| count + 1))
    };
    decoded().map_err(|malformed: reader::Malformed| malformed.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_runs_names_no_more_than_it_has_to() {
        let table = TableName { schema: "app".into(), table: "odd`name".into() };
        let sql = init_sql("'o\\'reader'@'%'", &BTreeSet::from([table]));
        assert!(sql.contains("GRANT REPLICATION SLAVE ON *.* TO 'o\\'reader'@'%';"), "{sql}");
        assert!(sql.contains("GRANT SELECT ON `app`.`odd``name` TO"), "{sql}");
    }
}
