//! Queries of calls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value as Cell};
use serde_json::{Map, Value};

use super::connect::{answered, connect};
use super::{MariaDb, Server};
use crate::source::{Failure, Query};

impl Query for MariaDb {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        let Server { opts, .. } = self.server()?;
        let mut connection = connect(&opts).await?;
        let row: Option<Row> = answered(&opts, connection.query_first(query)).await?;
        let _gone = answered(&opts, connection.disconnect()).await;
        let Some(row) = row else { return Ok(Map::new()) };
        let columns = row.columns();
        let cells = columns.iter().zip(row.unwrap());
        Ok(cells
            .map(|(column, cell)| (column.name_str().into_owned(), value(column.column_type(), cell)))
            .collect())
    }
}

/// A cell as the text protocol has it.
fn value(kind: ColumnType, cell: Cell) -> Value {
    let Cell::Bytes(bytes) = cell else { return Value::Null };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return STANDARD.encode(error.as_bytes()).into(),
    };
    let is_number = kind.is_numeric_type() && kind != ColumnType::MYSQL_TYPE_TIMESTAMP;
    let number = || text.parse::<serde_json::Number>().ok();
    match number().filter(|_| is_number) {
        Some(number) => number.into(),
        None => text.into(),
    }
}
