//! What comes from a client or a plugin, held against what was declared.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;
use serde_json::value::RawValue;
use tidegate_plugin::schema::Flat;

use super::manifest::{Flaw, Schema};
use super::refused::Why;
use crate::frame::json::{self, Visit, is_sound, is_too_deep};
use crate::web::{Invalid, Problem};

/// Whether `bytes` are one JSON value that every reader takes.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    json(bytes).is_ok()
}

/// The data of an event that nothing is promised of, but that it is one JSON value that every reader takes.
///
/// # Errors
/// Why it is refused.
pub(super) fn json(bytes: &[u8]) -> Result<(), Why> {
    if is_sound(bytes) { Ok(()) } else { doubted(bytes) }
}

/// The same by a parser that says what is wrong, and where.
#[cold]
fn doubted(bytes: &[u8]) -> Result<(), Why> {
    let text = std::str::from_utf8(bytes).map_err(|error| Why::Json(error.to_string()))?;
    serde_json::from_str::<&RawValue>(text).map_err(|error| Why::Json(error.to_string()))?;
    if is_too_deep(bytes) { Err(Why::Deep) } else { Ok(()) }
}

/// Puts down what is read.
struct Notes<'j>(Flat<'j>);

impl Visit for Notes<'_> {
    #[inline]
    fn open(&mut self, is_object: bool) {
        self.0.open(is_object);
    }

    #[inline]
    fn close(&mut self) {
        self.0.close();
    }

    #[inline]
    fn name(&mut self, place: Range<usize>, plain: bool) {
        self.0.name(place, plain);
    }

    #[inline]
    fn text(&mut self, place: Range<usize>, plain: bool) {
        self.0.text(place, plain);
    }

    #[inline]
    fn word(&mut self, place: Range<usize>) {
        self.0.word(place);
    }
}

/// Whether `bytes` are [sound](is_sound) and fit, for sure, which costs a third of what it takes to find out why not.
fn surely_fits(schema: &Schema, bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut notes = Notes(Flat::new(text));
    json::read(text, &mut notes) && schema.surely_fits(&notes.0)
}

/// The data of an event of which its type's schema promises something. It is parsed once for both.
///
/// # Errors
/// Why it is refused.
pub(super) fn event(schema: &Schema, data: &[u8]) -> Result<(), Why> {
    if surely_fits(schema, data) {
        return Ok(());
    }
    let value = serde_json::from_slice(data);
    if !is_sound(data) && (value.is_ok() || doubted(data) == Err(Why::Deep)) {
        return Err(Why::Deep);
    }
    let value: Value = value.map_err(|error| Why::Json(error.to_string()))?;
    schema.flaw(&value).map_or(Ok(()), |flaw| Err(Why::Schema(flaw)))
}

/// The body of an HTTP request.
///
/// # Errors
/// The answer.
pub(super) fn body(schema: &Schema, body: &[u8]) -> Result<(), Problem> {
    let flaws = flaws(schema, body);
    if flaws.is_empty() { Ok(()) } else { Err(Problem::invalid(flaws.into_iter().map(invalid).collect())) }
}

fn invalid(flaw: Flaw) -> Invalid {
    let kind = match flaw.keyword {
        "required" => "missing",
        "additionalProperties" => "extra_forbidden",
        "type" => "type_error",
        "json" => "json_invalid",
        "enum" => "enum",
        _ => "value_error",
    };
    let loc = std::iter::once("body".into()).chain(flaw.path).collect();
    Invalid { loc, msg: Cow::Owned(flaw.what), kind }
}

/// The data of a call.
///
/// # Errors
/// What is wrong, for the client.
pub(super) fn data(schema: &Schema, data: &[u8]) -> Result<(), String> {
    let flaws = flaws(schema, data);
    if flaws.is_empty() {
        return Ok(());
    }
    Err(flaws.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn flaws(schema: &Schema, bytes: &[u8]) -> Vec<Flaw> {
    if schema.is_open() || surely_fits(schema, bytes) {
        return Vec::new();
    }
    if bytes.is_empty() && schema.fits(&Value::Null) {
        // No body says as much as null.
        return Vec::new();
    }
    if bytes.is_empty() {
        return vec![Flaw { path: Vec::new(), what: "a JSON body is required".into(), keyword: "required" }];
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => schema.flaws(&value),
        Err(error) => {
            vec![Flaw { path: Vec::new(), what: format!("it is not JSON: {error}"), keyword: "json" }]
        }
    }
}

#[cfg(test)]
mod tests;
