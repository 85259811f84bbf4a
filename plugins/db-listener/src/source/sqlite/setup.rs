//! What a database needs so that its changes are noted: a table, and triggers for each table that rules are about.

use rusqlite::{Connection, Error, OptionalExtension};

use super::failure;
use crate::change::TableName;
use crate::source::{Failure, Table, TableColumn, Told, Values};

/// The table that changes are noted in. Its numbers are never given again.
const CHANGES: &str = "CREATE TABLE IF NOT EXISTS tidegate_changes (\n  id INTEGER PRIMARY KEY AUTOINCREMENT,\n  at INTEGER NOT NULL,\n  tbl TEXT NOT NULL,\n  kind TEXT NOT NULL,\n  old TEXT,\n  new TEXT\n)";
/// Milliseconds since 1970.
pub(super) const NOW: &str = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

/// The SQL that has a database note the changes of these tables, as far as it does not yet; a statement, or two that belong together,
/// each. It may be run again, and has to be when their columns are others.
///
/// # Errors
/// Where a table is missing, or the database cannot be read.
pub fn setup(connection: &Connection, tables: &[TableName]) -> Result<Vec<String>, Failure> {
    let mut statements = Vec::new();
    if schema(connection, "tidegate_changes")?.is_none() {
        statements.push(CHANGES.to_owned());
    }
    for table in tables {
        let names =
            columns(connection, table).map_err(|error| failure(&format!("table '{table}'"), &error))?;
        if names.is_empty() {
            return Err(Failure::Lasting(format!("there is no table '{table}'")));
        }
        for (name, trigger) in triggers(table, &names) {
            if schema(connection, &name)?.as_ref() != Some(&trigger) {
                statements.push(format!("DROP TRIGGER IF EXISTS {};\n{trigger}", quote(&name)));
            }
        }
    }
    Ok(statements)
}

/// What the database lacks to note the changes of those tables that there are; the first thing.
pub(super) fn lack(connection: &Connection, tables: &[Table]) -> Result<Option<String>, Failure> {
    let said = |what: String| Ok(Some(format!("{what}: run what `tidegate plugin db-listener init` prints")));
    if schema(connection, "tidegate_changes")?.is_none() {
        return said("there is no table tidegate_changes".into());
    }
    for Table { name: table, .. } in tables.iter().filter(|table| table.told == Told::All) {
        for (name, expected) in triggers(table, &columns(connection, table).unwrap_or_default()) {
            match schema(connection, &name)? {
                Some(sql) if sql == expected => {}
                Some(_) => {
                    return said(format!("the trigger '{name}' is not of the columns that '{table}' has"));
                }
                None => return said(format!("there is no trigger '{name}'")),
            }
        }
    }
    Ok(None)
}

/// These tables, as far as they are there; where one is not also the names of all others, of which one may have been meant.
pub(super) fn tables(connection: &Connection, wanted: &[TableName]) -> Result<Vec<Table>, Failure> {
    let told = |error: Error| failure("the schema", &error);
    let sql = "SELECT name, type, ifnull(sql LIKE 'CREATE VIRTUAL%', 0) FROM sqlite_schema
        WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> 'tidegate_changes'";
    let mut statement = connection.prepare_cached(sql).map_err(told)?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let rows = statement.query_map([], row).map_err(told)?;
    let rows = rows.collect::<Result<Vec<(String, String, bool)>, _>>().map_err(told)?;
    let mut found = Vec::new();
    for (table, kind, is_virtual) in rows {
        let name = TableName { schema: "main".into(), table };
        found.push(match (kind.as_str(), is_virtual) {
            ("view", _) => Table::named(name, nothing("a view: name the tables that it reads")),
            (_, true) => Table::named(name, nothing("a virtual table, which has no triggers")),
            _ if !wanted.contains(&name) => Table::named(name, Told::All),
            _ => described(connection, name).map_err(told)?,
        });
    }
    let are_all_there = wanted.iter().all(|name| found.iter().any(|table| table.name == *name));
    found.retain(|table| !are_all_there || wanted.contains(&table.name));
    Ok(found)
}

fn nothing(what: &str) -> Told {
    Told::Nothing(format!("is {what}"))
}

/// A table with its columns. Those of type TEXT hold text whatever is put in; others hold what they are given.
fn described(connection: &Connection, name: TableName) -> Result<Table, Error> {
    let hidden = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden IN (2, 3)";
    let hidden = connection
        .prepare_cached(hidden)?
        .query_map([&name.table], |row| {
            Ok((
                row.get(0)?,
                "is generated, and such are not told: use the columns that it is made of".to_owned(),
            ))
        })?
        .collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached("SELECT name, upper(type) FROM pragma_table_info(?1)")?;
    let column = |row: &rusqlite::Row<'_>| {
        let kind: String = row.get(1)?;
        let is_text =
            !kind.contains("INT") && ["CHAR", "CLOB", "TEXT"].iter().any(|part| kind.contains(part));
        Ok(TableColumn::new(row.get(0)?, if is_text { Values::Text } else { Values::Any }))
    };
    let columns = statement.query_map([&name.table], column)?.collect::<Result<_, _>>()?;
    Ok(Table { hidden, ..Table::new(name, columns) })
}

/// How often the schema was changed.
pub(super) fn version(connection: &Connection) -> Result<i64, Error> {
    connection.query_row("PRAGMA schema_version", [], |row| row.get(0))
}

/// The SQL that something was made by.
fn schema(connection: &Connection, name: &str) -> Result<Option<String>, Failure> {
    let found =
        connection.query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0));
    found.optional().map_err(|error| failure("the schema", &error))
}

/// The names of a table's columns, in order; none where it is not there.
pub(super) fn columns(connection: &Connection, table: &TableName) -> Result<Vec<String>, Error> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([&table.table], |row| row.get(0))?;
    names.collect()
}

/// The triggers of a table, each with its name.
fn triggers(table: &TableName, columns: &[String]) -> [(String, String); 3] {
    let trigger = |kind: &str, old: bool, new: bool| {
        let name = format!("tidegate_{}_{kind}", table.table);
        let row = |is: bool, row: &str| if is { row_json(row, columns) } else { "NULL".into() };
        let sql = format!(
            "CREATE TRIGGER {} AFTER {} ON {} BEGIN\n  INSERT INTO tidegate_changes (at, tbl, kind, old, new) VALUES\n    ({NOW}, {}, '{kind}',\n    {},\n    {});\nEND",
            quote(&name),
            kind.to_uppercase(),
            quote(&table.table),
            text(&table.table),
            row(old, "OLD"),
            row(new, "NEW"),
        );
        (name, sql)
    };
    [trigger("insert", false, true), trigger("update", true, true), trigger("delete", true, false)]
}

/// SQL for a row as JSON. What JSON has not, bytes, stands in an array of its own, as hexadecimal digits; numbers are exact.
pub(super) fn row_json(row: &str, columns: &[String]) -> String {
    let member = |(i, column): (usize, &String)| {
        let name = serde_json::to_string(column).unwrap_or_default();
        let begin = text(&format!("{}{name}:", if i == 0 { "{" } else { "," }));
        let value = if row.is_empty() { quote(column) } else { format!("{row}.{}", quote(column)) };
        format!(
            "{begin} || CASE typeof({value}) WHEN 'blob' THEN '[\"' || hex({value}) || '\"]' \
             WHEN 'real' THEN iif(abs({value}) <= 1.7976931348623157e308, printf('%!.17g', {value}), 'null') \
             ELSE json_quote({value}) END"
        )
    };
    format!("{} || '}}'", columns.iter().enumerate().map(member).collect::<Vec<_>>().join(" ||\n    "))
}

/// A name as SQL has it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
