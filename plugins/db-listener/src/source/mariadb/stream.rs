//! The binary log as it comes: transactions begin, name tables, change rows, and end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use mysql_async::binlog::events::Event;

use crate::change::{Cell, Change, Kind, Shape, TableName};
use crate::source::{Batch, Failure, Feed, Position};

use super::Server;
use super::columns::Layout;
use super::connect::{answered, connect};
use super::gtid::{Begin, Gtid, Gtids};
use super::judge::{COMPRESSED, PARTIAL};
use super::reader::Malformed;
use super::request;
use super::rows::{self, Rows, RowsKind};
use super::statement::{Meaning, Statement};
use super::table_map::{self, TableMap};
use super::tables::{self, Tables};

/// A server that has said nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_secs(15);
/// Positions of transactions without changes of ours are handed over so often.
const POSITIONS: Duration = Duration::from_secs(1);
/// A batch ends with so many changes.
const BATCH: usize = 500;
/// Or with so many bytes of events.
const BATCH_BYTES: usize = 1 << 20;
/// Layouts that are kept at most: tables get new numbers when they are opened anew.
const LAYOUTS: usize = 1024;

/// Why the reading ends.
pub(super) enum End {
    /// The pump is gone.
    Done,
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A transaction that has begun.
#[derive(Debug)]
struct Group {
    gtid: Gtid,
    alone: bool,
    time: i64,
    /// How many changes of each table there were in it: the next one's number. Counted by table, so that origins stay the same when
    /// other tables are listened to.
    counts: HashMap<TableName, u64>,
}

/// A table map's layout, and the event that it was made of.
struct Known {
    event: Vec<u8>,
    /// `None`: no rule is about the table.
    layout: Option<Arc<Layout>>,
}

pub(super) struct Reading<'a> {
    source: &'a Server,
    feed: &'a Feed,
    /// Up to where transactions have been read whole.
    position: Gtids,
    group: Option<Group>,
    tables: Tables,
    charsets: HashMap<u64, String>,
    known: HashMap<u64, Known>,
    changes: Vec<Change>,
    bytes: usize,
    /// When the position was last handed over, and whether it has moved since.
    said: Instant,
    moved: bool,
    /// Whether the server has sent anything.
    reads: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        source: &'a Server,
        feed: &'a Feed,
        position: Gtids,
        tables: Tables,
        charsets: HashMap<u64, String>,
    ) -> Self {
        let (known, changes) = (HashMap::new(), Vec::new());
        let said = Instant::now();
        Self {
            source,
            feed,
            position,
            group: None,
            tables,
            charsets,
            known,
            changes,
            bytes: 0,
            said,
            moved: false,
            reads: false,
        }
    }

    /// Reads on until something ends it.
    pub(super) async fn run(mut self) -> End {
        match self.read().await {
            Ok(()) => End::Done,
            Err(end) => end,
        }
    }

    async fn read(&mut self) -> Result<(), End> {
        let server = self.position.flavour();
        let mut stream = request::open(self.source, &self.position).await?;
        self.moved = true; // that it reads is told by its position, once the server has begun
        loop {
            let event = tokio::select! {
                event = tokio::time::timeout(SILENCE, stream.next()) => event,
                () = self.feed.batches.closed() => return Ok(()),
            };
            let event = match event {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) => {
                    return Err(request::refusal(&self.source.opts, &self.position, &error).into());
                }
                Ok(None) => return Err(Failure::Passing(format!("{server} has ended the binary log")).into()),
                Err(_) => {
                    let text = format!("{server} has been silent for {} s", SILENCE.as_secs());
                    return Err(Failure::Passing(text).into());
                }
            };
            self.take(&event).await?;
            if !self.reads {
                self.reads = true;
                self.say().await?;
            }
        }
    }

    async fn take(&mut self, event: &Event) -> Result<(), End> {
        let header = event.header();
        let data = event.data();
        if let Some(kind) = RowsKind::of(header.event_type_raw()) {
            return self.rows(kind, data).await;
        }
        match header.event_type_raw() {
            2 => self.statement(data, false).await,
            165 => self.statement(data, true).await,
            16 | 38 => self.commit().await, // of InnoDB, and of XA PREPARE
            19 => self.table_map(data).map_err(|error| self.malformed(error)),
            27 | 41 => self.say().await,
            33 => self.begin(Begin::mysql(data), header.timestamp()),
            162 => self.begin(Begin::mariadb(header.server_id(), data), header.timestamp()),
            34 => Err(self.lasting("a transaction without a GTID: gtid_mode was not ON")),
            39 => Err(self.lasting(PARTIAL)),
            40 => Err(self.lasting(COMPRESSED)),
            42 => Err(self.lasting("a GTID with a tag, which cannot be read")),
            18 => Err(self.lasting("LOAD DATA was written as a statement: binlog_format was not ROW")),
            26 => Err(self.lasting("the server says that its log has a gap")),
            // Where files begin and end, what variables were, comments, who is in a group of servers.
            0 | 3..=5 | 9 | 13..=15 | 17 | 28 | 29 | 35..=37 | 160 | 161 | 163 | 164 => Ok(()),
            other => {
                const IGNORABLE: u16 = 0x80;
                match header.flags_raw() & IGNORABLE != 0 {
                    true => Ok(()),
                    false => Err(self.lasting(&format!("an event of type {other}, which is not known"))),
                }
            }
        }
    }

    /// A transaction begins.
    fn begin(&mut self, begin: Result<Begin, Malformed>, second: u32) -> Result<(), End> {
        let Begin { gtid, alone } = begin.map_err(|error| self.malformed(error))?;
        self.changes.clear(); // of a transaction that never ended: the server died while it wrote it
        self.group = Some(Group { gtid, alone, time: i64::from(second) * 1000, counts: HashMap::new() });
        Ok(())
    }

    async fn statement(&mut self, data: &[u8], deflated: bool) -> Result<(), End> {
        let statement = Statement::decode(data, deflated).map_err(|error| self.malformed(error))?;
        let meaning = statement.meaning();
        match meaning {
            Meaning::Commit => return self.commit().await,
            Meaning::Rollback => {
                self.changes.clear();
                return self.commit().await;
            }
            Meaning::Begin => {
                if let Some(group) = &mut self.group {
                    group.alone = false;
                }
            }
            Meaning::Nothing => {}
            Meaning::Truncate(table) => self.truncate(table)?,
            Meaning::Rows if self.is_named(&statement.text) => {
                let text = "rows were changed by a statement, so what they are cannot be told: binlog_format was not ROW in its session";
                return Err(self.lasting(text));
            }
            Meaning::Definition if self.is_named(&statement.text) => self.reload().await?,
            Meaning::Rows | Meaning::Definition => {}
        }
        if self.group.as_ref().is_some_and(|group| group.alone) {
            self.commit().await?;
        }
        Ok(())
    }

    /// Whether a statement may be about a table of ours.
    fn is_named(&self, statement: &str) -> bool {
        let statement = statement.to_lowercase();
        self.source.tables.iter().any(|name| statement.contains(&name.table.to_lowercase()))
    }

    /// Tables may be other ones now.
    async fn reload(&mut self) -> Result<(), Failure> {
        let opts = &self.source.opts;
        let mut connection = connect(opts).await?;
        let names: Vec<_> = self.source.tables.iter().cloned().collect();
        self.tables = tables::some(opts, &mut connection, &names).await?;
        self.source.see(&self.tables);
        self.known.clear();
        let _gone = answered(opts, connection.disconnect()).await;
        Ok(())
    }

    fn table_map(&mut self, data: &[u8]) -> Result<(), Malformed> {
        let (id, name, rest) = table_map::head(data)?;
        if self.known.get(&id).is_some_and(|known| known.event == data) {
            return Ok(());
        }
        if self.known.len() >= LAYOUTS {
            self.known.clear();
        }
        let layout = match self.source.tables.contains(&name) {
            true => {
                let now = self.tables.get(&name).map(Vec::as_slice);
                let map = TableMap::decode(self.position.flavour(), name, rest)?;
                Some(Arc::new(Layout::of(&map, now, &self.charsets).map_err(Malformed)?))
            }
            false => None,
        };
        self.known.insert(id, Known { event: data.to_vec(), layout });
        Ok(())
    }

    async fn rows(&mut self, kind: RowsKind, data: &[u8]) -> Result<(), End> {
        let id = rows::table(data).map_err(|error| self.malformed(error))?;
        let Some(known) = self.known.get(&id) else {
            return Err(self.malformed(Malformed(format!("rows of table {id}, which was not named"))));
        };
        let Some(layout) = known.layout.clone() else { return Ok(()) };
        let decoded = Rows::of(kind, &layout, data).map_err(|error| self.malformed(error))?;
        for row in decoded {
            let row = row.map_err(|error| self.malformed(error))?;
            let Some((kind, row)) = layout.present(kind.kind, row) else { continue };
            self.change(kind, Arc::clone(&layout.shape), row.old, row.new)?;
            if self.changes.len() >= BATCH {
                self.send(None).await?;
            }
        }
        self.bytes += data.len();
        if self.bytes >= BATCH_BYTES {
            self.send(None).await?;
        }
        Ok(())
    }

    fn truncate(&mut self, table: TableName) -> Result<(), End> {
        if self.source.tables.contains(&table) {
            let columns = self.tables.get(&table).into_iter().flatten().filter(|column| column.is_told());
            let columns = columns.map(|column| column.name.clone()).collect();
            self.change(Kind::Truncate, Arc::new(Shape { table, columns }), None, None)?;
        }
        Ok(())
    }

    fn change(
        &mut self,
        kind: Kind,
        shape: Arc<Shape>,
        old: Option<Vec<Cell>>,
        new: Option<Vec<Cell>>,
    ) -> Result<(), End> {
        let Some(group) = &mut self.group else {
            return Err(self.lasting("a change outside of any transaction with a GTID"));
        };
        let number = group.counts.entry(shape.table.clone()).or_default();
        let origin = format!("{}/{}/{number}", group.gtid, shape.table);
        *number += 1;
        self.changes.push(Change { kind, shape, new, old, origin, time: group.time });
        Ok(())
    }

    /// The transaction is whole.
    async fn commit(&mut self) -> Result<(), End> {
        if let Some(group) = self.group.take() {
            self.position.pass(group.gtid).map_err(|error| self.malformed(error))?;
            self.moved = true;
        }
        if !self.changes.is_empty() || self.said.elapsed() >= POSITIONS {
            self.say().await?;
        }
        Ok(())
    }

    /// Hands over what there is, with the position if it has moved. Between transactions only.
    async fn say(&mut self) -> Result<(), End> {
        if self.group.is_some() || !self.moved {
            return Ok(());
        }
        (self.moved, self.said) = (false, Instant::now());
        self.send(Some(self.position.keep())).await
    }

    async fn send(&mut self, position: Option<Position>) -> Result<(), End> {
        self.bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        self.feed.batches.send(Batch { changes, position }).await.map_err(|_| End::Done)
    }

    fn malformed(&self, error: Malformed) -> End {
        self.lasting(&error.0)
    }

    /// Something is so in the log, and will be when it is read again.
    fn lasting(&self, text: &str) -> End {
        let place = match &self.group {
            Some(group) => format!("in transaction {}", group.gtid),
            None => format!("behind position '{}'", self.position),
        };
        End::Failed(Failure::Lasting(format!("{}'s binary log, {place}: {text}", self.position.flavour())))
    }
}
