//! Bodies and queries taken apart; everything that is wrong is said at once.

use serde_json::{Map, Value};
use tidegate_plugin::{Error, FieldError, HttpRequest, Result};

/// Characters of an id or tag at most.
const LONGEST: usize = 200;

/// A body's fields. Null is as good as none; fields that are not known are ignored.
pub(crate) struct Body {
    fields: Map<String, Value>,
    errors: Vec<FieldError>,
}

/// A number in a range, and how the range is told.
pub(crate) struct Range(pub(crate) f64, pub(crate) f64);

impl Body {
    pub(crate) fn of(request: &HttpRequest) -> Result<Self> {
        Ok(Self { fields: request.object()?, errors: Vec::new() })
    }

    pub(crate) fn nested(&mut self, name: &str) -> Option<Self> {
        self.object(name).map(|fields| Self { fields, errors: Vec::new() })
    }

    /// Takes over what was found wrong in a nested object.
    pub(crate) fn absorb(&mut self, nested: Self) {
        self.errors.extend(nested.errors);
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn wrong(&mut self, name: &str, msg: impl Into<String>, kind: &str) {
        self.errors.push(FieldError::body(name, msg, kind));
    }

    pub(crate) fn string(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(name, "expected a string", "string_type");
                None
            }
        }
    }

    /// A string that must be there and not be empty.
    pub(crate) fn required(&mut self, name: &str) -> String {
        if self.value(name).is_none() {
            self.wrong(name, "field required", "missing");
            return String::new();
        }
        let text = self.string(name);
        if text.as_deref() == Some("") {
            self.wrong(name, "must not be empty", "string_too_short");
        }
        text.unwrap_or_default()
    }

    /// An id or a tag: short, and without what would not stand in a path.
    pub(crate) fn name(&mut self, name: &str) -> Option<String> {
        let text = self.string(name)?;
        let plain = !text.is_empty() && !text.chars().any(|c| c.is_control() || c == '/');
        if !plain || text.chars().count() > LONGEST {
            let msg = format!("1 to {LONGEST} characters, no '/' and no control characters");
            self.wrong(name, msg, "string_pattern");
        }
        Some(text)
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let found = self.value(name)?.as_bool();
        if found.is_none() {
            self.wrong(name, "expected true or false", "bool_type");
        }
        found
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        let found = self.value(name)?.as_object().cloned();
        if found.is_none() {
            self.wrong(name, "expected an object", "object_type");
        }
        found
    }

    /// A number; a string that holds one is taken for it.
    pub(crate) fn number(&mut self, name: &str, range: Range) -> Option<f64> {
        let value = self.value(name)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|n| n.is_finite());
        match number {
            Some(number) if (range.0..=range.1).contains(&number) => Some(number),
            Some(_) => {
                self.wrong(name, range.expected("a number"), "number_range");
                None
            }
            None => {
                self.wrong(name, "expected a number", "number_type");
                None
            }
        }
    }

    /// A whole number; a string that holds one, or a float without a fraction, is taken for it.
    pub(crate) fn integer(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.value(name)?;
        let from_float = |float: f64| (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64);
        let whole = value
            .as_i64()
            .or_else(|| value.as_f64().and_then(from_float))
            .or_else(|| value.as_str()?.trim().parse().ok())
            .or_else(|| value.as_str()?.trim().parse().ok().and_then(from_float));
        match whole {
            Some(number) if u64::try_from(number).is_ok_and(|n| (least..=most).contains(&n)) => {
                Some(number as u64)
            }
            Some(_) => {
                self.wrong(name, Range(least as f64, most as f64).expected("a whole number"), "int_range");
                None
            }
            None => {
                self.wrong(name, "expected a whole number", "int_type");
                None
            }
        }
    }

    /// The problem, if anything was wrong.
    pub(crate) fn check(self) -> Result<()> {
        if self.errors.is_empty() { Ok(()) } else { Err(Error::unprocessable(self.errors)) }
    }
}

impl Range {
    fn expected(&self, what: &str) -> String {
        if self.1 >= 9e15 {
            format!("expected {what} of {} or more", self.0)
        } else {
            format!("expected {what} from {} to {}", self.0, self.1)
        }
    }
}

/// `skip` and `limit` of a list.
pub(crate) fn page(request: &HttpRequest) -> Result<(usize, usize)> {
    let mut errors = Vec::new();
    let mut number = |name, default, range| match request.query.integer(name, default, range) {
        Ok(number) => usize::try_from(number).unwrap_or(usize::MAX),
        Err(error) => {
            errors.push(error);
            0
        }
    };
    let (skip, limit) = (number("skip", 0, 0..=i64::MAX), number("limit", 100, 1..=1000));
    if errors.is_empty() { Ok((skip, limit)) } else { Err(Error::unprocessable(errors)) }
}
