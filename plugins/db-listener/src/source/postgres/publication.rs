//! What the server publishes: tables, and the publications that they are in.
//!
//! A publication of ours bears a comment that says so, and is kept in step with the rules; one that an operator has made is only
//! checked. A table whose rows have no replica identity (no primary key) goes into a second publication, of inserts and truncations
//! alone: in the first one, the application's own updates and deletes would fail from then on. Ours are made both, before the slot:
//! PostgreSQL looks publications up as they were when the change was made, and a slot never passes one that was before its publication.

use std::collections::HashMap;

use postgres_protocol::escape::{escape_identifier, escape_literal};

use super::Settings;
use super::catalogue::{self, Found, quoted};
use super::refusal::{Trouble, code};
use super::wire::Connection;
use crate::change::{Kind, TableName};
use crate::source::{Table, Untold};

/// What a publication of ours says of itself.
const MARK: &str = "made by Tidegate for its plugin db-listener";

/// What is done to the rows of a table that can be told.
const EVERYTHING: &str = "insert, update, delete, truncate";
const NEW_ROWS: &str = "insert, truncate";

/// The publications to listen to, and what they lack.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Their names.
    pub(super) names: Vec<String>,
    /// What makes them have all tables of the rules that are there.
    pub(super) statements: Vec<String>,
    /// Tables of the rules that no publication has.
    pub(super) unpublished: Vec<TableName>,
    /// The tables of the rules that are there, and what of them is told.
    pub(super) tables: Vec<Table>,
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
        let (main, second) = (&settings.publication, second(settings));
        let found = catalogue::find(sql, &settings.tables, &[main, &second]).await?;
        let there = there(sql, &[main, &second]).await?;
        let mut plan = Self { theirs: there.get(main) == Some(&false), ..Self::default() };
        let tables = found.iter().filter(|found| found.is_table());
        // What an operator has put there stays there.
        let is_whole = |found: &&Found| {
            let is_theirs = plan.theirs && found.published_by(main).is_some();
            found.identity || full.contains(&found.table.name) || is_theirs
        };
        let (whole, bare): (Vec<_>, Vec<_>) = tables.partition(is_whole);
        let is_used = |tables: &[&Found]| !plan.theirs || !tables.is_empty();
        let (uses_main, uses_second) = (is_used(&whole) || bare.is_empty(), is_used(&bare));
        if uses_main {
            plan.have(main, there.contains_key(main), &whole, EVERYTHING);
        }
        if uses_second {
            plan.have(&second, there.contains_key(&second), &bare, NEW_ROWS);
        }
        let moved = bare.iter().filter(|found| found.published_by(main).is_some());
        let moved: Vec<_> = moved.map(|found| &found.table.name).collect();
        if !moved.is_empty() {
            let publication = escape_identifier(main);
            plan.statements.push(format!("ALTER PUBLICATION {publication} DROP TABLE {}", list(&moved)));
        }
        plan.tables = found.iter().map(|found| limited(found, settings)).collect();
        Ok(plan)
    }

    /// A publication that is to have these tables.
    fn have(&mut self, name: &str, is_there: bool, tables: &[&Found], what: &str) {
        self.names.push(name.to_owned());
        let publication = escape_identifier(name);
        let missing = tables.iter().filter(|found| found.published_by(name).is_none());
        let unpublished = missing.clone().filter(|found| found.published.is_empty());
        self.unpublished.extend(unpublished.map(|found| found.table.name.clone()));
        let missing: Vec<_> = missing.map(|found| &found.table.name).collect();
        if is_there {
            if !missing.is_empty() {
                self.statements.push(format!("ALTER PUBLICATION {publication} ADD TABLE {}", list(&missing)));
            }
            return;
        }
        let tables =
            if missing.is_empty() { String::new() } else { format!("FOR TABLE {} ", list(&missing)) };
        self.statements.push(format!(
            "CREATE PUBLICATION {publication} {tables}WITH (publish = '{what}', publish_via_partition_root = true);\n\
             COMMENT ON PUBLICATION {publication} IS {}",
            escape_literal(MARK)
        ));
    }

    /// Does what is to be done, where that is ours to do.
    pub(super) async fn carry_out(&self, sql: &mut Connection, settings: &Settings) -> Result<(), Trouble> {
        if self.theirs {
            return self.is_done(settings);
        }
        for statement in &self.statements {
            match sql.query(statement).await {
                // Another node was faster with the same.
                Err(trouble) if trouble.is(code::DUPLICATE_OBJECT) => {}
                done => drop(done?),
            }
        }
        Ok(())
    }

    /// Whether nothing is to be done.
    pub(super) fn is_done(&self, settings: &Settings) -> Result<(), Trouble> {
        match self.statements.is_empty() {
            true => Ok(()),
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
fn second(settings: &Settings) -> String {
    format!("{}_inserts", settings.publication.chars().take(55).collect::<String>())
}

/// Makes the publications, or checks that they have what is wanted; answers their names. Once changes were read, what cannot be done for
/// one table is in nobody else's way: it goes on with those that there are.
pub(super) async fn ensure(
    sql: &mut Connection,
    settings: &Settings,
    begun: bool,
) -> Result<Vec<String>, Trouble> {
    let mut plan = Plan::make(sql, settings, &[]).await?;
    match plan.carry_out(sql, settings).await {
        Err(trouble @ (Trouble::Refused(_) | Trouble::Lasting(_))) if begun => {
            let there = there(sql, &plan.names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            plan.names.retain(|name| there.contains_key(name));
            if plan.names.is_empty() { Err(trouble) } else { Ok(plan.names) }
        }
        done => done.map(|()| plan.names),
    }
}

/// Those of some publications that there are, each with whether it is ours.
pub(super) async fn there(sql: &mut Connection, names: &[&str]) -> Result<HashMap<String, bool>, Trouble> {
    let names: Vec<_> = names.iter().map(|name| escape_literal(name)).collect();
    let rows = sql
        .query(&format!(
            "select pubname, coalesce(obj_description(oid, 'pg_publication') = {}, false) from pg_publication where pubname in ({})",
            escape_literal(MARK),
            names.join(", ")
        ))
        .await?;
    let ours = |row: &[Option<String>]| Some((row.first()?.clone()?, row.get(1)?.as_deref() == Some("t")));
    Ok(rows.iter().filter_map(|row| ours(row)).collect())
}

/// Has tables say what of them the publications that there are do not tell.
pub(super) async fn limit(
    sql: &mut Connection,
    settings: &Settings,
    tables: &mut [Table],
) -> Result<(), Trouble> {
    for found in catalogue::find(sql, &settings.tables, &[&settings.publication, &second(settings)]).await? {
        if let Some(table) = tables.iter_mut().find(|table| table.name == found.table.name) {
            withhold(table, &found, settings);
        }
    }
    Ok(())
}

fn limited(found: &Found, settings: &Settings) -> Table {
    let mut table = found.table.clone();
    withhold(&mut table, found, settings);
    table
}

/// Takes from a table what the publication does not tell of it, where that has it already.
fn withhold(table: &mut Table, found: &Found, settings: &Settings) {
    let name = &settings.publication;
    let Some(main) = found.published_by(name) else { return };
    let is_told = |kind: &Kind| found.published.iter().any(|published| published.tells(*kind));
    let is_known = |kind: &Kind| table.untold.iter().any(|untold| untold.kinds.contains(kind));
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| !is_told(kind) && !is_known(kind)).collect();
    let publication = escape_identifier(name);
    if !kinds.is_empty() {
        let why = format!(
            "the publication {name:?} does not publish them: ALTER PUBLICATION {publication} SET (publish = '{EVERYTHING}') has it publish all"
        );
        table.untold.push(Untold { kinds, why });
    }
    if let Some(listed) = &main.columns {
        let (told, hidden): (Vec<_>, Vec<_>) =
            std::mem::take(&mut table.columns).into_iter().partition(|column| listed.contains(&column.name));
        table.columns = told;
        let why = format!(
            "is not in the list of columns that the publication {name:?} has of the table: add it there"
        );
        table.hidden.extend(hidden.into_iter().map(|column| (column.name, why.clone())));
    }
    table.unseen_rows = main.filter.as_ref().map(|filter| {
        let name = &table.name;
        format!("of table '{name}' the publication {publication} tells the rows alone of which this holds: {filter}")
    });
}

/// Tables as a publication takes them: by themselves, as of tables that inherit from one, which no rule names, even the application's
/// updates would fail where they have no key.
fn list(tables: &[&TableName]) -> String {
    tables.iter().map(|table| format!("ONLY {}", quoted(table))).collect::<Vec<_>>().join(", ")
}
