//! The normal form: one space around operators and words, none in lists, no bracket that is not needed.

use std::fmt::{self, Display, Formatter, Write};

use super::{Condition, Field, Literal, Operator, Path, Step, TAGS};

/// A condition with the paths that it speaks of.
pub(super) struct Written<'a> {
    pub(super) condition: &'a Condition,
    pub(super) paths: &'a [Path],
}

impl Display for Written<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let path = |number: &u8| &self.paths[usize::from(*number)];
        match self.condition {
            Condition::Any(parts) => self.joined(parts, " or ", f),
            Condition::All(parts) => self.joined(parts, " and ", f),
            Condition::Not(inner) => {
                f.write_str("not ")?;
                self.inner(inner, f)
            }
            Condition::Compare { path: number, operator, literal } => {
                write!(f, "{} {} {literal}", path(number), operator.sign())
            }
            Condition::In { path: number, list, negated } => {
                write!(f, "{}{}", path(number), if *negated { " not in [" } else { " in [" })?;
                for (place, literal) in list.iter().enumerate() {
                    write!(f, "{}{literal}", if place > 0 { "," } else { "" })?;
                }
                f.write_char(']')
            }
            Condition::Exists(number) => write!(f, "exists({})", path(number)),
        }
    }
}

impl Written<'_> {
    fn joined(&self, parts: &[Condition], between: &str, f: &mut Formatter<'_>) -> fmt::Result {
        for (place, part) in parts.iter().enumerate() {
            f.write_str(if place > 0 { between } else { "" })?;
            match self.condition {
                // `and` binds closer.
                Condition::Any(_) if matches!(part, Condition::All(_)) => self.of(part).fmt(f)?,
                _ => self.inner(part, f)?,
            }
        }
        Ok(())
    }

    /// In brackets, where it is joined of several.
    fn inner(&self, part: &Condition, f: &mut Formatter<'_>) -> fmt::Result {
        match part {
            Condition::Any(_) | Condition::All(_) => write!(f, "({})", self.of(part)),
            _ => self.of(part).fmt(f),
        }
    }

    fn of<'a>(&'a self, condition: &'a Condition) -> Written<'a> {
        Written { condition, paths: self.paths }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let steps = match (self.field, &*self.steps) {
            (Field::Data, [Step::Name(name), rest @ ..]) if **name == *TAGS => {
                f.write_str(TAGS)?;
                rest
            }
            (field, steps) => {
                f.write_str(field.name())?;
                steps
            }
        };
        steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) if is_plain(name) => write!(f, ".{name}"),
            Self::Name(name) => {
                f.write_char('[')?;
                quoted(name, f)?;
                f.write_char(']')
            }
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number { text, .. } => f.write_str(text),
            Self::Text(text) => quoted(text, f),
        }
    }
}

impl Operator {
    /// Longer signs before those that they begin with.
    pub(super) const ALL: [Self; 6] =
        [Self::Equal, Self::NotEqual, Self::LessOrEqual, Self::MoreOrEqual, Self::Less, Self::More];

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
        }
    }
}

/// Whether a name can stand behind a point as it is.
pub(super) fn is_plain(name: &str) -> bool {
    name.starts_with(begins_name) && name.chars().all(continues_name)
}

pub(super) fn begins_name(char: char) -> bool {
    char.is_alphabetic() || char == '_'
}

pub(super) fn continues_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '-')
}

fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}
