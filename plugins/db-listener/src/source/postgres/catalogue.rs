//! What the database's catalogue has of tables: their columns, what is told of their rows, and which publications they are in.

use postgres_protocol::escape::{escape_identifier, escape_literal};
use serde::Deserialize;

use super::refusal::Trouble;
use super::types;
use super::wire::{Connection, Row};
use crate::change::{Kind, TableName};
use crate::source::{Table, TableColumn, Told, Untold, Values};

/// The tables `p` that hold the rows of a table `c`: itself and, where it has some, its partitions.
pub(super) const PARTS: &str = "(p.oid = c.oid or p.oid in (select relid from pg_partition_tree(c.oid)))";

/// Whether the table `p` has a replica identity, without which its updates and deletes cannot be published.
const IDENTITY: &str = "case p.relreplident when 'f' then true
  when 'd' then exists (select from pg_index where indrelid = p.oid and indisprimary and indimmediate and indisvalid)
  when 'i' then exists (select from pg_index where indrelid = p.oid and indisreplident) else false end";

/// A column's name, the number of its type (of a domain, of what is at the bottom), that type's category, whether it is generated, and
/// an enum's labels.
const COLUMNS: &str = "select json_agg(json_build_array(attname, t.oid::int8, typcategory, attgenerated <> '',
    coalesce((select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid), '[]')) order by attnum)
  from pg_attribute, lateral (
    with recursive below(oid, base) as (
      select d.oid, d.typbasetype from pg_type d where d.oid = atttypid
      union all select d.oid, d.typbasetype from below join pg_type d on d.oid = below.base
    ) select oid from below where base = 0
  ) bottom join pg_type t using (oid) where attrelid = c.oid and attnum > 0 and not attisdropped";

/// A column as [`COLUMNS`] has it.
type Described = (String, u32, String, bool, Vec<String>);

/// Why a generated column is not told.
const GENERATED: &str = "is generated, and such are not told: use the columns that it is made of";

/// A table, and those of some publications that it is in.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) table: Table,
    /// Whether its updates and deletes can be published: else the application's fail where they are.
    pub(super) identity: bool,
    pub(super) published: Vec<Published>,
}

/// What a publication tells of a table.
#[derive(Debug, Deserialize)]
pub(super) struct Published {
    #[serde(rename = "pubname")]
    pub(super) name: String,
    #[serde(rename = "pubinsert")]
    inserts: bool,
    #[serde(rename = "pubupdate")]
    updates: bool,
    #[serde(rename = "pubdelete")]
    deletes: bool,
    #[serde(rename = "pubtruncate")]
    truncates: bool,
    /// Of PostgreSQL 15 and newer.
    #[serde(rename = "attnames")]
    pub(super) columns: Option<Vec<String>>,
    /// Which rows, as SQL; of PostgreSQL 15 and newer.
    #[serde(rename = "rowfilter")]
    pub(super) filter: Option<String>,
}

impl Published {
    /// Whether it tells changes of that kind.
    pub(super) fn tells(&self, kind: Kind) -> bool {
        match kind {
            Kind::Insert => self.inserts,
            Kind::Update => self.updates,
            Kind::Delete => self.deletes,
            Kind::Truncate => self.truncates,
        }
    }
}

impl Found {
    /// What a publication tells of it, if it is in it.
    pub(super) fn published_by(&self, publication: &str) -> Option<&Published> {
        self.published.iter().find(|published| published.name == publication)
    }

    /// Whether it can be published at all.
    pub(super) fn is_table(&self) -> bool {
        !matches!(self.table.told, Told::Nothing(_))
    }
}

/// Some tables, as far as they are there, with those of some publications that they are in.
pub(super) async fn find(
    sql: &mut Connection,
    tables: &[TableName],
    publications: &[&str],
) -> Result<Vec<Found>, Trouble> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = publications.iter().map(|name| escape_literal(name)).collect();
    let published = match names.is_empty() {
        true => "null".to_owned(),
        false => format!(
            "(select json_agg(to_jsonb(t) || to_jsonb(b)) from pg_publication_tables t join pg_publication b using (pubname)
               where (schemaname, tablename) = (nspname, relname) and pubname in ({}))",
            names.join(", ")
        ),
    };
    let rows = sql
        .query(&format!(
            "select nspname, relname, relkind, relpersistence, i.identity, i.full_rows, ({COLUMNS}), {published}
             from pg_class c join pg_namespace n on n.oid = relnamespace,
               lateral (
                 select coalesce(bool_and({IDENTITY}) filter (where p.relkind <> 'p'), true), bool_and(p.relreplident = 'f') from pg_class p where {PARTS}) i(identity, full_rows)
             where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (nspname, relname) in ({}) order by 1, 2",
            pairs(tables)
        ))
        .await?;
    Ok(rows.iter().filter_map(found).collect())
}

/// The tables of the rules as rules are checked against them; where one is not there also the names of all others, of which one may have
/// been meant.
pub(super) async fn tables(sql: &mut Connection, wanted: &[TableName]) -> Result<Vec<Table>, Trouble> {
    let mut tables: Vec<_> = find(sql, wanted, &[]).await?.into_iter().map(|found| found.table).collect();
    if tables.len() < wanted.len() {
        add_others(sql, wanted, &mut tables).await?;
    }
    Ok(tables)
}

/// Adds the names of all tables but these.
pub(super) async fn add_others(
    sql: &mut Connection,
    wanted: &[TableName],
    tables: &mut Vec<Table>,
) -> Result<(), Trouble> {
    let others = all(sql).await?.into_iter().filter(|name| !wanted.contains(name));
    tables.extend(others.map(|name| Table::named(name, Told::All)));
    Ok(())
}

/// The names of all tables.
pub(super) async fn all(sql: &mut Connection) -> Result<Vec<TableName>, Trouble> {
    let rows = sql
        .query(
            "select nspname, relname from pg_class join pg_namespace n on n.oid = relnamespace
             where relkind in ('r', 'p') and relpersistence = 'p' and nspname not in ('pg_catalog', 'information_schema') order by 1, 2",
        )
        .await?;
    Ok(rows.iter().filter_map(table_name).collect())
}

/// Those of some tables and of their partitions that do not tell their old rows.
pub(super) async fn silent(sql: &mut Connection, tables: &[TableName]) -> Result<Vec<TableName>, Trouble> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql
        .query(&format!(
            "select n.nspname, p.relname from pg_class p join pg_namespace n on n.oid = p.relnamespace
             where p.relreplident <> 'f' and exists (select from pg_class c join pg_namespace m on m.oid = c.relnamespace
               where (m.nspname, c.relname) in ({}) and relkind in ('r', 'p') and relpersistence = 'p' and {PARTS}) order by 1, 2",
            pairs(tables)
        ))
        .await?;
    Ok(rows.iter().filter_map(table_name).collect())
}

/// Has tables and their partitions tell their old rows.
pub(super) async fn have_old_rows_told(sql: &mut Connection, tables: &[TableName]) -> Result<(), Trouble> {
    for silent in silent(sql, tables).await? {
        // While it waits for a lock, the application's own statements on the table wait behind it.
        let lock = "set lock_timeout = '2s'";
        sql.query(&format!("{lock}; alter table only {} replica identity full", quoted(&silent))).await?;
    }
    Ok(())
}

fn found(row: &Row) -> Option<Found> {
    let text = |at: usize| row.get(at)?.as_deref();
    let is = |at: usize| text(at) == Some("t");
    let name = table_name(row)?;
    let columns: Vec<Described> = serde_json::from_str(text(6).unwrap_or("[]")).ok()?;
    let generated = columns.iter().filter(|(_, _, _, generated, _)| *generated);
    let hidden = generated.map(|(name, ..)| (name.clone(), GENERATED.to_owned())).collect();
    let told = columns.into_iter().filter(|(_, _, _, generated, _)| !generated);
    let columns = told.map(|(name, kind, category, _, labels)| TableColumn {
        labels,
        ..TableColumn::new(name, values(kind, &category))
    });
    let table = Table {
        columns: columns.collect(),
        hidden,
        tells_old_rows: is(5),
        told: told_of(&name, text(2)?, text(3)?),
        untold: if is(4) { Vec::new() } else { vec![without_identity(&name)] },
        ..Table::named(name, Told::All)
    };
    let published = text(7).map(serde_json::from_str).transpose().ok()?.unwrap_or_default();
    Some(Found { table, identity: is(4), published })
}

/// What of a table without a replica identity is not told.
fn without_identity(name: &TableName) -> Untold {
    let table = quoted(name);
    let why = format!(
        "it has neither a primary key nor another replica identity. ALTER TABLE {table} REPLICA IDENTITY FULL has PostgreSQL tell them, \
         so does a primary key; else write on = \"insert\""
    );
    Untold { kinds: vec![Kind::Update, Kind::Delete], why }
}

/// Whether changes of a table are told, by what it is, and whether it is logged.
fn told_of(name: &TableName, kind: &str, persistence: &str) -> Told {
    let nothing = |what: &str| Told::Nothing(format!("is {what}"));
    if ["pg_catalog", "pg_toast", "information_schema"].contains(&&*name.schema) {
        return nothing("of PostgreSQL's own, of which it tells no changes");
    }
    match (kind, persistence) {
        ("S", _) => {
            nothing("a sequence, whose numbers are told with the rows that have them: name their table")
        }
        ("v", _) => nothing("a view, of which PostgreSQL tells no changes: name the tables that it reads"),
        ("m", _) => nothing(
            "a materialized view, of which PostgreSQL tells no changes: name the tables that it reads",
        ),
        ("f", _) => nothing("a foreign table, whose changes are told where it is: listen to that server"),
        (_, "u") => nothing(&format!(
            "an unlogged table, whose changes are not in the log that is read: ALTER TABLE {} SET LOGGED has them there",
            quoted(name)
        )),
        (_, "t") => nothing("a temporary table, which is of one session alone"),
        _ => Told::All,
    }
}

/// What values of a type are in JSON.
fn values(kind: u32, category: &str) -> Values {
    match types::built_in(kind) {
        Some(kind) => kind.values(),
        None if types::VECTORS.contains(&kind) => Values::Text,
        None if ["A", "C"].contains(&category) => Values::Nested,
        None => Values::Text,
    }
}

/// Tables as SQL compares them with `(nspname, relname)`.
pub(super) fn pairs(tables: &[TableName]) -> String {
    let pair =
        |table: &TableName| format!("({}, {})", escape_literal(&table.schema), escape_literal(&table.table));
    tables.iter().map(pair).collect::<Vec<_>>().join(", ")
}

pub(super) fn table_name(row: &Row) -> Option<TableName> {
    Some(TableName { schema: row.first()?.clone()?, table: row.get(1)?.clone()? })
}

/// A table's name as statements have it.
pub(super) fn quoted(table: &TableName) -> String {
    format!("{}.{}", escape_identifier(&table.schema), escape_identifier(&table.table))
}
