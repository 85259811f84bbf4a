//! What the server publishes: tables, and the publications that they are in.
//!
//! A publication of ours bears a comment that says so, and is kept in step with the rules; one that an operator has made is only
//! checked. A table whose rows have no replica identity (no primary key) goes into a second publication, of inserts and truncations
//! alone: in the first one, the application's own updates and deletes would fail from then on.

use std::collections::HashSet;

use postgres_protocol::escape::{escape_identifier, escape_literal};

use super::Settings;
use super::catalogue::{self, Found, quoted, table_name};
use super::refusal::{Trouble, code};
use super::wire::Connection;
use crate::change::TableName;

/// What a publication of ours says of itself.
const MARK: &str = "made by Tidegate for its plugin db-listener";

/// What is done to the rows of a table that can be told.
const EVERYTHING: &str = "insert, update, delete, truncate";
const NEW_ROWS: &str = "insert, truncate";

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
            plan.have(sql, &second(settings), &bare, NEW_ROWS).await?;
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

    /// Whether a table is in the publication that it has to be in.
    pub(super) fn has(&self, settings: &Settings, found: &Found) -> bool {
        let is_in = |name: &str| found.published.iter().any(|published| published == name);
        let main = is_in(&settings.publication);
        if found.has_identity() { main } else { is_in(&second(settings)) || (self.theirs && main) }
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

/// The publication of tables without a replica identity.
pub(super) fn second(settings: &Settings) -> String {
    format!("{}_inserts", settings.publication.chars().take(55).collect::<String>())
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
    let found = catalogue::find(sql, tables, &[]).await?;
    let lost = |name: &&TableName| !found.iter().any(|found| found.is_table() && found.table.name == **name);
    let lost: Vec<String> = tables.iter().filter(lost).map(quoted).collect();
    if !lost.is_empty() {
        return Err(Trouble::Lasting(format!("the database has no such tables: {}", lost.join(", "))));
    }
    let wanted = |found: Found| {
        let identity = found.has_identity() || full.contains(&found.table.name);
        Wanted { name: found.table.name, identity }
    };
    Ok(found.into_iter().map(wanted).collect())
}

/// Tables as a publication takes them: by themselves, as of tables that inherit from one, which no rule names, even the application's
/// updates would fail where they have no key.
fn list(tables: &[&TableName]) -> String {
    tables.iter().map(|table| format!("ONLY {}", quoted(table))).collect::<Vec<_>>().join(", ")
}
