//! What an event carries: JSON whose texts are templates. A text that is one placeholder becomes the value as it is.
//!
//! It is written straight into the event's buffer: what does not depend on the row was made JSON when the rule was read.

use serde_json::{Value, to_string, to_writer};

use super::row::{self, Column, Place, Resolver, Row, cells};
use super::template::{Part, Template};
use super::text::Mistake;
use crate::change::{Cell, Change};

/// How deep data may be.
const DEEPEST: usize = 16;

/// Data with placeholders for columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// The same each time.
    Constant(Value),
    /// A column's value.
    Column(Column),
    /// The whole row.
    Row(Row),
    /// Text with columns in it.
    Text(Template<Column>),
    /// Members in order.
    Object(Vec<(String, Data)>),
    /// Items in order.
    Array(Vec<Data>),
}

impl Data {
    /// Reads data as a rule has it.
    ///
    /// # Errors
    /// What is wrong, and where: the members that lead there, and the place in the text.
    pub fn parse(value: &Value) -> Result<Self, String> {
        Self::at("", value, 0)
    }

    fn at(path: &str, value: &Value, depth: usize) -> Result<Self, String> {
        if depth > DEEPEST {
            return Err(format!("{path}: more than {DEEPEST} deep"));
        }
        let inner = |key: &str, value: &Value| {
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            Self::at(&path, value, depth + 1)
        };
        Ok(match value {
            Value::String(text) => Self::text(text).map_err(|mistake| {
                if path.is_empty() { mistake.to_string() } else { format!("{path}: {mistake}") }
            })?,
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| Ok((key.clone(), inner(key, value)?)));
                Self::Object(members.collect::<Result<_, String>>()?)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate().map(|(i, item)| inner(&i.to_string(), item));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            other => Self::Constant(other.clone()),
        })
    }

    fn text(text: &str) -> Result<Self, Mistake> {
        match text {
            "{*}" => return Ok(Self::Row(Row::Current)),
            "{old.*}" => return Ok(Self::Row(Row::Old)),
            _ => {}
        }
        let template = columns(text)?;
        Ok(match template.0.as_slice() {
            [Part::Placeholder(column)] => Self::Column(column.clone()),
            [] | [Part::Text(_)] => Self::Constant(template.0.iter().map(plain).collect::<String>().into()),
            _ => Self::Text(template),
        })
    }

    /// Its columns, in order.
    pub(crate) fn columns(&self) -> Vec<&Column> {
        match self {
            Self::Constant(_) | Self::Row(_) => Vec::new(),
            Self::Column(column) => vec![column],
            Self::Text(template) => template.placeholders().collect(),
            Self::Object(members) => members.iter().flat_map(|(_, data)| data.columns()).collect(),
            Self::Array(items) => items.iter().flat_map(Self::columns).collect(),
        }
    }

    /// Whether some of it is the old row as a whole.
    pub(crate) fn has_old_row(&self) -> bool {
        match self {
            Self::Row(row) => *row == Row::Old,
            Self::Object(members) => members.iter().any(|(_, data)| data.has_old_row()),
            Self::Array(items) => items.iter().any(Self::has_old_row),
            Self::Constant(_) | Self::Column(_) | Self::Text(_) => false,
        }
    }

    /// Ready to be written for rows with these columns, without those to be left out.
    pub(crate) fn resolve(&self, columns: &[String], omit: &[String], found: &mut Resolver<'_>) -> Writer {
        match self {
            Self::Constant(value) => Writer::Constant(value.to_string()),
            Self::Column(column) => Writer::Column(found.place(column)),
            Self::Row(row) => {
                let kept = columns.iter().enumerate().filter(|(_, name)| !omit.contains(name));
                Writer::Row(*row, kept.map(|(i, name)| (i, member(name))).collect())
            }
            Self::Text(template) => Writer::Text(template.map(&mut |column| found.place(column))),
            Self::Object(members) => {
                let member = |(key, data): &(String, Self)| (member(key), data.resolve(columns, omit, found));
                Writer::Object(members.iter().map(member).collect())
            }
            Self::Array(items) => {
                Writer::Array(items.iter().map(|item| item.resolve(columns, omit, found)).collect())
            }
        }
    }
}

/// A template over columns.
pub(crate) fn columns(text: &str) -> Result<Template<Column>, Mistake> {
    Template::parse(text, |text, at, inner| match inner {
        "*" | "old.*" => Err(Mistake::new(text, at, "the row stands alone, as data, and not within a text")),
        inner => row::placeholder(text, at, inner),
    })
}

fn plain(part: &Part<Column>) -> &str {
    match part {
        Part::Text(text) => text,
        Part::Placeholder(_) => "",
    }
}

/// A member's name as it stands before its value.
fn member(name: &str) -> String {
    let name = to_string(name).unwrap_or_default();
    format!("{name}:")
}

/// Data ready to be written for rows of one shape.
#[derive(Debug)]
pub(crate) enum Writer {
    Constant(String),
    Column(Place),
    Row(Row, Vec<(usize, String)>),
    Text(Template<Place>),
    Object(Vec<(String, Writer)>),
    Array(Vec<Writer>),
}

impl Writer {
    /// Data for rows with these columns, of which `{*}` has those that are in the row; and what is missing of them.
    pub(crate) fn of(data: &Data, columns: &[String], in_row: impl Fn(&str) -> bool) -> (Self, Vec<String>) {
        let mut found = Resolver::new(columns);
        let omit: Vec<_> = columns.iter().filter(|name| !in_row(name)).cloned().collect();
        let writer = data.resolve(columns, &omit, &mut found);
        (writer, found.missing().iter().map(|name| row::absent(name, columns)).collect())
    }

    /// Writes the data of a change, JSON; answers whether all of it was known. Members that are not known are left out, other
    /// places are null then.
    pub(crate) fn write(&self, change: &Change, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Constant(json) => out.extend_from_slice(json.as_bytes()),
            Self::Column(_) | Self::Text(_) => {
                let known = self.put(change, out);
                if !known {
                    out.extend_from_slice(b"null");
                }
                return known;
            }
            Self::Row(row, members) => return write_row(*row, change, members, out),
            Self::Object(members) => return write_members(members, change, out),
            Self::Array(items) => {
                out.push(b'[');
                let mut known = true;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    known &= item.write(change, out);
                }
                out.push(b']');
                return known;
            }
        }
        true
    }

    /// Writes a column or a text if it is known, else nothing.
    fn put(&self, change: &Change, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Column(place) => row::cell(change, place).is_some_and(|cell| put(cell, out)),
            Self::Text(template) => match template.fill(|place| row::cell(change, place)) {
                Some(filled) => put(&Cell::Is(filled.text.into()), out),
                None => false,
            },
            _ => false,
        }
    }
}

/// Writes what is known. A value of JSON can be written, and writing into memory does not fail.
fn put(cell: &Cell, out: &mut Vec<u8>) -> bool {
    match cell {
        Cell::Is(value) => to_writer(out, value).is_ok(),
        Cell::Exact(exact) => {
            out.extend_from_slice(exact.text.as_bytes());
            true
        }
        Cell::Unknown => false,
    }
}

fn write_members(members: &[(String, Writer)], change: &Change, out: &mut Vec<u8>) -> bool {
    let (mut known, start) = (true, out.len());
    for (name, data) in members {
        let before = out.len();
        out.push(if before == start { b'{' } else { b',' });
        out.extend_from_slice(name.as_bytes());
        let put = match data {
            Writer::Column(_) | Writer::Text(_) => data.put(change, out),
            data => {
                known &= data.write(change, out);
                true
            }
        };
        if !put {
            out.truncate(before);
            known = false;
        }
    }
    close(start, out);
    known
}

fn write_row(row: Row, change: &Change, members: &[(usize, String)], out: &mut Vec<u8>) -> bool {
    let (mut known, start) = (cells(change, row).is_some(), out.len());
    for (index, name) in members {
        match row::cell(change, &Place { row, index: Some(*index) }) {
            Some(cell) => {
                out.push(if out.len() == start { b'{' } else { b',' });
                out.extend_from_slice(name.as_bytes());
                put(cell, out);
            }
            None => known = false,
        }
    }
    close(start, out);
    known
}

/// Ends an object that began at `start`, if anything was written of it.
fn close(start: usize, out: &mut Vec<u8>) {
    if out.len() == start {
        out.push(b'{');
    }
    out.push(b'}');
}
