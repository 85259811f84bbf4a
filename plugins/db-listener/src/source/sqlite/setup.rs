//! What a database needs so that its changes are noted: a table, and triggers for each table that rules are about.

use std::fmt::Write;

use rusqlite::{Connection, Error, OptionalExtension};

use super::failure;
use crate::change::TableName;
use crate::source::{Failure, Table};

/// The table that changes are noted in. Its numbers are never given again.
const CHANGES: &str = "CREATE TABLE IF NOT EXISTS tidegate_changes (\n  id INTEGER PRIMARY KEY AUTOINCREMENT,\n  at INTEGER NOT NULL,\n  tbl TEXT NOT NULL,\n  kind TEXT NOT NULL,\n  old TEXT,\n  new TEXT\n)";
/// Milliseconds since 1970.
pub(super) const NOW: &str = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

/// The SQL that has a database note the changes of these tables, as it is now. It may be run again, and has to be when their columns
/// are others.
///
/// # Errors
/// Where a table is missing, or the database cannot be read.
pub fn setup(connection: &Connection, tables: &[TableName]) -> Result<String, Failure> {
    let mut sql = format!("{CHANGES};\n");
    for table in tables {
        let columns = columns_of(connection, table)?;
        for (name, trigger) in triggers(table, &columns) {
            // Writing to a text cannot fail.
            let _ = write!(sql, "DROP TRIGGER IF EXISTS {};\n{trigger};\n", quote(&name));
        }
    }
    Ok(sql)
}

/// The tables as they are, if the database notes their changes.
pub(super) fn check(connection: &Connection, tables: &[TableName]) -> Result<Vec<Table>, Failure> {
    let mut found = Vec::new();
    let lasting = |what: String| {
        Err(Failure::Lasting(format!("{what}: run what `tidegate plugin db-listener init` prints")))
    };
    if schema(connection, "tidegate_changes")?.is_none() {
        return lasting("there is no table tidegate_changes".into());
    }
    for table in tables {
        let columns = columns_of(connection, table)?;
        for (name, expected) in triggers(table, &columns) {
            match schema(connection, &name)? {
                Some(sql) if sql == expected => {}
                Some(_) => {
                    return lasting(format!("the trigger '{name}' is not of the columns that '{table}' has"));
                }
                None => return lasting(format!("there is no trigger '{name}'")),
            }
        }
        found.push(Table { name: table.clone(), columns, tells_old_rows: true });
    }
    Ok(found)
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

/// The same of a table that must be there.
fn columns_of(connection: &Connection, table: &TableName) -> Result<Vec<String>, Failure> {
    let told = |error: Error| failure(&format!("table '{table}'"), &error);
    let columns = columns(connection, table).map_err(told)?;
    if !columns.is_empty() && table.schema == "main" {
        return Ok(columns);
    }
    let tables = "SELECT group_concat('main.' || name, ', ') FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    let known: Option<String> = connection.query_row(tables, [], |row| row.get(0)).map_err(told)?;
    Err(Failure::Lasting(format!("there is no table '{table}', only: {}", known.unwrap_or_default())))
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
