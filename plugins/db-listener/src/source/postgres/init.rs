//! What an operator does once, as one who may: all that a role which owns nothing needs to listen.

use postgres_protocol::escape::{escape_identifier, escape_literal};

use super::catalogue::{self, pairs, quoted, table_name};
use super::listen::Postgres;
use super::publication::{self, Plan};
use super::refusal::Trouble;
use super::wire::{Connection, Purpose, Row};
use super::{Settings, check_server, slot};
use crate::change::TableName;
use crate::source::{Failure, Table};

/// A lock of the application's on a table is waited for so long, as what we ask for waits in front of others.
const LOCK: &str = "SET lock_timeout = '2s'";

impl Postgres {
    /// The tables as they are once those tell their old rows whose old rows rules ask for.
    pub(in crate::source) async fn look(&self) -> Result<Vec<Table>, Failure> {
        let settings = self.settings()?;
        let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
        let mut tables = catalogue::tables(&mut sql, &self.tables).await?;
        self.tell_old_rows(&mut tables);
        publication::limit(&mut sql, &settings, &mut tables).await?;
        Ok(tables)
    }

    /// The statements that make what the database lacks.
    pub(in crate::source) async fn init(&self) -> Result<Vec<String>, Failure> {
        let settings = self.settings()?;
        let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
        Ok(lacking(&mut sql, &settings, &self.old_rows).await?)
    }

    /// Runs them.
    pub(in crate::source) async fn apply(&self, statements: &[String]) -> Result<(), Failure> {
        let mut sql = Connection::open(&self.settings()?.address, Purpose::Sql).await?;
        sql.query(LOCK).await?;
        for statement in statements {
            let done = sql.query(statement).await;
            done.map_err(|trouble| Trouble::Lasting(format!("{statement}: {trouble}")))?;
        }
        Ok(())
    }
}

async fn lacking(
    sql: &mut Connection,
    settings: &Settings,
    old_rows: &[TableName],
) -> Result<Vec<String>, Trouble> {
    check_server(sql).await?;
    let plan = Plan::make(sql, settings, old_rows).await?;
    let silent = catalogue::silent(sql, old_rows).await?;
    let mut statements: Vec<String> = silent
        .iter()
        .map(|table| format!("ALTER TABLE ONLY {} REPLICA IDENTITY FULL", quoted(table)))
        .collect();
    statements.extend(plan.statements);
    // One that is to begin with a snapshot is made with it; and one must not begin before what is published is there.
    if !settings.snapshot && slot::find(sql, &settings.slot).await?.is_none() {
        let name = escape_literal(&settings.slot);
        statements.push(format!("SELECT pg_create_logical_replication_slot({name}, 'pgoutput')"));
    }
    statements.extend(rights(sql, settings).await?);
    Ok(statements)
}

/// The rights that the role of the URL lacks.
async fn rights(sql: &mut Connection, settings: &Settings) -> Result<Vec<String>, Trouble> {
    let role = escape_identifier(&settings.address.user);
    let mut statements = Vec::new();
    let may = "select rolsuper or rolreplication from pg_roles where rolname = current_user";
    if sql.value(may).await?.as_deref() != Some("t") {
        statements.push(format!("ALTER ROLE {role} REPLICATION"));
    }
    if settings.tables.is_empty() {
        return Ok(statements);
    }
    let rows = sql
        .query(&format!(
            "select nspname, relname, has_schema_privilege(n.oid, 'usage'), has_table_privilege(c.oid, 'select')
             from pg_class c join pg_namespace n on n.oid = relnamespace where (nspname, relname) in ({}) order by 1, 2",
            pairs(&settings.tables)
        ))
        .await?;
    let lacks = |row: &Row, at: usize| row.get(at).and_then(|cell| cell.as_deref()) == Some("f");
    let mut schemas: Vec<_> =
        rows.iter().filter(|row| lacks(row, 2)).filter_map(table_name).map(|name| name.schema).collect();
    schemas.dedup();
    let usage = |schema: String| format!("GRANT USAGE ON SCHEMA {} TO {role}", escape_identifier(&schema));
    statements.extend(schemas.into_iter().map(usage));
    let select = |name: TableName| format!("GRANT SELECT ON {} TO {role}", quoted(&name));
    statements.extend(rows.iter().filter(|row| lacks(row, 3)).filter_map(table_name).map(select));
    Ok(statements)
}
