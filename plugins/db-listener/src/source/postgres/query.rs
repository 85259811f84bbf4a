//! Questions of calls: a query's first row, typed as changes are.

use std::time::Duration;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use serde_json::{Map, Value};

use super::address::Address;
use super::refusal::Trouble;
use super::types::Types;
use super::value::Type;
use super::wire::{Connection, Purpose, Row, row};
use crate::source::Failure;

/// How long a query may take.
const LONGEST: Duration = Duration::from_secs(10);

/// A query's first row, by its columns; none where it has none. It cannot change anything.
pub(in crate::source) async fn first_row(
    address: &Address,
    query: &str,
) -> Result<Map<String, Value>, Failure> {
    let mut sql = Connection::open(address, Purpose::Sql).await?;
    sql.patience = LONGEST + Duration::from_secs(1);
    sql.query(&format!(
        "set statement_timeout = {}; set default_transaction_read_only = on",
        LONGEST.as_millis()
    ))
    .await?;
    let (columns, row) = ask(&mut sql, query).await?;
    let Some(row) = row else { return Ok(Map::new()) };
    let mut types = Types::default();
    let unknown = types.unknown(columns.iter().map(|(_, kind)| *kind));
    if !unknown.is_empty() {
        types.learn(&mut sql, &unknown).await?;
    }
    let json = |((name, kind), text): ((String, u32), Option<String>)| {
        let kind = types.get(kind).unwrap_or(Type::Text);
        (name, text.map_or(Value::Null, |text| kind.json(&text)))
    };
    Ok(columns.into_iter().zip(row).map(json).collect())
}

/// A query's columns, with the numbers of their types, and its first row. The others are read and passed over.
async fn ask(sql: &mut Connection, query: &str) -> Result<(Vec<(String, u32)>, Option<Row>), Trouble> {
    frontend::query(query, &mut sql.outgoing)?;
    sql.flush().await?;
    let (mut columns, mut first) = (Vec::new(), None);
    loop {
        match sql.receive().await?.message()? {
            Message::RowDescription(body) => {
                columns =
                    body.fields().map(|field| Ok((field.name().to_owned(), field.type_oid()))).collect()?;
            }
            Message::DataRow(body) if first.is_none() => first = Some(row(&body)?),
            Message::ReadyForQuery(_) => return Ok((columns, first)),
            _ => {}
        }
    }
}
