//! What the columns of a table are: by the binary log itself where the server tells it, else by the tables as they are now.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::change::{Cell, Shape};
use crate::source::{TableColumn, Values};

use super::table_map::{TableMap, Told, Wire};
use super::text::Charset;

/// A column, with all that its values need to be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) wire: Wire,
    pub(crate) unsigned: bool,
    pub(crate) charset: Charset,
    /// The texts of an enum or set.
    pub(crate) members: Vec<String>,
    pub(crate) nature: Nature,
    pub(crate) part: Part,
}

/// What a column is to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// One of the application's.
    Own,
    /// Of a table with history: since when the row is so. The server made it, and nobody sees it.
    Hidden,
    /// Of a table with history: until when the row is so.
    End { hidden: bool },
}

/// What a column is beyond how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    Plain,
    /// MySQL's JSON, or LONGTEXT that is checked to be JSON, which is what MariaDB makes of a column that is declared so.
    Json,
    Uuid,
    Inet6,
    Inet4,
}

impl Column {
    /// Text, bytes as base64, or what JSON holds.
    pub(crate) fn text(&self, bytes: &[u8]) -> Cell {
        let text = self.charset.decode(bytes);
        match self.nature {
            Nature::Json => Cell::json(&text),
            _ => Cell::Is(Value::String(text)),
        }
    }
}

/// A column as `information_schema` has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Its type's name: `int`, `varchar`, `enum`.
    pub(crate) kind: String,
    /// Its type in full: `int(10) unsigned`, `enum('a','b')`.
    pub(crate) full: String,
    pub(crate) charset: Option<String>,
    /// Digits after the second of times.
    pub(crate) digits: usize,
    /// Whether it is part of the primary key.
    pub(crate) key: bool,
    /// Whether a check has it be JSON.
    pub(crate) json: bool,
    pub(crate) part: Part,
}

impl Part {
    pub(crate) fn is_told(self) -> bool {
        !matches!(self, Self::Hidden | Self::End { hidden: true })
    }
}

impl Declared {
    /// A column that the server adds to a table with history.
    pub(crate) fn added(name: &str, part: Part) -> Self {
        Self {
            name: name.into(),
            kind: "timestamp".into(),
            full: "timestamp(6)".into(),
            charset: None,
            digits: 6,
            key: false,
            json: false,
            part,
        }
    }

    /// Whether it is told: those are not that nobody sees.
    pub(crate) fn is_told(&self) -> bool {
        self.part.is_told()
    }

    pub(crate) fn unsigned(&self) -> bool {
        self.full.contains(" unsigned")
    }

    pub(crate) fn charset(&self) -> Charset {
        self.charset.as_deref().map_or(Charset::Bytes, Charset::named)
    }

    pub(crate) fn nature(&self) -> Nature {
        match self.kind.as_str() {
            "uuid" => Nature::Uuid,
            "inet6" => Nature::Inet6,
            "inet4" => Nature::Inet4,
            "json" => Nature::Json,
            _ if self.json => Nature::Json,
            _ => Nature::Plain,
        }
    }

    /// As rules are checked against it.
    pub(crate) fn column(&self) -> TableColumn {
        let values = match self.kind.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "float" | "double" | "year" | "bit" => {
                Values::Number
            }
            "decimal" if self.precision() <= super::value::KEPT => Values::Number,
            "decimal" => Values::Digits { places: self.places() },
            // What MariaDB makes of JSON is one, too.
            "json" | "longtext" => Values::Any,
            _ => Values::Text,
        };
        // What is none of an enum's is stored as an empty text.
        let mut labels = if self.kind == "enum" { self.members() } else { Vec::new() };
        if !labels.is_empty() {
            labels.push(String::new());
        }
        TableColumn { labels, ..TableColumn::new(self.name.clone(), values) }
    }

    /// Digits of a decimal behind the point: those of `decimal(10,2)` are 2.
    fn places(&self) -> usize {
        let places = self.full.split_once(',').and_then(|(_, rest)| rest.split_once(')'));
        places.and_then(|(places, _)| places.trim().parse().ok()).unwrap_or(0)
    }

    /// Digits of a decimal: those of `decimal(10,2)` are 10.
    pub(crate) fn precision(&self) -> usize {
        let digits = self.full.split_once('(').and_then(|(_, rest)| rest.split_once([',', ')']));
        digits.and_then(|(digits, _)| digits.parse().ok()).unwrap_or(usize::MAX)
    }

    /// The texts between the quotes of `enum('a','b''c')`, where a quote stands twice.
    pub(crate) fn members(&self) -> Vec<String> {
        let list = self.full.split_once('(').map_or("", |(_, list)| list);
        let mut members = Vec::new();
        let mut rest = list;
        while let Some((_, open)) = rest.split_once('\'') {
            let mut text = String::new();
            rest = open;
            loop {
                let Some((part, after)) = rest.split_once('\'') else { return members };
                text.push_str(part);
                let Some(again) = after.strip_prefix('\'') else {
                    rest = after;
                    break;
                };
                text.push('\'');
                rest = again;
            }
            members.push(text);
        }
        members
    }

    /// Whether values of this type are written so.
    fn is_written(&self, wire: Wire) -> bool {
        let bytes = |bytes| wire == Wire::Whole(bytes);
        match self.kind.as_str() {
            "tinyint" => bytes(1),
            "smallint" => bytes(2),
            "mediumint" => bytes(3),
            "int" => bytes(4),
            "bigint" => bytes(8),
            "float" => wire == Wire::Float,
            "double" => wire == Wire::Double,
            "decimal" => match wire {
                Wire::Decimal { precision, scale } => self.full.contains(&format!("({precision},{scale})")),
                _ => false,
            },
            "year" => wire == Wire::Year,
            "date" => wire == Wire::Date,
            "time" => wire == Wire::Time(self.digits),
            "datetime" => wire == Wire::Datetime(self.digits),
            "timestamp" => wire == Wire::Timestamp(self.digits),
            "bit" => matches!(wire, Wire::Bit { .. }),
            "enum" => matches!(wire, Wire::Enum { .. }),
            "set" => matches!(wire, Wire::Set { .. }),
            "varchar" | "varbinary" => matches!(wire, Wire::Varying { .. }),
            "char" | "binary" | "uuid" | "inet6" | "inet4" => matches!(wire, Wire::Fixed { .. }),
            "tinyblob" | "tinytext" => wire == Wire::Blob { width: 1 },
            "blob" | "text" => wire == Wire::Blob { width: 2 },
            "mediumblob" | "mediumtext" => wire == Wire::Blob { width: 3 },
            "longblob" | "longtext" => wire == Wire::Blob { width: 4 },
            "json" => matches!(wire, Wire::Json { .. }),
            _ => matches!(wire, Wire::Geometry { .. }),
        }
    }
}

/// A table whose rows can be read.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) shape: Arc<Shape>,
    pub(crate) columns: Vec<Column>,
}

impl Layout {
    /// What a table map's columns are. `now` is the table as it is now, `None` where there is none any more; `charsets` has those of
    /// collations by their number.
    ///
    /// # Errors
    /// The log does not tell names, and the table has been altered since. The text names both.
    pub(crate) fn of(
        map: &TableMap,
        now: Option<&[Declared]>,
        charsets: &HashMap<u64, String>,
    ) -> Result<Self, String> {
        let columns: Vec<Column> = match &map.full {
            Some(told) => {
                let now = now.unwrap_or_default();
                map.wires.iter().zip(told).map(|(wire, told)| by_log(*wire, told, now, charsets)).collect()
            }
            None => by_table(map, now)?,
        };
        let told = columns.iter().filter(|column| column.part.is_told());
        let names = told.map(|column| column.name.clone()).collect();
        Ok(Self { shape: Arc::new(Shape { table: map.table.clone(), columns: names }), columns })
    }
}

/// A column as the log has it. Only whether it is JSON, a UUID or an address is not told there: that it is what it is now.
fn by_log(wire: Wire, told: &Told, now: &[Declared], charsets: &HashMap<u64, String>) -> Column {
    let now = now.iter().find(|declared| declared.name == told.name && declared.is_written(wire));
    // A collation without a name is one of MariaDB's newer ones, which are all of Unicode.
    let named = |id: u64| charsets.get(&id).map_or(Charset::Utf8, |name| Charset::named(name));
    let charset = told.collation.map_or(Charset::Bytes, named);
    Column {
        name: told.name.clone(),
        wire,
        unsigned: told.unsigned,
        charset,
        members: told.members.iter().map(|text| charset.decode(text)).collect(),
        nature: now.map_or(Nature::Plain, Declared::nature),
        part: now.map_or(Part::Own, |now| now.part),
    }
}

/// Columns as the table has them now, provided that it is written as the log says. It may have got more of them at its end since.
fn by_table(map: &TableMap, now: Option<&[Declared]>) -> Result<Vec<Column>, String> {
    let table = &map.table;
    let mends =
        "with SET GLOBAL binlog_row_metadata=FULL (MySQL: from 8.0 on) it tells names itself, from then on";
    let Some(now) = now else {
        return Err(format!(
            "table {table} is gone, or may not be read, and the binary log does not name its columns: {mends}"
        ));
    };
    if now.len() < map.wires.len() {
        let (then, now) = (map.wires.len(), now.len());
        return Err(format!(
            "table {table} had {then} columns, and has {now} now: the binary log does not name them; {mends}"
        ));
    }
    let columns = map.wires.iter().zip(now).map(|(wire, declared)| {
        if !declared.is_written(*wire) {
            let Declared { name, full, .. } = declared;
            return Err(format!("column `{name}` of {table} is of another type now, {full}: {mends}"));
        }
        Ok(Column {
            name: declared.name.clone(),
            wire: *wire,
            unsigned: declared.unsigned(),
            charset: declared.charset(),
            members: declared.members(),
            nature: declared.nature(),
            part: declared.part,
        })
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use crate::change::TableName;

    use super::*;

    fn declared(name: &str, kind: &str, full: &str) -> Declared {
        Declared {
            name: name.into(),
            kind: kind.into(),
            full: full.into(),
            charset: Some("utf8mb4".into()),
            digits: 0,
            key: false,
            json: false,
            part: Part::Own,
        }
    }

    fn map(wires: Vec<Wire>) -> TableMap {
        TableMap { table: TableName { schema: "app".into(), table: "t".into() }, wires, full: None }
    }

    #[test]
    fn texts_of_enums_are_those_between_the_quotes() {
        let members = declared("e", "enum", "enum('a','b,c','it''s','','(')").members();
        assert_eq!(members, ["a", "b,c", "it's", "", "("]);
        assert_eq!(declared("e", "enum", "enum('a").members(), [""; 0]);
    }

    #[test]
    fn a_table_that_is_not_as_it_was_is_refused() {
        let now = [declared("id", "int", "int(10) unsigned"), declared("name", "varchar", "varchar(9)")];
        let layout =
            Layout::of(&map(vec![Wire::Whole(4), Wire::Varying { length: 36 }]), Some(&now), &HashMap::new())
                .unwrap();
        assert_eq!(layout.shape.columns, ["id", "name"]);
        let before = Layout::of(&map(vec![Wire::Whole(4)]), Some(&now), &HashMap::new()).unwrap();
        assert_eq!(before.shape.columns, ["id"], "one was added since");
        assert!(layout.columns[0].unsigned && !layout.columns[1].unsigned);

        let refused = |wires, now| Layout::of(&map(wires), now, &HashMap::new()).unwrap_err();
        assert!(refused(vec![Wire::Year; 3], Some(&now[..])).contains("app.t had 3 columns, and has 2 now"));
        assert!(
            refused(vec![Wire::Whole(8), Wire::Year], Some(&now[..]))
                .contains("`id` of app.t is of another type now, int(10) unsigned")
        );
        assert!(refused(vec![], None).contains("app.t is gone"));
    }

    #[test]
    fn names_that_the_log_tells_win() {
        let told = Told { name: "old".into(), unsigned: true, ..Told::default() };
        let map = TableMap { full: Some(vec![told]), ..map(vec![Wire::Whole(4)]) };
        let layout = Layout::of(&map, Some(&[declared("new", "int", "int(11)")]), &HashMap::new()).unwrap();
        assert_eq!(layout.shape.columns, ["old"]);
        assert!(layout.columns[0].unsigned);
    }
}
