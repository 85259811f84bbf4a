//! What `information_schema` has of tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::change::TableName;
use crate::source::Failure;

use super::columns::{Declared, Part};
use super::connect::{Access, answered};

/// Columns in their order.
const COLUMNS: &str = "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.CHARACTER_SET_NAME, \
    COALESCE(c.DATETIME_PRECISION, 0), c.COLUMN_KEY = 'PRI', t.TABLE_TYPE = 'SYSTEM VERSIONED' \
    FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) \
    WHERE t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND ";
const IN_ORDER: &str = " ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION";

/// The columns of tables, by their names.
pub(super) type Tables = BTreeMap<TableName, Vec<Declared>>;

/// What all tables are but the system's own, as `information_schema` has it: `BASE TABLE`, `VIEW`.
pub(super) async fn kinds(
    opts: &Access,
    connection: &mut Conn,
) -> Result<BTreeMap<TableName, String>, Failure> {
    const KINDS: &str = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES \
        WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')";
    let rows: Vec<(String, String, String)> = answered(opts, connection.query(KINDS)).await?;
    Ok(rows.into_iter().map(|(schema, table, kind)| (TableName { schema, table }, kind)).collect())
}

/// Whether the user sees all tables of a database, so that one that is not seen is not there.
pub(super) async fn sees_all(opts: &Access, connection: &mut Conn, schema: &str) -> Result<bool, Failure> {
    let grants: Vec<String> = answered(opts, connection.query("SHOW GRANTS")).await?;
    let database = format!(" ON {}.* ", quoted(schema));
    Ok(grants.iter().any(|grant| {
        let is_of_all = grant.contains(" ON *.* ") || grant.contains(&database);
        is_of_all && (grant.contains("SELECT") || grant.contains("ALL PRIVILEGES"))
    }))
}

/// These tables, as far as they are there.
pub(super) async fn some(
    opts: &Access,
    connection: &mut Conn,
    names: &[TableName],
) -> Result<Tables, Failure> {
    if names.is_empty() {
        return Ok(Tables::new());
    }
    let each = vec!["(c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ?)"; names.len()];
    let values = names.iter().flat_map(|name| [name.schema.clone(), name.table.clone()]).collect();
    let (mut tables, versioned) = select(opts, connection, &each.join(" OR "), values).await?;
    for (name, columns) in &mut tables {
        let has_history = versioned.contains(name);
        if has_history || columns.iter().any(|column| column.kind == "longtext") {
            let definition = definition(opts, connection, name).await?;
            json(&definition, columns);
            if has_history {
                history(&definition, columns);
            }
        }
    }
    Ok(tables)
}

async fn definition(opts: &Access, connection: &mut Conn, name: &TableName) -> Result<String, Failure> {
    let query = format!("SHOW CREATE TABLE {}.{}", quoted(&name.schema), quoted(&name.table));
    let row: Option<(String, String)> = answered(opts, connection.query_first(query)).await?;
    Ok(row.map(|(_, definition)| definition).unwrap_or_default())
}

/// Finds the columns that are JSON, which is LONGTEXT with a check. `information_schema` keeps checks from who may only read a table.
fn json(definition: &str, columns: &mut [Declared]) {
    for column in columns.iter_mut().filter(|column| column.kind == "longtext") {
        column.json = definition.contains(&format!("json_valid({})", quoted(&column.name)));
    }
}

/// Finds the column that says until when a row is so, `PERIOD FOR SYSTEM_TIME (`since`, `until`)`; where none is named, the server has
/// added two at the end that nobody sees.
fn history(definition: &str, columns: &mut Vec<Declared>) {
    let period = definition.split_once("PERIOD FOR SYSTEM_TIME (").map(|(_, period)| period);
    let Some(period) = period else {
        columns.push(Declared::added("row_start", Part::Hidden));
        columns.push(Declared::added("row_end", Part::End { hidden: true }));
        return;
    };
    let is_end = |column: &&mut Declared| period.contains(&format!(", {})", quoted(&column.name)));
    if let Some(column) = columns.iter_mut().find(is_end) {
        column.part = Part::End { hidden: false };
    }
}

/// A name as statements have it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Columns of tables, and which of these have history.
async fn select(
    opts: &Access,
    connection: &mut Conn,
    which: &str,
    values: Vec<String>,
) -> Result<(Tables, BTreeSet<TableName>), Failure> {
    let query = format!("{COLUMNS}({which}){IN_ORDER}");
    let parameters = mysql_async::Params::Positional(values.into_iter().map(Into::into).collect());
    let rows: Vec<Row> = answered(opts, connection.exec(query, parameters)).await?;
    let (mut tables, mut versioned) = (Tables::new(), BTreeSet::new());
    for row in rows {
        let text = |index: usize| row.get_opt::<Option<String>, _>(index).and_then(Result::ok).flatten();
        let number = |index: usize| row.get_opt::<u64, _>(index).and_then(Result::ok).unwrap_or_default();
        let name = TableName { schema: text(0).unwrap_or_default(), table: text(1).unwrap_or_default() };
        if number(8) == 1 {
            versioned.insert(name.clone());
        }
        tables.entry(name).or_default().push(Declared {
            name: text(2).unwrap_or_default(),
            kind: text(3).unwrap_or_default().to_ascii_lowercase(),
            full: text(4).unwrap_or_default(),
            charset: text(5),
            digits: number(6) as usize,
            key: number(7) == 1,
            json: false,
            part: Part::Own,
        });
    }
    Ok((tables, versioned))
}

/// The character sets of collations by their numbers.
pub(super) async fn charsets(opts: &Access, connection: &mut Conn) -> Result<HashMap<u64, String>, Failure> {
    const COLLATIONS: &str = "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS \
        WHERE ID IS NOT NULL AND CHARACTER_SET_NAME IS NOT NULL";
    let rows: Vec<(u64, String)> = answered(opts, connection.query(COLLATIONS)).await?;
    Ok(rows.into_iter().collect())
}
