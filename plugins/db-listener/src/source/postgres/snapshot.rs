//! The rows that were there before: read as they were when the slot began, so that the stream goes on where they end.
//!
//! They are read under a temporary slot, which becomes the lasting one, as a copy, when all of them are safe. Who dies in between leaves
//! nothing behind, and the next one begins anew.

use std::sync::Arc;

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio::sync::watch;

use super::catalogue::quoted;
use super::lsn::Lsn;
use super::position::Origin;
use super::refusal::Trouble;
use super::types::Types;
use super::value::Type;
use super::wire::{Connection, Purpose, Row};
use super::{Settings, Stats, ended, slot, stats::State};
use crate::change::{Cell, Change, Kind, Shape, TableName};
use crate::source::{Batch, Feed};

/// A page of a table is read until it has about so many bytes of text, or rows.
const PAGE_BYTES: usize = 512 * 1024;
const PAGE_ROWS: usize = 1000;

/// Reads all rows of the tables, and makes the slot when they are safe.
pub(super) async fn read(
    settings: &Settings,
    publications: &[String],
    feed: &mut Feed,
    stats: &watch::Sender<Stats>,
) -> Result<(), Trouble> {
    let temporary = format!("{}_snapshot", settings.slot.chars().take(54).collect::<String>());
    let mut replication = Connection::open(&settings.address, Purpose::Replication).await?;
    let origin = Origin::identify(&mut replication).await?;
    let (start, snapshot) = begin(&mut replication, &temporary).await?;
    stats.send_modify(|stats| stats.state = State::Snapshot);
    let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
    let begin = "begin isolation level repeatable read read only; set transaction snapshot";
    sql.query(&format!("{begin} {}", escape_literal(&snapshot))).await?;
    // Commits stand at multiples of eight: this is none's place.
    let mut rows = Counted { place: Lsn(start.0.saturating_sub(1)), count: 0 };
    for table in &settings.tables {
        read_table(&mut sql, table, publications, &mut rows, feed).await?;
    }
    sql.query("commit").await?;
    let end = Batch { changes: Vec::new(), position: Some(origin.position(start)) };
    feed.batches.send(end).await.map_err(|_| ended())?;
    let safe =
        |position: &Option<_>| position.as_ref().is_some_and(|position| origin.lsn(position) >= Some(start));
    feed.confirmed.wait_for(safe).await.map_err(|_| ended())?;
    let copy = format!("{}, {}", escape_literal(&temporary), escape_literal(&settings.slot));
    sql.query(&format!("select pg_copy_logical_replication_slot({copy}, false)")).await?;
    Ok(())
}

/// Makes the temporary slot; answers where it begins, and the name of the snapshot of that moment.
async fn begin(replication: &mut Connection, name: &str) -> Result<(Lsn, String), Trouble> {
    let slot = escape_identifier(name);
    let rows = slot::make(replication, &format!("{slot} TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT")).await?;
    let text = |at: usize| rows.first()?.get(at)?.clone();
    let begun = text(1).and_then(|start| start.parse().ok()).zip(text(2));
    begun.ok_or_else(|| Trouble::Lost("PostgreSQL did not tell of the slot that it has made".to_owned()))
}

/// What tells the rows apart.
struct Counted {
    place: Lsn,
    count: u64,
}

async fn read_table(
    sql: &mut Connection,
    table: &TableName,
    publications: &[String],
    counted: &mut Counted,
    feed: &Feed,
) -> Result<(), Trouble> {
    let Some(described) = Described::of(sql, table, publications).await? else { return Ok(()) };
    sql.query(&format!("declare page no scroll cursor for {}", described.select)).await?;
    let mut page = 1;
    loop {
        let rows = sql.query(&format!("fetch {page} from page")).await?;
        if rows.is_empty() {
            break;
        }
        let size: usize = rows.iter().flatten().flatten().map(String::len).sum();
        let fitting = PAGE_BYTES / (size / rows.len()).max(1);
        page = fitting.clamp(1, PAGE_ROWS).min(page * 2);
        let changes = rows.iter().map(|row| described.change(row, counted)).collect();
        feed.batches.send(Batch { changes, position: None }).await.map_err(|_| ended())?;
    }
    sql.query("close page").await.map(drop)
}

/// A table as it is read.
struct Described {
    shape: Arc<Shape>,
    types: Vec<Type>,
    select: String,
}

impl Described {
    /// With the columns and rows that its publication tells. None where the table is gone.
    async fn of(
        sql: &mut Connection,
        table: &TableName,
        publications: &[String],
    ) -> Result<Option<Self>, Trouble> {
        let names = publications.iter().map(|name| escape_literal(name)).collect::<Vec<_>>().join(", ");
        let (schema, name) = (escape_literal(&table.schema), escape_literal(&table.table));
        let rows = sql
            .query(&format!(
                "select attname, atttypid, relkind, p.filter from pg_class c join pg_namespace n on n.oid = relnamespace
                   join pg_attribute a on attrelid = c.oid left join lateral (
                     select to_jsonb(t) ->> 'rowfilter' as filter, to_jsonb(t) -> 'attnames' as columns from pg_publication_tables t
                     where pubname in ({names}) and (schemaname, tablename) = ({schema}, {name}) limit 1) p on true
                 where (nspname, relname) = ({schema}, {name}) and attnum > 0 and not attisdropped and attgenerated = ''
                   and (jsonb_typeof(p.columns) is distinct from 'array' or p.columns ? attname::text) order by attnum"
            ))
            .await?;
        let text = |row: &Row, at: usize| row.get(at).cloned().flatten();
        let Some(first) = rows.first() else { return Ok(None) };
        let oids: Vec<u32> = rows.iter().filter_map(|row| text(row, 1)?.parse().ok()).collect();
        let mut types = Types::default();
        types.learn(sql, &oids).await?;
        let columns: Vec<String> = rows.iter().filter_map(|row| text(row, 0)).collect();
        let list = columns.iter().map(|name| escape_identifier(name)).collect::<Vec<_>>().join(", ");
        // Of a partitioned table all partitions; of another, not those that inherit from it.
        let only = if text(first, 2).as_deref() == Some("p") { "" } else { "only " };
        let filter = text(first, 3).map(|filter| format!(" where {filter}")).unwrap_or_default();
        Ok(Some(Self {
            shape: Arc::new(Shape { table: table.clone(), columns }),
            types: oids.iter().map(|oid| types.get(*oid).unwrap_or(Type::Text)).collect(),
            select: format!("select {list} from {only}{}{filter}", quoted(table)),
        }))
    }

    fn change(&self, row: &Row, counted: &mut Counted) -> Change {
        counted.count += 1;
        let json = |(text, kind): (&Option<String>, &Type)| {
            text.as_ref().map_or(Cell::Is(serde_json::Value::Null), |text| kind.cell(text))
        };
        Change {
            kind: Kind::Insert,
            shape: Arc::clone(&self.shape),
            new: Some(row.iter().zip(&self.types).map(json).collect()),
            old: None,
            origin: format!("{}/{}", counted.place, counted.count),
            time: 0,
        }
    }
}
