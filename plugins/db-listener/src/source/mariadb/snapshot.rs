//! The rows that are there already, as of one moment, told as inserts.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::change::{Cell, Change, Kind, Shape, TableName};
use crate::source::{Batch, Feed, Position};

use super::Server;
use super::columns::{Declared, Nature};
use super::connect::{answered, connect};
use super::gtid::Gtids;
use super::judge::check;
use super::stream::End;
use super::tables::{Tables, quoted, some};
use super::{position, text, value};

/// A batch has so many rows, or so many bytes, whichever is first.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 1 << 20;

/// Hands over the rows of all tables of ours, then the position that they are of.
///
/// Tables of InnoDB are read as they were at that position; of others rows may be newer, and come again as changes.
pub(super) async fn take(source: &Server, feed: &Feed) -> Result<Gtids, End> {
    let opts = &source.opts;
    let mut connection = connect(opts).await?;
    let flavour = check(opts, &mut connection).await?.flavour;
    let position = position::freeze(source, &mut connection, flavour).await?;
    let names: Vec<_> = source.tables.iter().cloned().collect();
    let tables: Tables = some(opts, &mut connection, &names).await?;
    for (name, mut columns) in tables {
        columns.retain(Declared::is_told);
        rows(source, feed, &mut connection, &position, name, columns).await?;
    }
    send(feed, Vec::new(), Some(position.keep())).await?;
    let _gone = answered(opts, connection.disconnect()).await;
    Ok(position)
}

async fn rows(
    source: &Server,
    feed: &Feed,
    connection: &mut Conn,
    position: &Gtids,
    name: TableName,
    columns: Vec<Declared>,
) -> Result<(), End> {
    let query = select(&name, &columns);
    let shape =
        Arc::new(Shape { table: name, columns: columns.iter().map(|column| column.name.clone()).collect() });
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let (mut changes, mut bytes, mut number) = (Vec::new(), 0, 0_u64);
    let mark = mark(position);
    let opts = &source.opts;
    let mut rows = answered(opts, connection.exec_stream::<Row, _, _>(query, ())).await?;
    loop {
        let next = async { rows.next().await.transpose() };
        let Some(row) = answered(opts, next).await? else { break };
        let cells: Vec<_> = row
            .unwrap()
            .into_iter()
            .zip(&columns)
            .map(|(value, column)| {
                bytes += size(&value);
                cell(column, value)
            })
            .collect();
        let origin = format!("{mark}/snapshot/{}/{number}", shape.table);
        number += 1;
        changes.push(Change {
            kind: Kind::Insert,
            shape: Arc::clone(&shape),
            new: Some(cells),
            old: None,
            origin,
            time,
        });
        if changes.len() >= BATCH || bytes >= BATCH_BYTES {
            bytes = 0;
            send(feed, std::mem::take(&mut changes), None).await?;
        }
    }
    if changes.is_empty() { Ok(()) } else { send(feed, changes, None).await }
}

/// The position as origins have it: that of many servers, which is longer than an origin may be, by its digest.
fn mark(position: &Gtids) -> String {
    const LONGEST: usize = 80;
    let text = position.to_string();
    match text.len() {
        0..=LONGEST => text,
        _ => Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

async fn send(feed: &Feed, changes: Vec<Change>, position: Option<Position>) -> Result<(), End> {
    feed.batches.send(Batch { changes, position }).await.map_err(|_| End::Done)
}

/// The rows in the order of their key, so that they have the same numbers each time that a position is read.
fn select(name: &TableName, columns: &[Declared]) -> String {
    let all: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
    let key: Vec<_> = columns.iter().filter(|column| column.key).map(|column| quoted(&column.name)).collect();
    let order = if key.is_empty() { String::new() } else { format!(" ORDER BY {}", key.join(", ")) };
    format!("SELECT {} FROM {}.{}{order}", all.join(", "), quoted(&name.schema), quoted(&name.table))
}

fn size(value: &mysql_async::Value) -> usize {
    match value {
        mysql_async::Value::Bytes(bytes) => bytes.len(),
        _ => 8,
    }
}

/// The same cell that the binary log's rows have.
fn cell(column: &Declared, value: mysql_async::Value) -> Cell {
    match value {
        mysql_async::Value::Bytes(bytes) if column.nature() == Nature::Json => {
            Cell::json(&String::from_utf8_lossy(&bytes))
        }
        value => Cell::Is(json(column, value)),
    }
}

/// The same JSON.
fn json(column: &Declared, value: mysql_async::Value) -> Value {
    use mysql_async::Value as Sql;
    let digits = column.digits;
    let number = |value: u8| u64::from(value);
    match value {
        Sql::NULL => Value::Null,
        Sql::Int(number) => Value::from(number),
        Sql::UInt(number) => Value::from(number),
        Sql::Float(number) => value::float(number),
        Sql::Double(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Sql::Bytes(bytes) => from_bytes(column, &bytes),
        Sql::Date(year, month, day, hour, minute, second, micros) => {
            let date = text::date(u64::from(year), number(month), number(day));
            let clock = text::clock(number(hour), number(minute), number(second), u64::from(micros), digits);
            Value::String(match column.kind.as_str() {
                "date" => date,
                "timestamp" => format!("{date}T{clock}Z"),
                _ => format!("{date}T{clock}"),
            })
        }
        Sql::Time(negative, days, hours, minutes, seconds, micros) => {
            let hours = u64::from(days) * 24 + number(hours);
            let clock = text::clock(hours, number(minutes), number(seconds), u64::from(micros), digits);
            Value::String(if negative { format!("-{clock}") } else { clock })
        }
    }
}

/// Texts come in UTF-8, whatever the column's character set.
fn from_bytes(column: &Declared, bytes: &[u8]) -> Value {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    match column.kind.as_str() {
        "bit" => Value::from(bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))),
        "decimal" => value::exact(text(), column.precision()),
        "uuid" | "inet4" | "inet6" => Value::String(text()),
        _ if column.charset() == text::Charset::Bytes => Value::String(STANDARD.encode(bytes)),
        _ => Value::String(text()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::gtid::Flavour;
    use super::*;

    #[test]
    fn a_position_of_many_servers_stands_in_origins_by_its_digest() {
        let server = |nth: u32| format!("3e11fa47-71ca-11e1-9e33-c80aa94{nth:05}:1-9");
        let of = |count| (0..count).map(server).collect::<Vec<_>>().join(",");
        let mark = |count| mark(&Gtids::told(Flavour::MySql, &of(count)).unwrap());
        assert_eq!(mark(1), of(1));
        assert_eq!((mark(20).len(), mark(21).len()), (64, 64));
        assert_ne!(mark(20), mark(21));
    }
}
