//! Templates: text with placeholders, `project:{project_id}`. `{{` and `}}` are braces.

use std::fmt;

use serde_json::Value;

use super::text::{LONGEST, Mistake};
use crate::change::Cell;

/// A text with placeholders, which are `P`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<P>(pub(super) Vec<Part<P>>);

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<P> {
    /// Text as it stands there.
    Text(String),
    /// What is put in.
    Placeholder(P),
}

impl<P> Template<P> {
    /// Reads a template; `placeholder` makes of the whole text, a place in it and what stands between the braces there what it means.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(crate) fn parse(
        text: &str,
        placeholder: impl Fn(&str, usize, &str) -> Result<P, Mistake>,
    ) -> Result<Self, Mistake> {
        if text.len() > LONGEST {
            return Err(Mistake::new(text, LONGEST, format!("longer than {LONGEST} bytes")));
        }
        let (mut parts, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while let Some(brace) = text[at..].find(['{', '}']).map(|found| at + found) {
            plain.push_str(&text[at..brace]);
            let rest = &text[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push_str(&rest[..1]);
                at = brace + 2;
                continue;
            }
            let closed = rest.strip_prefix('{').and_then(|rest| rest.find('}'));
            let Some(length) = closed else {
                let what = if rest.starts_with('{') {
                    "'{' without its '}'"
                } else {
                    "'}' without its '{': write '}}'"
                };
                return Err(Mistake::new(text, brace, what));
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Placeholder(placeholder(text, brace, &rest[1..=length])?));
            at = brace + length + 2;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// The same with other placeholders.
    pub(crate) fn map<Q>(&self, to: &mut impl FnMut(&P) -> Q) -> Template<Q> {
        let part = |part: &Part<P>| match part {
            Part::Text(text) => Part::Text(text.clone()),
            Part::Placeholder(placeholder) => Part::Placeholder(to(placeholder)),
        };
        Template(self.0.iter().map(part).collect())
    }

    /// Its placeholders.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &P> {
        self.0.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Text(_) => None,
        })
    }

    /// What it says with these cells; `None` where one of them is not known.
    pub(crate) fn fill<'a>(&self, mut cell: impl FnMut(&P) -> Option<&'a Cell>) -> Option<Filled> {
        let mut filled = Filled::default();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.text.push_str(text),
                Part::Placeholder(placeholder) => filled.put(cell(placeholder)?),
            }
        }
        Some(filled)
    }
}

/// What a template says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The text; null is put in as nothing.
    pub(crate) text: String,
    /// Whether something was null.
    pub(crate) has_null: bool,
}

impl Filled {
    fn put(&mut self, cell: &Cell) {
        use fmt::Write;
        match cell {
            Cell::Unknown | Cell::Is(Value::Null) => self.has_null = true,
            Cell::Is(Value::String(text)) => self.text.push_str(text),
            Cell::Exact(exact) => self.text.push_str(&exact.text),
            // Writing to a text cannot fail.
            Cell::Is(other) => drop(write!(self.text, "{other}")),
        }
    }
}

impl<P: fmt::Display> fmt::Display for Template<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Placeholder(placeholder) => write!(f, "{{{placeholder}}}"),
        })
    }
}
