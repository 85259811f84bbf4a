//! What the server publishes: tables, and the publications that they are in.
//!
//! A publication of ours bears a comment that says so, and is kept in step with the rules; one that an operator has made is only
//! checked. A table whose rows have no replica identity (no primary key) goes into a second publication, of inserts and truncations
//! alone: in the first one, the application's own updates and deletes would fail from then on.

use std::collections::HashSet;

use postgres_protocol::escape::{escape_identifier, escape_literal};

use super::Settings;
use super::refusal::{Trouble, code};
use super::wire::{Connection, Row};
use crate::change::TableName;
use crate::source::Table;

/// What a publication of ours says of itself.
const MARK: &str = "made by Tidegate for its plugin db-listener";

/// What is done to the rows of a table that can be told.
const EVERYTHING: &str = "insert, update, delete, truncate";
const NEW_ROWS: &str = "insert, truncate";

/// The tables `p` that hold the rows of a table `c`: itself and, where it has some, its partitions.
const PARTS: &str = "(p.oid = c.oid or p.oid in (select relid from pg_partition_tree(c.oid)))";

/// A table that is to be published.
struct Wanted {
    name: TableName,
    /// Whether its updates and deletes can be published.
    identity: bool,
}

/// The publications to listen to, and what they lack.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Their names.
    pub(super) names: Vec<String>,
    /// What an operator should know.
    pub(super) notes: Vec<String>,
    /// What makes them have all tables of the rules.
    pub(super) statements: Vec<String>,
    /// Whether an operator has made them: they are not ours to change.
    theirs: bool,
}

impl Plan {
    /// What is there, and what has to be done; `full` are tables that will tell their old rows by then. Nothing is changed.
    pub(super) async fn make(
        sql: &mut Connection,
        settings: &Settings,
        full: &[TableName],
    ) -> Result<Self, Trouble> {
        let wanted = wanted(sql, &settings.tables, full).await?;
        let name = &settings.publication;
        let made_by = format!(
            "select coalesce(obj_description(oid, 'pg_publication') = {}, false) from pg_publication where pubname = {}",
            escape_literal(MARK),
            escape_literal(name)
        );
        let theirs = sql.value(&made_by).await?.is_some_and(|ours| ours != "t");
        let mut plan = Self { theirs, ..Self::default() };
        let absent = missing(sql, name, wanted.iter().map(|table| &table.name)).await?;
        let absent: Vec<TableName> = absent.into_iter().cloned().collect();
        // What an operator has put there stays there.
        let is_whole = |table: &Wanted| table.identity || (theirs && !absent.contains(&table.name));
        let (whole, bare): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_whole);
        if !whole.is_empty() || bare.is_empty() {
            plan.have(sql, name, &whole, EVERYTHING).await?;
        }
        if !bare.is_empty() {
            let second = format!("{}_inserts", name.chars().take(55).collect::<String>());
            plan.have(sql, &second, &bare, NEW_ROWS).await?;
        }
        plan.notes.extend(bare.iter().map(|table| {
            let table = quoted(&table.name);
            format!(
                "{table} has no primary key: its updates and deletes are not told; ALTER TABLE {table} REPLICA IDENTITY FULL, or a key, \
                 and a restart of the listener change that"
            )
        }));
        Ok(plan)
    }

    /// A publication that is to have these tables.
    async fn have(
        &mut self,
        sql: &mut Connection,
        name: &str,
        tables: &[Wanted],
        what: &str,
    ) -> Result<(), Trouble> {
        self.names.push(name.to_owned());
        let publication = escape_identifier(name);
        let names = tables.iter().map(|table| &table.name);
        let exists = format!("select 1 from pg_publication where pubname = {}", escape_literal(name));
        if sql.value(&exists).await?.is_some() {
            let missing = missing(sql, name, names).await?;
            if !missing.is_empty() {
                self.statements.push(format!("ALTER PUBLICATION {publication} ADD TABLE {}", list(&missing)));
            }
            return Ok(());
        }
        let names: Vec<&TableName> = names.collect();
        let tables = if names.is_empty() { String::new() } else { format!("FOR TABLE {} ", list(&names)) };
        self.statements.push(format!(
            "CREATE PUBLICATION {publication} {tables}WITH (publish = '{what}', publish_via_partition_root = true);\n\
             COMMENT ON PUBLICATION {publication} IS {}",
            escape_literal(MARK)
        ));
        Ok(())
    }

    /// Itself, where nothing is to be done.
    pub(super) fn done(self, settings: &Settings) -> Result<Self, Trouble> {
        match self.statements.is_empty() {
            true => Ok(self),
            false => Err(Trouble::Lasting(format!(
                "the publication {:?} does not have all tables of the rules, and is left as it is: {}; that is what \
                 `tidegate plugin db-listener init` prints, and with --apply does",
                settings.publication,
                self.statements.join("; ")
            ))),
        }
    }
}

/// Makes the publications, or checks that they have what is wanted.
pub(super) async fn ensure(sql: &mut Connection, settings: &Settings) -> Result<Plan, Trouble> {
    let plan = Plan::make(sql, settings, &[]).await?;
    if plan.theirs {
        return plan.done(settings);
    }
    for statement in &plan.statements {
        match sql.query(statement).await {
            // Another node was faster with the same.
            Err(trouble) if trouble.is(code::DUPLICATE_OBJECT) => {}
            done => drop(done?),
        }
    }
    Ok(plan)
}

/// Those of some tables that a publication does not have.
async fn missing<'a>(
    sql: &mut Connection,
    publication: &str,
    tables: impl Iterator<Item = &'a TableName>,
) -> Result<Vec<&'a TableName>, Trouble> {
    let query = "select schemaname, tablename from pg_publication_tables where pubname = ";
    let rows = sql.query(&format!("{query}{}", escape_literal(publication))).await?;
    let there: HashSet<TableName> = rows.iter().filter_map(table_name).collect();
    Ok(tables.filter(|table| !there.contains(table)).collect())
}

/// The tables of the rules, as far as they can be told.
async fn wanted(
    sql: &mut Connection,
    tables: &[TableName],
    full: &[TableName],
) -> Result<Vec<Wanted>, Trouble> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let names = pairs(tables);
    let rows = sql
        .query(&format!(
            "select nspname, relname, (select bool_and(case p.relreplident when 'f' then true
               when 'd' then exists (select from pg_index where indrelid = p.oid and indisprimary)
               when 'i' then exists (select from pg_index where indrelid = p.oid and indisreplident) else false end)
               from pg_class p where {PARTS})
             from pg_class c join pg_namespace n on n.oid = relnamespace
             where relkind in ('r', 'p') and (nspname, relname) in ({names}) order by 1, 2"
        ))
        .await?;
    let found = |row: &Row| {
        let name = table_name(row)?;
        let identity = row.get(2)?.as_deref() == Some("t") || full.contains(&name);
        Some(Wanted { name, identity })
    };
    let found: Vec<Wanted> = rows.iter().filter_map(found).collect();
    let lost: Vec<&TableName> =
        tables.iter().filter(|table| !found.iter().any(|found| found.name == **table)).collect();
    match lost.is_empty() {
        true => Ok(found),
        false => {
            let lost: Vec<String> = lost.into_iter().map(quoted).collect();
            Err(Trouble::Lasting(format!("the database has no such tables: {}", lost.join(", "))))
        }
    }
}

/// The tables of a database, with the columns that changes tell: generated ones are not among them.
pub(super) async fn tables(sql: &mut Connection) -> Result<Vec<Table>, Trouble> {
    let rows = sql
        .query(&format!(
            "select nspname, relname, (select bool_and(p.relreplident = 'f') from pg_class p where {PARTS}), (select json_agg(attname order by attnum) from pg_attribute
               where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '')
             from pg_class c join pg_namespace n on n.oid = relnamespace
             where relkind in ('r', 'p') and relpersistence = 'p' and nspname not in ('pg_catalog', 'information_schema') order by 1, 2",
        ))
        .await?;
    let table = |row: &Row| {
        let columns = row.get(3)?.as_deref().map(serde_json::from_str);
        let tells_old_rows = row.get(2)?.as_deref() == Some("t");
        Some(Table {
            name: table_name(row)?,
            columns: columns.transpose().ok()?.unwrap_or_default(),
            tells_old_rows,
        })
    };
    Ok(rows.iter().filter_map(table).collect())
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
               where (m.nspname, c.relname) in ({}) and {PARTS}) order by 1, 2",
            pairs(tables)
        ))
        .await?;
    Ok(rows.iter().filter_map(table_name).collect())
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

/// Tables as a publication takes them: by themselves, as of tables that inherit from one, which no rule names, even the application's
/// updates would fail where they have no key.
fn list(tables: &[&TableName]) -> String {
    tables.iter().map(|table| format!("ONLY {}", quoted(table))).collect::<Vec<_>>().join(", ")
}
