//! What the database's catalogue has of tables: their columns, what is told of their rows, and which publications they are in.

use postgres_protocol::escape::{escape_identifier, escape_literal};

use super::refusal::Trouble;
use super::types;
use super::wire::{Connection, Row};
use crate::change::TableName;
use crate::source::{Table, TableColumn, Told, Values};

/// The tables `p` that hold the rows of a table `c`: itself and, where it has some, its partitions.
pub(super) const PARTS: &str = "(p.oid = c.oid or p.oid in (select relid from pg_partition_tree(c.oid)))";

/// Whether the table `p` has a replica identity, without which its updates and deletes cannot be published.
const IDENTITY: &str = "case p.relreplident when 'f' then true
  when 'd' then exists (select from pg_index where indrelid = p.oid and indisprimary)
  when 'i' then exists (select from pg_index where indrelid = p.oid and indisreplident) else false end";

/// A column's name, the number of its type (of a domain, of what is below it), that type's category, and whether it is generated.
const COLUMNS: &str = "select json_agg(json_build_array(attname, case typtype when 'd' then typbasetype else t.oid end::int8, typcategory,
    attgenerated <> '') order by attnum)
  from pg_attribute join pg_type t on t.oid = atttypid where attrelid = c.oid and attnum > 0 and not attisdropped";

/// A table, and those of some publications that it is in.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) table: Table,
    pub(super) published: Vec<String>,
}

impl Found {
    /// Whether its updates and deletes can be published.
    pub(super) fn has_identity(&self) -> bool {
        self.table.told == Told::All
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
            "(select json_agg(pubname) from pg_publication_tables where (schemaname, tablename) = (nspname, relname) and pubname in ({}))",
            names.join(", ")
        ),
    };
    let rows = sql
        .query(&format!(
            "select nspname, relname, relkind, relpersistence, i.identity, i.full_rows, ({COLUMNS}), {published}
             from pg_class c join pg_namespace n on n.oid = relnamespace,
               lateral (select bool_and({IDENTITY}), bool_and(p.relreplident = 'f') from pg_class p where {PARTS}) i(identity, full_rows)
             where relkind in ('r', 'p', 'v', 'm', 'f') and (nspname, relname) in ({}) order by 1, 2",
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
        let others = all(sql).await?.into_iter().filter(|name| !wanted.contains(name));
        tables.extend(others.map(|name| Table::named(name, Told::All)));
    }
    Ok(tables)
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

fn found(row: &Row) -> Option<Found> {
    let text = |at: usize| row.get(at)?.as_deref();
    let is = |at: usize| text(at) == Some("t");
    let name = table_name(row)?;
    let columns: Vec<(String, u32, String, bool)> = serde_json::from_str(text(6).unwrap_or("[]")).ok()?;
    let generated =
        columns.iter().filter(|(.., generated)| *generated).map(|(name, ..)| name.clone()).collect();
    let told = columns.into_iter().filter(|(.., generated)| !generated);
    let columns = told.map(|(name, kind, category, _)| TableColumn { name, values: values(kind, &category) });
    let table = Table {
        columns: columns.collect(),
        generated,
        tells_old_rows: is(5),
        told: told_of(&name, text(2)?, text(3)?, is(4)),
        name,
    };
    let published = text(7).map(serde_json::from_str).transpose().ok()?.unwrap_or_default();
    Some(Found { table, published })
}

/// Which changes of a table are told, by what it is, whether it is logged, and whether it has a replica identity.
fn told_of(name: &TableName, kind: &str, persistence: &str, identity: bool) -> Told {
    let nothing = |what: &str| Told::Nothing(format!("is {what}"));
    match (kind, persistence) {
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
        _ if identity => Told::All,
        _ => Told::NewRows(format!(
            "it has neither a primary key nor another replica identity. ALTER TABLE {} REPLICA IDENTITY FULL has PostgreSQL tell them, \
             so does a primary key; else write on = \"insert\"",
            quoted(name)
        )),
    }
}

/// What values of a type are in JSON.
fn values(kind: u32, category: &str) -> Values {
    match types::built_in(kind) {
        Some(kind) => kind.values(),
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
