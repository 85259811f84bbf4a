//! What happened to a row, whichever database it is of.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::exact;
pub use crate::exact::Exact;

/// A table's name: `schema.table`, for SQLite `main.table`, for a channel of LISTEN/NOTIFY `notify.channel`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The schema of PostgreSQL, the database of MariaDB.
    pub schema: String,
    /// The table itself.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// The columns of a table as they were when a row was written, shared by the rows of one shape.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The table.
    pub table: TableName,
    /// Its columns' names, in order.
    pub columns: Vec<String>,
}

/// A column of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Its value in JSON's own types: numbers, booleans, null, arrays, what `json` holds; times as RFC 3339, bytes as base64, the rest as text.
    Is(Value),
    /// JSON with numbers that have more digits than those of a [`Value`].
    Exact(Arc<Exact>),
    /// It was not sent: a large value that did not change and that the old row has not either (TOAST), or a column that the old row
    /// does not tell (replica identity).
    Unknown,
}

impl Cell {
    /// JSON with all digits of its numbers; a text that is none as such.
    #[must_use]
    pub fn json(text: &str) -> Self {
        exact::cell(text).unwrap_or_else(|| Self::Is(text.into()))
    }

    /// Its value, or what is near it; `None`: it is not known.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Is(value) => Some(value),
            Self::Exact(exact) => Some(&exact.value),
            Self::Unknown => None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A row is new.
    Insert,
    /// A row is another.
    Update,
    /// A row is gone.
    Delete,
    /// All rows are gone.
    Truncate,
}

/// One change of one row, or the truncation of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What happened.
    pub kind: Kind,
    /// The columns, in the order of the cells.
    pub shape: Arc<Shape>,
    /// The row as it is now: of inserts and updates. As long as the columns.
    pub new: Option<Vec<Cell>>,
    /// The row as it was: of updates and deletes, as much of it as the database tells. As long as the columns.
    pub old: Option<Vec<Cell>>,
    /// Where this change stands in its source, the same each time that it is read, and another for each change of a source: `<LSN>/<n>`,
    /// `<GTID>/<n>`. Events carry it as their origin, and it makes them idempotent.
    pub origin: String,
    /// When it was committed, in milliseconds since 1970; 0 where the source does not tell.
    pub time: i64,
}

impl Change {
    /// The columns whose texts have signs in the place of bytes that are no text in their character set.
    pub(crate) fn replaced(&self) -> impl Iterator<Item = &str> {
        let is_replaced = |(_, cell): &(&String, &Cell)| match cell {
            Cell::Is(Value::String(text)) => text.contains(char::REPLACEMENT_CHARACTER),
            _ => false,
        };
        let row = self.new.as_deref().or(self.old.as_deref()).unwrap_or_default();
        self.shape.columns.iter().zip(row).filter(is_replaced).map(|(name, _)| name.as_str())
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    /// Its name, as SQL has it, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }
}
