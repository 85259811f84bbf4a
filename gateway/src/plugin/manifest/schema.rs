//! JSON Schemas of plugins, compiled once.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::ManifestError;

/// Keywords that tell people something and ask nothing of a value.
const TELL: [&str; 6] = ["title", "description", "default", "examples", "deprecated", "$comment"];
/// Flaws that are told at once.
const MOST: usize = 20;

/// One thing that does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Flaw {
    /// Where: keys and indices from the root.
    pub(in crate::plugin) path: Vec<Value>,
    /// What was expected.
    pub(in crate::plugin) what: String,
    /// The schema's word, as `required`.
    pub(in crate::plugin) keyword: &'static str,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.path.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match part.as_str() {
                Some(key) => write!(f, "{dot}{key}")?,
                None => write!(f, "{dot}{part}")?,
            }
        }
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.what)
    }
}

/// A compiled schema; one that is not there lets everything through.
#[derive(Debug, Default)]
pub(in crate::plugin) struct Schema(Option<Validator>);

impl Schema {
    /// Compiles the schema that stands at `place` of a manifest. A schema that refers to another document is refused:
    /// nothing is fetched.
    ///
    /// # Errors
    /// [`ManifestError::Content`].
    pub(in crate::plugin) fn compile(place: &str, schema: Option<&Value>) -> Result<Self, ManifestError> {
        let Some(schema) = schema else { return Ok(Self(None)) };
        let only_tells =
            |schema: &serde_json::Map<String, Value>| schema.keys().all(|key| TELL.contains(&key.as_str()));
        if *schema == Value::Bool(true) || schema.as_object().is_some_and(only_tells) {
            return Ok(Self(None));
        }
        match jsonschema::validator_for(schema) {
            Ok(validator) => Ok(Self(Some(validator))),
            Err(error) => Err(ManifestError::Content(format!("{place} is no JSON Schema: {error}"))),
        }
    }

    /// Whether everything fits.
    pub(in crate::plugin) fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Whether `value` fits.
    pub(in crate::plugin) fn fits(&self, value: &Value) -> bool {
        self.0.as_ref().is_none_or(|validator| validator.is_valid(value))
    }

    /// What of `value` does not fit; the first few.
    pub(in crate::plugin) fn flaws(&self, value: &Value) -> Vec<Flaw> {
        let Some(validator) = &self.0 else { return Vec::new() };
        validator.iter_errors(value).take(MOST).map(|error| flaw(&error)).collect()
    }
}

fn flaw(error: &jsonschema::ValidationError<'_>) -> Flaw {
    use jsonschema::error::ValidationErrorKind as Kind;
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
    Flaw { path, what: error.to_string(), keyword }
}
