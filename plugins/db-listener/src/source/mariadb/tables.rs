//! What `information_schema` has of tables.

use std::collections::{BTreeMap, HashMap};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Row};

use crate::change::TableName;
use crate::source::Failure;

use super::columns::Declared;
use super::connect::answered;

/// Columns in their order.
const COLUMNS: &str = "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.CHARACTER_SET_NAME, \
    COALESCE(c.DATETIME_PRECISION, 0), c.COLUMN_KEY = 'PRI' \
    FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) \
    WHERE t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND ";
const IN_ORDER: &str = " ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION";

/// The columns of tables, by their names.
pub(super) type Tables = BTreeMap<TableName, Vec<Declared>>;

/// All tables but the system's own.
pub(super) async fn all(opts: &Opts, connection: &mut Conn) -> Result<Tables, Failure> {
    let own = "c.TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')";
    select(opts, connection, own.into(), Vec::new()).await
}

/// These tables, as far as they are there.
pub(super) async fn some(opts: &Opts, connection: &mut Conn, names: &[TableName]) -> Result<Tables, Failure> {
    if names.is_empty() {
        return Ok(Tables::new());
    }
    let each = vec!["(c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ?)"; names.len()];
    let values = names.iter().flat_map(|name| [name.schema.clone(), name.table.clone()]).collect();
    let mut tables = select(opts, connection, format!("({})", each.join(" OR ")), values).await?;
    for (name, columns) in &mut tables {
        if columns.iter().any(|column| column.kind == "longtext") {
            json(opts, connection, name, columns).await?;
        }
    }
    Ok(tables)
}

/// Finds the columns that are JSON, which is LONGTEXT with a check. `information_schema` keeps checks from who may only read a table.
async fn json(
    opts: &Opts,
    connection: &mut Conn,
    name: &TableName,
    columns: &mut [Declared],
) -> Result<(), Failure> {
    let query = format!("SHOW CREATE TABLE {}.{}", quoted(&name.schema), quoted(&name.table));
    let row: Option<(String, String)> = answered(opts, connection.query_first(query)).await?;
    let definition = row.map(|(_, definition)| definition).unwrap_or_default();
    for column in columns.iter_mut().filter(|column| column.kind == "longtext") {
        column.json = definition.contains(&format!("json_valid({})", quoted(&column.name)));
    }
    Ok(())
}

/// A name as statements have it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

async fn select(
    opts: &Opts,
    connection: &mut Conn,
    which: String,
    values: Vec<String>,
) -> Result<Tables, Failure> {
    let query = format!("{COLUMNS}{which}{IN_ORDER}");
    let parameters = match values.is_empty() {
        true => mysql_async::Params::Empty,
        false => mysql_async::Params::Positional(values.into_iter().map(Into::into).collect()),
    };
    let rows: Vec<Row> = answered(opts, connection.exec(query, parameters)).await?;
    let mut tables = Tables::new();
    for row in rows {
        let text = |index: usize| row.get_opt::<Option<String>, _>(index).and_then(Result::ok).flatten();
        let number = |index: usize| row.get_opt::<u64, _>(index).and_then(Result::ok).unwrap_or_default();
        let name = TableName { schema: text(0).unwrap_or_default(), table: text(1).unwrap_or_default() };
        tables.entry(name).or_default().push(Declared {
            name: text(2).unwrap_or_default(),
            kind: text(3).unwrap_or_default().to_ascii_lowercase(),
            full: text(4).unwrap_or_default(),
            charset: text(5),
            digits: number(6) as usize,
            key: number(7) == 1,
            json: false,
        });
    }
    Ok(tables)
}

/// The character sets of collations by their numbers.
pub(super) async fn charsets(opts: &Opts, connection: &mut Conn) -> Result<HashMap<u64, String>, Failure> {
    const COLLATIONS: &str = "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS \
        WHERE ID IS NOT NULL AND CHARACTER_SET_NAME IS NOT NULL";
    let rows: Vec<(u64, String)> = answered(opts, connection.query(COLLATIONS)).await?;
    Ok(rows.into_iter().collect())
}
