//! Criteria: what sessions ask of events beyond their types, as a predicate over an event's fields.
//!
//! A [`Criterion`] is parsed from a text such as
//! `data.severity in ["high","critical"] and not exists(data.muted) or data.price < 10.5`. Its fields are `event_type`,
//! `source`, `key` and `room` as they stand in the event's frame, `data`, and `tags`, which is short for `data.tags`;
//! `.name`, `["any name"]` and `[0]` lead further into data. Strings are compared by their bytes, numbers as the
//! decimals that they are written as ([`number`]), and nothing is converted: what is of another type, or not there, is
//! equal to nothing, and neither less nor more.
//!
//! Everything is bounded: the text, its normal form, the terms, their nesting, the values of a list, the parts of a path.
//! The work for one event is so, too: its data are read once for all criteria of a shard ([`read`]), and only what they
//! ask for is kept of them; each criterion is evaluated once, for all who hold it ([`held`]).

mod evaluate;
mod held;
mod number;
mod parse;
mod paths;
mod read;
mod write;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

pub(super) use held::{Criteria, Readings};
use number::Number;
pub use parse::BadCriterion;

/// Bytes of a criterion at most, as it is sent and in its normal form.
const LONGEST: usize = 2000;
/// Comparisons of a criterion at most, `in` and `exists` included.
const MOST_TERMS: usize = 100;
/// Levels of `(` and `not` at most.
const DEEPEST: usize = 16;
/// Values of one list at most.
const LONGEST_LIST: usize = 100;

/// What an event has to be like. Criteria with one normal form are one.
#[derive(Clone, Debug)]
pub struct Criterion {
    text: Arc<str>,
    /// What it looks at, each once.
    paths: Box<[Path]>,
    condition: Condition,
}

impl Criterion {
    /// Its normal form, which can be parsed again.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl FromStr for Criterion {
    type Err = BadCriterion;

    fn from_str(text: &str) -> Result<Self, BadCriterion> {
        parse::criterion(text)
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Criterion {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Criterion {}

impl Hash for Criterion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// What must hold. A path is meant by its place among the criterion's paths.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// At least one of these; none of them is `Any` itself.
    Any(Box<[Condition]>),
    /// Each of these; none of them is `All` itself.
    All(Box<[Condition]>),
    Not(Box<Condition>),
    Compare {
        path: u8,
        operator: Operator,
        literal: Literal,
    },
    /// Equal to one of the list; `negated`: to none.
    In {
        path: u8,
        list: Box<[Literal]>,
        negated: bool,
    },
    /// It is there, be it null.
    Exists(u8),
}

const _: () = assert!(MOST_TERMS <= u8::MAX as usize, "each path has its number");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    /// All that is not `Equal`: also what is of another type, or not there.
    NotEqual,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// Where a value stands in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    field: Field,
    /// Further into data; no other field has parts.
    steps: Box<[Step]>,
}

/// A field of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    EventType,
    Source,
    Key,
    Room,
    Data,
}

impl Field {
    const ALL: [Self; 5] = [Self::EventType, Self::Source, Self::Key, Self::Room, Self::Data];

    fn name(self) -> &'static str {
        match self {
            Self::EventType => "event_type",
            Self::Source => "source",
            Self::Key => "key",
            Self::Room => "room",
            Self::Data => "data",
        }
    }
}

/// The part of data that has a short name.
const TAGS: &str = "tags";

/// One step further into data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Of an object.
    Name(Box<str>),
    /// Of a list, from 0.
    Index(u32),
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Bool(bool),
    Number {
        value: Number,
        /// As it was written, and is written again.
        text: Box<str>,
    },
    Text(Box<str>),
}

#[cfg(test)]
mod tests;
