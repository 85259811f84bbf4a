//! Reads the change table, and takes out of it what is safe.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::MOST;
use super::setup::{NOW, columns, quote, row_json};
use crate::change::{Cell, Change, Kind, Shape, TableName};
use crate::source::{Batch, Failure, Position};

/// For how long a change stays at least, so that who tries rules beside an instance sees it, too.
const KEPT: Duration = Duration::from_secs(1);
/// How often it is looked which have been there for so long.
const LOOK: Duration = Duration::from_millis(250);

/// Where we are in the change table.
#[derive(Debug)]
pub(super) struct Reader {
    tables: Vec<TableName>,
    shapes: Shapes,
    /// The number of the last change that was read.
    pub(super) after: i64,
    /// Up to which changes were taken out.
    cleaned: i64,
    /// Up to which they may be, and when that was looked for.
    old: i64,
    looked: Option<Instant>,
}

/// The shapes that were seen, by table: a row with other columns brings another.
type Shapes = HashMap<String, Arc<Shape>>;

impl Reader {
    pub(super) fn new(tables: Vec<TableName>, from: Option<&Position>) -> Result<Self, Failure> {
        let after = from.map_or(Ok(0), |from| from.0.parse());
        let after =
            after.map_err(|_| Failure::Lasting("the position that was kept is not one of SQLite".into()))?;
        Ok(Self { tables, shapes: Shapes::new(), after, cleaned: 0, old: 0, looked: None })
    }

    /// The next changes, if there are any.
    pub(super) fn read(&mut self, connection: &mut Connection, most: usize) -> Result<Option<Batch>, Error> {
        self.begin_anew_where_the_file_is_another(connection)?;
        let sql =
            "SELECT id, at, tbl, kind, old, new FROM tidegate_changes WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.after, most as i64])?;
        let mut changes = Vec::new();
        let mut read = false;
        while let Some(row) = rows.next()? {
            self.after = row.get(0)?;
            read = true;
            changes.extend(self.change(row)?);
        }
        Ok(read.then(|| Batch { changes, position: Some(Position(self.after.to_string())) }))
    }

    /// A number that is past all that were ever given is of another file, whose place this one has taken.
    fn begin_anew_where_the_file_is_another(&mut self, connection: &Connection) -> Result<(), Error> {
        if last(connection)? < self.after {
            (self.after, self.cleaned, self.old) = (0, 0, 0);
        }
        Ok(())
    }

    /// A change as the triggers noted it; nothing of a table that no rule is about any more.
    fn change(&mut self, row: &Row<'_>) -> Result<Option<Change>, Error> {
        let (id, time, table): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let kind = match row.get_ref(3)?.as_str()? {
            "insert" => Kind::Insert,
            "update" => Kind::Update,
            _ => Kind::Delete,
        };
        let Some(name) = self.tables.iter().find(|name| name.table == table) else { return Ok(None) };
        let (old, new) = (members(row, 4)?, members(row, 5)?);
        let columns =
            || old.iter().chain(&new).next().into_iter().flat_map(|row| row.iter().map(|(name, _)| name));
        let known = self.shapes.get(&table).filter(|shape| shape.columns.iter().eq(columns()));
        let shape = match known {
            Some(shape) => Arc::clone(shape),
            None => {
                let shape = Arc::new(Shape { table: name.clone(), columns: columns().cloned().collect() });
                self.shapes.insert(table, Arc::clone(&shape));
                shape
            }
        };
        let origin = id.to_string();
        Ok(Some(Change { kind, shape, new: new.map(cells), old: old.map(cells), origin, time }))
    }

    /// Takes changes out that are safe and not of just now, some at once.
    pub(super) fn clean(
        &mut self,
        connection: &mut Connection,
        safe: Option<i64>,
        most: usize,
    ) -> Result<(), Error> {
        let Some(safe) = safe.filter(|safe| *safe > self.cleaned && *safe <= self.after) else {
            return Ok(());
        };
        if self.old <= self.cleaned {
            self.look_for_old(connection, safe)?;
        }
        if self.old <= self.cleaned {
            return Ok(());
        }
        let sql = "DELETE FROM tidegate_changes WHERE id IN (SELECT id FROM tidegate_changes WHERE id <= ?1 ORDER BY id LIMIT ?2)";
        let taken = connection.prepare_cached(sql)?.execute(params![self.old, most as i64]);
        match taken {
            Ok(taken) if taken < most => self.cleaned = self.old,
            Ok(_) => {}
            // The application has the lock: later.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Finds the last that is safe and old enough; not at each batch, as it passes over all that is not.
    fn look_for_old(&mut self, connection: &Connection, safe: i64) -> Result<(), Error> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        let sql = format!(
            "SELECT id FROM tidegate_changes WHERE id <= ?1 AND at < {NOW} - {} ORDER BY id DESC LIMIT 1",
            KEPT.as_millis()
        );
        let old = connection.prepare_cached(&sql)?.query_row([safe], |row| row.get(0)).optional()?;
        self.old = old.unwrap_or(self.cleaned);
        self.looked = Some(Instant::now());
        Ok(())
    }
}

/// The last number that was given in the change table.
pub(super) fn last(connection: &Connection) -> Result<i64, Error> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'tidegate_changes'";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Tells the rows that are there as inserts; answers the number of the last change that they contain.
pub(super) fn snapshot(
    connection: &mut Connection,
    tables: &[TableName],
    batches: &mpsc::Sender<Batch>,
) -> Result<i64, Error> {
    let all = connection.transaction()?;
    let after = last(&all)?;
    for table in tables {
        let shape = Arc::new(Shape { table: table.clone(), columns: columns(&all, table)? });
        let sql = format!("SELECT {} FROM {}", row_json("", &shape.columns), quote(&table.table));
        let mut statement = all.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut changes = Vec::new();
        let mut number = 0;
        while let Some(row) = rows.next()? {
            number += 1;
            let (shape, origin) = (Arc::clone(&shape), format!("snapshot/{table}/{number}"));
            let new = members(row, 0)?.map(cells);
            changes.push(Change { kind: Kind::Insert, shape, new, old: None, origin, time: 0 });
            if changes.len() == MOST {
                send(batches, std::mem::take(&mut changes), None);
            }
        }
        send(batches, changes, None);
    }
    send(batches, Vec::new(), Some(Position(after.to_string())));
    Ok(after)
}

/// The first row that a query answers, by its columns.
pub(super) fn first_row(connection: &Connection, query: &str) -> Result<Map<String, Value>, Error> {
    let mut statement = connection.prepare(query)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(Map::new()) };
    let cell = |(i, name)| Ok((name, value(row.get_ref(i)?)));
    names.into_iter().enumerate().map(cell).collect()
}

fn value(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => STANDARD.encode(bytes).into(),
    }
}

/// Where nobody takes it any more, that is seen by who asked for the snapshot.
fn send(batches: &mpsc::Sender<Batch>, changes: Vec<Change>, position: Option<Position>) {
    let _gone = batches.blocking_send(Batch { changes, position });
}

fn cells(row: Vec<(String, Value)>) -> Vec<Cell> {
    row.into_iter().map(|(_, value)| Cell::Is(value)).collect()
}

/// A row that a trigger has noted.
fn members(row: &Row<'_>, index: usize) -> Result<Option<Vec<(String, Value)>>, Error> {
    let Some(json) = row.get_ref(index)?.as_bytes_or_null().map_err(Error::from)? else { return Ok(None) };
    // A text is whatever bytes the application has put there.
    let json = String::from_utf8_lossy(json);
    let wrong = |error| Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error));
    serde_json::from_str::<Members>(&json).map(|members| Some(members.0)).map_err(wrong)
}

/// The members of an object in their order.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    members.push((name, plain(value)));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Bytes come as an array of one text of hexadecimal digits, and go on as base64.
fn plain(value: Value) -> Value {
    let digits = match &value {
        Value::Array(items) => items.first().and_then(Value::as_str),
        _ => None,
    };
    let Some(digits) = digits else { return value };
    let byte =
        |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Vec<u8> = digits.as_bytes().chunks(2).filter_map(byte).collect();
    STANDARD.encode(bytes).into()
}
