//! JSON Schemas of manifests, compiled once: the gateway holds events, requests and settings against them, and the
//! miniature gateway of tests does the same with the same code. With the feature `schemas`.

mod defs;
mod flat;

use std::fmt;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::json::Json;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

pub use defs::lend;
pub use flat::Flat;

/// Keywords that tell people something and ask nothing of a value.
const TELL: [&str; 6] = ["title", "description", "default", "examples", "deprecated", "$comment"];
/// Flaws that are told at once.
const MOST: usize = 20;
/// Bytes of a schema's JSON at most: what is larger takes long to compile, and nobody can read it.
const LARGEST: usize = 256 * 1024;
/// Levels of a schema at most.
const DEEPEST: usize = 64;
/// Bytes that a pattern may take when it is compiled, and steps that one match may go back: a pattern of a few
/// characters can ask for gigabytes, or for ever.
const PATTERN: usize = 1 << 20;
const STEPS: usize = 100_000;
/// Characters of a text that tells of a flaw, and of the value in it; longer values are not repeated.
const LONGEST: usize = 300;
const LONGEST_VALUE: usize = 60;

/// Why a schema is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// More than this side wants to compile.
    #[error("is a schema of {0} bytes, and at most {LARGEST} are read")]
    Large(usize),
    /// More levels than readers recurse.
    #[error("is a schema of more than {DEEPEST} levels")]
    Deep,
    /// It refers to another document, or to a place that is not there, or to nothing but itself.
    #[error("refers to what is not in it (nothing is fetched): {0}")]
    Reference(String),
    /// It is none.
    #[error("is no JSON Schema: {0}")]
    None(String),
}

/// One thing that does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where: keys and indices from the root.
    pub path: Vec<Value>,
    /// What was expected; bounded in length.
    pub what: String,
    /// The schema's word, as `required`.
    pub keyword: &'static str,
}

impl Flaw {
    /// Where, as `items.3.name`; empty at the root. Bounded in length.
    pub fn field(&self) -> String {
        let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        cut(self.path.iter().map(part).collect::<Vec<_>>().join("."), LONGEST)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_slice() {
            [] => f.write_str(&self.what),
            _ => write!(f, "{}: {}", self.field(), self.what),
        }
    }
}

/// A compiled schema; one that is not there lets everything through.
///
/// JSON Schema 2020-12 unless it names another draft. `$ref` leads to places of the same schema. Formats (`date-time`,
/// `uuid`, `uri` …) are held to; one that is not known is not.
#[derive(Debug, Default)]
pub struct Schema(Option<Validators>);

/// The same schema for each of the ways in which it meets values.
#[derive(Debug)]
struct Validators {
    values: Validator,
    flat: Validator<flat::Parts>,
}

impl Schema {
    /// Compiles a schema. Nothing is fetched, whatever it refers to.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn compile(schema: Option<&Value>) -> Result<Self, SchemaError> {
        let Some(schema) = schema.filter(|schema| !is_open(schema)) else { return Ok(Self(None)) };
        let size = schema.to_string().len();
        if size > LARGEST {
            return Err(SchemaError::Large(size));
        }
        if is_deeper(schema, DEEPEST) {
            return Err(SchemaError::Deep);
        }
        match compile(schema).and_then(|values| Ok(Validators { values, flat: compile(schema)? })) {
            Ok(validators) => Ok(Self(Some(validators))),
            Err(error) if matches!(error.kind(), Kind::Referencing(_)) => {
                Err(SchemaError::Reference(cut(error.to_string(), LONGEST)))
            }
            Err(error) => Err(SchemaError::None(Flaw::from(&error).to_string())),
        }
    }

    /// Whether everything fits.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Whether `value` fits.
    pub fn fits(&self, value: &Value) -> bool {
        self.0.as_ref().is_none_or(|validators| validators.values.is_valid(value))
    }

    /// Whether a flat value is whole and fits. Where it is not sure, it does not: that is quick to find out, and mostly enough.
    pub fn surely_fits(&self, value: &Flat<'_>) -> bool {
        let fits = |node| self.0.as_ref().is_none_or(|validators| validators.flat.is_valid(node));
        value.whole().is_some_and(fits)
    }

    /// The first thing of `value` that does not fit.
    pub fn flaw(&self, value: &Value) -> Option<Flaw> {
        // Most fit, which is quicker to find out than what does not.
        let validator = self.0.as_ref().map(|all| &all.values).filter(|all| !all.is_valid(value))?;
        validator.validate(value).err().map(|error| Flaw::from(&error))
    }

    /// What of `value` does not fit; the first few.
    pub fn flaws(&self, value: &Value) -> Vec<Flaw> {
        let Some(Validators { values, .. }) = &self.0 else { return Vec::new() };
        values.iter_errors(value).take(MOST).map(|error| Flaw::from(&error)).collect()
    }
}

fn compile<F: Json>(schema: &Value) -> Result<Validator<F>, ValidationError<'static>> {
    let patterns = PatternOptions::fancy_regex().backtrack_limit(STEPS).size_limit(PATTERN);
    let options = jsonschema::options_for().should_validate_formats(true);
    options.with_pattern_options(patterns).offline().build(schema)
}

/// Whether a schema lets everything through.
fn is_open(schema: &Value) -> bool {
    let tells =
        |schema: &serde_json::Map<String, Value>| schema.keys().all(|key| TELL.contains(&key.as_str()));
    *schema == Value::Bool(true) || schema.as_object().is_some_and(tells)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let deeper = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(members) => members.values().any(deeper),
        _ => false,
    }
}

impl From<&ValidationError<'_>> for Flaw {
    fn from(error: &ValidationError<'_>) -> Self {
        let mut path: Vec<Value> = error
            .instance_path()
            .as_str()
            .split('/')
            .skip(1)
            .map(|part| match part.parse::<u64>() {
                Ok(index) => index.into(),
                Err(_) => part.replace("~1", "/").replace("~0", "~").into(),
            })
            .collect();
        let keyword = match error.kind() {
            Kind::Required { property } => {
                path.extend([property.clone()]);
                "required"
            }
            Kind::AdditionalProperties { .. } => "additionalProperties",
            Kind::Type { .. } => "type",
            Kind::Enum { .. } | Kind::Constant { .. } => "enum",
            _ => "value",
        };
        // What fails may be megabytes, which nobody wants to read in a log.
        let text = match stand_in(error.instance()) {
            Some(word) => error.masked_with(word).to_string(),
            None => error.to_string(),
        };
        Self { path, what: cut(text, LONGEST), keyword }
    }
}

/// What is said in the place of a value that is too long to be repeated.
fn stand_in(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) if text.len() > LONGEST_VALUE => Some("a long text"),
        Value::Array(items) if !items.is_empty() => Some("a list"),
        Value::Object(members) if !members.is_empty() => Some("an object"),
        _ => None,
    }
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
#[path = "schema/tests.rs"]
mod tests;
