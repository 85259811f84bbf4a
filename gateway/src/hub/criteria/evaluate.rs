//! Whether a condition holds.

use std::cmp::Ordering;

use super::number::Number;
use super::read::Value;
use super::{Condition, Literal, Operator};

/// What a path leads to in an event.
pub(super) enum Seen<'a> {
    /// It is not there.
    Nothing,
    Null,
    Bool(bool),
    Number(&'a Number),
    /// A string's bytes.
    Text(&'a [u8]),
    /// A list, an object: equal to nothing that a criterion can say.
    Other,
}

impl<'a> Seen<'a> {
    /// A text that is no JSON.
    pub(super) fn of(text: &'a str) -> Self {
        Self::Text(text.as_bytes())
    }
}

impl<'a> From<&'a Value> for Seen<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text),
            Value::Other => Self::Other,
        }
    }
}

impl Condition {
    /// Whether it holds for the event that `look` looks at, by the numbers of paths. What decides nothing any more is
    /// not looked at.
    pub(super) fn holds<'a>(&self, look: &impl Fn(u8) -> Seen<'a>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(look)),
            Self::All(parts) => parts.iter().all(|part| part.holds(look)),
            Self::Not(inner) => !inner.holds(look),
            Self::Compare { path, operator, literal } => operator.holds(&look(*path), literal),
            Self::In { path, list, negated } => {
                let seen = look(*path);
                list.iter().any(|literal| seen.equals(literal)) != *negated
            }
            Self::Exists(path) => !matches!(look(*path), Seen::Nothing),
        }
    }
}

impl Operator {
    fn holds(self, seen: &Seen<'_>, literal: &Literal) -> bool {
        match self {
            Self::Equal => seen.equals(literal),
            Self::NotEqual => !seen.equals(literal),
            Self::Less => seen.order(literal).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => seen.order(literal).is_some_and(Ordering::is_le),
            Self::More => seen.order(literal).is_some_and(Ordering::is_gt),
            Self::MoreOrEqual => seen.order(literal).is_some_and(Ordering::is_ge),
        }
    }
}

impl Seen<'_> {
    fn equals(&self, literal: &Literal) -> bool {
        match (self, literal) {
            (Self::Null, Literal::Null) => true,
            (Self::Bool(seen), Literal::Bool(value)) => seen == value,
            _ => self.order(literal) == Some(Ordering::Equal),
        }
    }

    /// How it stands to a literal of its type, where that has an order.
    fn order(&self, literal: &Literal) -> Option<Ordering> {
        match (self, literal) {
            (Self::Number(seen), Literal::Number { value, .. }) => Some((*seen).cmp(value)),
            (Self::Text(seen), Literal::Text(text)) => Some((*seen).cmp(text.as_bytes())),
            _ => None,
        }
    }
}
