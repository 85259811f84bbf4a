//! Predicates over a row: `changed(estado) and (prioridad >= 4 or titulo in ["a", "b"])`.
//!
//! What is not known (a column that the database did not send) makes a comparison unknown, as in SQL, and a rule holds only for
//! what is known to be true. Null is a value like others: equal to itself, neither less nor greater than anything.

mod parse;

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Number, Value};

use super::row::{self, Column, Place, Row};
use super::text::Mistake;
use crate::change::{Change, Kind};

/// A predicate over columns, which are `C`.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate<C> {
    /// All of them hold.
    And(Vec<Self>),
    /// One of them holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// An update gave the column another value.
    Changed(C),
    /// The column compares so with a value.
    Compare(C, Sign, Value),
    /// The column is one of these values.
    In(C, Vec<Value>),
}

/// How a column compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `==`
    Equal,
    /// `!=`
    Other,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Sign {
    /// All, with how they are written.
    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Other),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Less),
        (">", Self::More),
    ];

    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::Other => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::More => order == Some(Ordering::Greater),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

impl Predicate<Column> {
    /// Reads a predicate.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        parse::parse(text)
    }

    /// Whether it asks for what a row was.
    pub(crate) fn asks_old(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::asks_old),
            Self::Not(part) => part.asks_old(),
            Self::Changed(_) => true,
            Self::Compare(column, ..) | Self::In(column, _) => column.row == Row::Old,
        }
    }

    /// The columns that are compared, each with each value that it is compared with.
    pub(crate) fn comparisons(&self) -> Vec<(&Column, &Value)> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::comparisons).collect(),
            Self::Not(part) => part.comparisons(),
            Self::Changed(_) => Vec::new(),
            Self::Compare(column, _, value) => vec![(column, value)],
            Self::In(column, values) => values.iter().map(|value| (column, value)).collect(),
        }
    }
}

impl<C> Predicate<C> {
    /// The same over other columns.
    pub(crate) fn map<D>(&self, to: &mut impl FnMut(&C) -> D) -> Predicate<D> {
        match self {
            Self::And(parts) => Predicate::And(parts.iter().map(|part| part.map(to)).collect()),
            Self::Or(parts) => Predicate::Or(parts.iter().map(|part| part.map(to)).collect()),
            Self::Not(part) => Predicate::Not(Box::new(part.map(to))),
            Self::Changed(column) => Predicate::Changed(to(column)),
            Self::Compare(column, sign, value) => Predicate::Compare(to(column), *sign, value.clone()),
            Self::In(column, values) => Predicate::In(to(column), values.clone()),
        }
    }
}

impl Predicate<Place> {
    /// Whether it holds for a change; `None`: that is not known.
    pub(crate) fn holds(&self, change: &Change) -> Option<bool> {
        match self {
            Self::And(parts) => decide(parts, change, false),
            Self::Or(parts) => decide(parts, change, true),
            Self::Not(part) => part.holds(change).map(|holds| !holds),
            Self::Changed(place) => changed(change, place),
            Self::Compare(place, sign, value) => Some(sign.holds(compare(row::value(change, place)?, value))),
            Self::In(place, values) => {
                let is = row::value(change, place)?;
                Some(values.iter().any(|value| compare(is, value) == Some(Ordering::Equal)))
            }
        }
    }
}

/// One part that is `deciding` decides; else what is not known makes the whole so.
fn decide(parts: &[Predicate<Place>], change: &Change, deciding: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part.holds(change) {
            Some(holds) if holds == deciding => return Some(deciding),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!deciding)
}

fn changed(change: &Change, place: &Place) -> Option<bool> {
    if change.kind != Kind::Update {
        return Some(false);
    }
    let old = row::cell(change, &Place { row: Row::Old, ..*place })?;
    let new = row::cell(change, &Place { row: Row::Current, ..*place })?;
    Some(old != new)
}

/// How a cell and a value compare, where they do. A text that is a number compares with numbers as one (decimals that JSON's numbers
/// cannot hold come so), and a number with true and false as databases without booleans have them.
fn compare(is: &Value, value: &Value) -> Option<Ordering> {
    match (is, value) {
        (Value::Number(is), Value::Number(value)) => numbers(is, value),
        (Value::String(is), Value::String(value)) => Some(is.as_str().cmp(value)),
        (Value::Bool(is), Value::Bool(value)) => Some(is.cmp(value)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::String(is), Value::Number(value)) => is.parse::<f64>().ok()?.partial_cmp(&value.as_f64()?),
        (Value::Number(is), Value::Bool(value)) => Some((is.as_f64()? != 0.0).cmp(value)),
        _ => None,
    }
}

/// Exact where both are whole.
fn numbers(is: &Number, value: &Number) -> Option<Ordering> {
    let whole = |n: &Number| n.as_i64().map(i128::from).or(n.as_u64().map(i128::from));
    match (whole(is), whole(value)) {
        (Some(is), Some(value)) => Some(is.cmp(&value)),
        _ => is.as_f64()?.partial_cmp(&value.as_f64()?),
    }
}

impl<C: fmt::Display> fmt::Display for Predicate<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => list(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => list(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(part) if matches!(**part, Self::And(_) | Self::Or(_)) => write!(f, "not ({part})"),
            Self::Not(part) => write!(f, "not {part}"),
            Self::Changed(column) => write!(f, "changed({column})"),
            Self::Compare(column, sign, value) => {
                let sign = Sign::ALL.iter().find(|(_, known)| known == sign).map_or("", |(text, _)| text);
                write!(f, "{column} {sign} {value}")
            }
            Self::In(column, values) => write!(f, "{column} in {}", Value::Array(values.clone())),
        }
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: &[T],
    between: &str,
    in_brackets: impl Fn(&T) -> bool,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        if in_brackets(part) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}
