//! A JSON object's fields, taken one by one, and what is wrong with them.

use serde_json::{Map, Value};
use tidegate_plugin::{Error, FieldError, Result};

use super::number::{self, Flaw};
use super::{DEEPEST, LARGEST, LONGEST_NAME, LONGEST_TYPE};

/// The fields of an object. Null is as good as none; what is never taken is not looked at.
pub(super) struct Fields {
    object: Map<String, Value>,
    /// Where the object stands: `body`, or `data`.
    place: &'static str,
    errors: Vec<FieldError>,
}

/// What a text has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// Anything.
    Any,
    /// What somebody or something is called.
    Name,
    /// What a task's id has in it, and so the path to it.
    Type,
}

impl Fields {
    /// Those of a body.
    ///
    /// # Errors
    /// 422 for a body that is no JSON object.
    pub(super) fn of_body(body: &[u8]) -> Result<Self> {
        let refuse =
            |msg: String, kind: &str| Err(Error::unprocessable([FieldError::at(["body"], msg, kind)]));
        if body.iter().all(u8::is_ascii_whitespace) {
            return refuse("Field required".into(), "missing");
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { object, place: "body", errors: Vec::new() }),
            Ok(_) => refuse("Input should be an object".into(), "dict_type"),
            Err(error) => refuse(format!("Input should be valid JSON: {error}"), "json_invalid"),
        }
    }

    /// Those of a call's data.
    ///
    /// # Errors
    /// As [`of_body`](Self::of_body).
    pub(super) fn of_data(data: &[u8]) -> Result<Self> {
        match serde_json::from_slice(data) {
            Ok(Value::Object(object)) => Ok(Self { object, place: "data", errors: Vec::new() }),
            _ => Err(Error::unprocessable([FieldError::at(
                ["data"],
                "Input should be an object",
                "dict_type",
            )])),
        }
    }

    /// What `read` makes of a field that must be there.
    pub(super) fn required<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => self.wrong(name, "Field required", "missing"),
            Some(_) => read(self),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str, wanted: Text) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text,
            _ => return self.wrong(name, "Input should be a valid string", "string_type"),
        };
        match wanted.flaw(&text) {
            Some((msg, kind)) => self.wrong(name, msg, kind),
            None => Some(text),
        }
    }

    /// A number above 0.
    pub(super) fn positive(&mut self, name: &str) -> Option<f64> {
        let value = self.take(name)?;
        number::positive(&value).map_err(|(msg, kind)| self.wrong::<()>(name, msg, kind)).ok()
    }

    /// An integer from `least` to `most`.
    pub(super) fn integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.take(name)?;
        number::integer(&value, least, most).map_err(|(msg, kind)| self.wrong::<()>(name, msg, kind)).ok()
    }

    /// An object that is neither too large nor too deep.
    pub(super) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.value(name)? {
            Value::Object(object) => Some(object),
            _ => self.wrong(name, "Input should be an object", "dict_type"),
        }
    }

    /// Any value that is neither too large nor too deep.
    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        let value = self.take(name)?;
        match value_flaw(&value) {
            Some((msg, kind)) => self.wrong(name, msg, kind),
            None => Some(value),
        }
    }

    /// One of those that are named.
    pub(super) fn one_of<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, Text::Any)?;
        match choices.iter().find(|(choice, _)| *choice == text) {
            Some((_, chosen)) => Some(*chosen),
            None => {
                let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
                self.wrong(name, format!("Input should be one of: {}", names.join(", ")), "enum")
            }
        }
    }

    /// Notes what is wrong with a field, of which nothing is left then.
    pub(super) fn wrong<T>(&mut self, name: &str, msg: impl Into<String>, kind: &str) -> Option<T> {
        self.errors.push(FieldError::at([self.place, name], msg, kind));
        None
    }

    /// 422 with all that was wrong, if anything was.
    pub(super) fn finish(self) -> Result<()> {
        if self.errors.is_empty() { Ok(()) } else { Err(Error::unprocessable(self.errors)) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }
}

impl Text {
    /// What keeps a text from being this.
    fn flaw(self, text: &str) -> Option<Flaw> {
        let most = match self {
            Self::Any => return None,
            Self::Name => LONGEST_NAME,
            Self::Type => LONGEST_TYPE,
        };
        if text.is_empty() || text.len() > most {
            return Some((format!("Input should have 1 to {most} bytes"), "string_length"));
        }
        let bad = |c: char| c.is_control() || c == '/';
        (self == Self::Type && text.contains(bad))
            .then(|| ("Input should have no '/' and no control characters".into(), "string_pattern"))
    }
}

/// What keeps a value from being kept.
fn value_flaw(value: &Value) -> Option<Flaw> {
    if is_deeper(value, DEEPEST) {
        return Some((format!("Input should be nested at most {DEEPEST} levels deep"), "too_deep"));
    }
    let size = serde_json::to_vec(value).map_or(usize::MAX, |json| json.len());
    (size > LARGEST).then(|| (format!("Input should have at most {LARGEST} bytes as JSON"), "too_long"))
}

/// Whether `value` nests deeper than `levels`. The parser's own bound keeps the recursion short.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else { return value.is_object() || value.is_array() };
    match value {
        Value::Object(object) => object.values().any(|value| is_deeper(value, left)),
        Value::Array(array) => array.iter().any(|value| is_deeper(value, left)),
        _ => false,
    }
}
