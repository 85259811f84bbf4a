//! A JSON object's fields, taken one by one, and what is wrong with them.

use serde_json::{Map, Value};
use tidegate_plugin::{Error, FieldError, Result};

use super::LONGEST_ID;
use super::number::{self, Flaw};

/// The fields of an object. Null is as good as none; what is never taken is not looked at.
pub(super) struct Fields {
    object: Map<String, Value>,
    /// Where the object stands: `["body"]`.
    place: Vec<String>,
    errors: Vec<FieldError>,
}

/// What a text has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// Anything.
    Any,
    /// Something that can be part of a path, and of a room's name.
    Name,
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
            Ok(Value::Object(object)) => Ok(Self { object, place: vec!["body".into()], errors: Vec::new() }),
            Ok(_) => refuse("Input should be an object".into(), "dict_type"),
            Err(error) => refuse(format!("Input should be valid JSON: {error}"), "json_invalid"),
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
        let Value::String(text) = self.take(name)? else {
            return self.wrong(name, "Input should be a valid string", "string_type");
        };
        if wanted == Text::Name
            && let Some((msg, kind)) = name_flaw(&text)
        {
            return self.wrong(name, msg, kind);
        }
        Some(text)
    }

    /// A number from `least` to `most`.
    pub(super) fn float(&mut self, name: &str, least: f64, most: f64) -> Option<f64> {
        let value = self.take(name)?;
        number::float(&value, least, most).map_err(|(msg, kind)| self.wrong::<()>(name, msg, kind)).ok()
    }

    /// An integer from `least` to `most`.
    pub(super) fn integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.take(name)?;
        number::integer(&value, least, most).map_err(|(msg, kind)| self.wrong::<()>(name, msg, kind)).ok()
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.wrong(name, "Input should be a valid boolean", "bool_type"),
        }
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(object) => Some(object),
            _ => self.wrong(name, "Input should be an object", "dict_type"),
        }
    }

    /// The fields of an object within this one. What is wrong with them is [absorbed](Fields::absorb) later.
    pub(super) fn nested(&mut self, name: &str) -> Option<Self> {
        let object = self.object(name)?;
        let place = self.place.iter().cloned().chain([name.to_owned()]).collect();
        Some(Self { object, place, errors: Vec::new() })
    }

    /// Takes over what is wrong with an object within this one.
    pub(super) fn absorb(&mut self, nested: Self) {
        self.errors.extend(nested.errors);
    }

    /// Notes what is wrong with a field, of which nothing is left then.
    pub(super) fn wrong<T>(&mut self, name: &str, msg: impl Into<String>, kind: &str) -> Option<T> {
        let loc = self.place.iter().cloned().chain([name.to_owned()]);
        self.errors.push(FieldError::at(loc, msg, kind));
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

/// What keeps a text from being a name.
fn name_flaw(text: &str) -> Option<Flaw> {
    if text.is_empty() || text.len() > LONGEST_ID {
        return Some((format!("Input should have 1 to {LONGEST_ID} bytes"), "string_length"));
    }
    let bad = |c: char| c.is_control() || c == '/';
    // A path of `.` or `..` is resolved away by clients, so that nobody could ask for it.
    (text.contains(bad) || matches!(text, "." | "..")).then(|| {
        (
            "Input should have no '/' and no control characters, and not be '.' or '..'".into(),
            "string_pattern",
        )
    })
}
