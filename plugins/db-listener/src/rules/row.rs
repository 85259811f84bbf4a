//! Columns of a change: by name as the operator writes them, by place as a shape has them.

use std::fmt;

use serde_json::Value;

use super::text::{Mistake, is_first, nearest};
use crate::change::{Cell, Change};

/// Words that are no column unless they are quoted.
const RESERVED: [&str; 10] = ["and", "or", "not", "in", "is", "changed", "true", "false", "null", "old"];

/// Which row a column is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The row as it is; of a delete, as it was.
    Current,
    /// The row as it was.
    Old,
}

/// A column by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Of which row.
    pub row: Row,
    /// Its name.
    pub name: String,
}

/// A column by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of which row.
    pub(crate) row: Row,
    /// Its index; `None`: this shape has it not, so that nothing is known of it.
    pub(crate) index: Option<usize>,
}

impl Column {
    /// `name` or `old.name`, as in templates.
    pub(crate) fn of(text: &str) -> Self {
        match text.strip_prefix("old.") {
            Some(name) => Self { row: Row::Old, name: name.into() },
            None => Self { row: Row::Current, name: text.into() },
        }
    }
}

/// As predicates have it.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.row == Row::Old {
            f.write_str("old.")?;
        }
        let plain =
            self.name.starts_with(is_first) && self.name.chars().all(|c| is_first(c) || c.is_numeric());
        if plain && !is_reserved(&self.name) {
            f.write_str(&self.name)
        } else {
            write!(f, "`{}`", self.name.replace('`', "``"))
        }
    }
}

/// Whether the language has that word for itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Finds columns in a shape, and remembers what is not there.
pub(crate) struct Resolver<'a> {
    columns: &'a [String],
    missing: Vec<String>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(columns: &'a [String]) -> Self {
        Self { columns, missing: Vec::new() }
    }

    /// Where a column is.
    pub(crate) fn place(&mut self, column: &Column) -> Place {
        Place { row: column.row, index: self.index(&column.name) }
    }

    /// The index of a column of that name.
    pub(crate) fn index(&mut self, name: &str) -> Option<usize> {
        let index = self.columns.iter().position(|known| known == name);
        if index.is_none() && !self.missing.iter().any(|missing| missing == name) {
            self.missing.push(name.into());
        }
        index
    }

    /// What was asked for and is not there.
    pub(crate) fn missing(self) -> Vec<String> {
        self.missing
    }
}

/// That a column is none of these, for people.
pub(crate) fn absent(name: &str, columns: &[String]) -> String {
    match nearest(name, columns.iter().map(String::as_str)) {
        Some(near) => format!("there is no column '{name}', but '{near}'"),
        None => format!("there is no column '{name}', only {}", columns.join(", ")),
    }
}

/// The cells of a change's row.
pub(crate) fn cells(change: &Change, row: Row) -> Option<&[Cell]> {
    match row {
        Row::Current => change.new.as_deref().or(change.old.as_deref()),
        Row::Old => change.old.as_deref(),
    }
}

/// The value of a column; `None`: it is not known.
pub(crate) fn value<'a>(change: &'a Change, place: &Place) -> Option<&'a Value> {
    cell(change, place)?.value()
}

/// What is known of a column.
pub(crate) fn cell<'a>(change: &'a Change, place: &Place) -> Option<&'a Cell> {
    let known = |cell: &&Cell| **cell != Cell::Unknown;
    let cell = cells(change, place.row)?.get(place.index?)?;
    match place.row {
        // What did not change is in the old row, where that is told.
        Row::Current if *cell == Cell::Unknown => change.old.as_deref()?.get(place.index?).filter(known),
        _ => Some(cell).filter(known),
    }
}

/// The column of a placeholder.
///
/// # Errors
/// Where there is no name.
pub(crate) fn placeholder(text: &str, at: usize, inner: &str) -> Result<Column, Mistake> {
    let column = Column::of(inner);
    if column.name.is_empty() {
        Err(Mistake::new(text, at, "a column's name is expected"))
    } else {
        Ok(column)
    }
}
