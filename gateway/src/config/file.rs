//! The configuration file: TOML or YAML, read into untyped values, with the line of each key.

use figment::value::{Dict, Value};
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::Key;
use super::trail::Lines;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// TOML 1.
    Toml,
    /// YAML 1.2, where only `true` and `false` are booleans, so that `name: no` is a text.
    Yaml,
}

/// The settings that a file holds.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The settings, not yet checked.
    pub(super) settings: Dict,
    /// Where each of them stands.
    pub(super) lines: Lines,
}

/// Why a text is not TOML or YAML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// The line, from 1, where it is known.
    pub(super) line: Option<usize>,
    /// What is wrong there.
    pub(super) message: String,
}

impl Format {
    /// The format of a file of this name; TOML where its extension does not say.
    pub(super) fn of(path: &std::path::Path) -> Self {
        let yaml =
            path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
        if yaml { Self::Yaml } else { Self::Toml }
    }

    /// Reads `text`.
    ///
    /// # Errors
    /// Every place where it does not follow the format, as far as the format's reader can go on after one.
    pub(super) fn parse(self, text: &str) -> Result<Parsed, Vec<SyntaxError>> {
        match self {
            Self::Toml => toml(text),
            Self::Yaml => yaml(text).map_err(|error| vec![error]),
        }
    }
}

fn toml(text: &str) -> Result<Parsed, Vec<SyntaxError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let located = |error: &toml::de::Error| SyntaxError {
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().to_owned(),
        };
        return Err(errors.iter().map(located).collect());
    }
    let mut reader = TomlReader { text, lines: Lines::new() };
    let settings = reader.table(table.get_ref(), &Key::default());
    Ok(Parsed { settings, lines: reader.lines })
}

/// Turns TOML's values into figment's, and notes the lines.
struct TomlReader<'a> {
    text: &'a str,
    lines: Lines,
}

impl TomlReader<'_> {
    fn table(&mut self, table: &DeTable<'_>, at: &Key) -> Dict {
        let entry =
            |(name, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
                let key = at.then(name.get_ref());
                self.lines.insert(key.clone(), line_of(self.text, name.span().start));
                (name.get_ref().to_string(), self.value(value.get_ref(), &key))
            };
        table.iter().map(entry).collect()
    }

    fn value(&mut self, value: &DeValue<'_>, at: &Key) -> Value {
        match value {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(yes) => Value::from(*yes),
            DeValue::Datetime(time) => Value::from(time.to_string()),
            DeValue::Integer(number) => integer(&number.as_str().replace('_', ""), number.radix()),
            DeValue::Float(number) => float(number.as_str()),
            DeValue::Table(table) => Value::from(self.table(table, at)),
            DeValue::Array(entries) => {
                let entry = |(i, value): (usize, &toml::Spanned<DeValue<'_>>)| {
                    let key = at.at(i);
                    self.lines.insert(key.clone(), line_of(self.text, value.span().start));
                    self.value(value.get_ref(), &key)
                };
                Value::from(entries.iter().enumerate().map(entry).collect::<Vec<_>>())
            }
        }
    }
}

/// A number that the reader has already found to be one; past 64 bits it stays a text, which no setting takes.
fn integer(digits: &str, radix: u32) -> Value {
    let signed = i64::from_str_radix(digits, radix).map(Value::from);
    signed
        .or_else(|_| u64::from_str_radix(digits, radix).map(Value::from))
        .unwrap_or_else(|_| Value::from(digits))
}

fn float(digits: &str) -> Value {
    digits.replace('_', "").parse::<f64>().map_or_else(|_| Value::from(digits), Value::from)
}

/// The line, from 1, of the byte at `offset`.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}

fn yaml(text: &str) -> Result<Parsed, SyntaxError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let root: Option<Node> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| SyntaxError {
            line: error.location().and_then(|at| usize::try_from(at.line()).ok()),
            message: error.without_snippet().to_string(),
        })?;
    let mut lines = Lines::new();
    match root.map(|root| root.into_value(&Key::default(), &mut lines)) {
        None | Some(Value::Empty(..)) => Ok(Parsed::default()),
        Some(Value::Dict(_, settings)) => Ok(Parsed { settings, lines }),
        Some(_) => {
            Err(SyntaxError { line: Some(1), message: "the file must hold settings by their names".into() })
        }
    }
}

/// A value of a YAML file.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Table(Vec<(Spanned<String>, Node)>),
}

impl Node {
    fn into_value(self, at: &Key, lines: &mut Lines) -> Value {
        let line = |location: serde_saphyr::Location| usize::try_from(location.line()).unwrap_or(0);
        match self {
            Self::Scalar(value) => value,
            Self::List(entries) => {
                let entry = |(i, node): (usize, Spanned<Self>)| {
                    let key = at.at(i);
                    lines.insert(key.clone(), line(node.referenced));
                    node.value.into_value(&key, lines)
                };
                Value::from(entries.into_iter().enumerate().map(entry).collect::<Vec<_>>())
            }
            Self::Table(entries) => {
                let entry = |(name, node): (Spanned<String>, Self)| {
                    let key = at.then(&name.value);
                    lines.insert(key.clone(), line(name.referenced));
                    (name.value, node.into_value(&key, lines))
                };
                Value::from(entries.into_iter().map(entry).collect::<Dict>())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E>(self, value: $type) -> Result<Node, E> {
            Ok(Node::Scalar(Value::from(value)))
        }
    )*};
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::from(figment::value::Empty::Unit)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Node::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = table.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Table(entries))
    }
}
