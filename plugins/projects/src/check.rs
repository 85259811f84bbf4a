//! What somebody has sent as an event, held against the table of types: an event that can be published, or all that is wrong
//! with it and where.

use serde_json::{Map, Value, json};
use tidegate_plugin::{Event, FieldError, Result};

use crate::time;
use crate::types::{self, Absent, Field, Kind, Room, Type};

/// Bytes of an id at most: with a prefix it is still a room's name.
const LONGEST_ID: usize = 190;
/// Levels of what is nested in an event at most: the gateway takes 64, and its own envelope needs some.
const DEEPEST: usize = 32;

/// An event that can be published.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    /// Its type.
    pub(crate) kind: &'static str,
    source: &'static str,
    key: String,
    /// Where it goes, each room once.
    pub(crate) rooms: Vec<String>,
    data: Map<String, Value>,
}

/// What is wrong with a value: for people, and for programs.
type Flaw = (String, &'static str);

/// The place of something in a request, and what was found wrong in it.
#[derive(Debug)]
pub(crate) struct Findings {
    /// As `["body", "3"]`.
    place: Vec<String>,
    pub(crate) errors: Vec<FieldError>,
}

impl Findings {
    /// Of what stands there.
    pub(crate) fn at(place: &[&str]) -> Self {
        Self { place: place.iter().map(|part| (*part).to_owned()).collect(), errors: Vec::new() }
    }

    fn add(&mut self, below: &[&str], (msg, kind): Flaw) {
        let place = self.place.iter().map(String::as_str).chain(below.iter().copied());
        self.errors.push(FieldError::at(place, msg, kind));
    }
}

impl Checked {
    /// Reads `{type, data}`. Other fields are not looked at. What is wrong is among the findings where there is no event.
    pub(crate) fn read(value: Value, now: i64, findings: &mut Findings) -> Option<Self> {
        let Value::Object(mut event) = value else {
            findings.add(&[], ("Input should be an object".into(), "dict_type"));
            return None;
        };
        let kind = match event.remove("type") {
            None | Some(Value::Null) => Err(missing()),
            Some(Value::String(name)) => types::find(&name).ok_or_else(|| unknown(&name)),
            Some(_) => Err(("Input should be a valid string".into(), "string_type")),
        };
        let kind = kind.map_err(|flaw| findings.add(&["type"], flaw)).ok();
        let data = match event.remove("data") {
            None | Some(Value::Null) => Err(missing()),
            Some(Value::Object(data)) => Ok(data),
            Some(_) => Err(("Input should be an object".into(), "dict_type")),
        };
        let data = data.map_err(|flaw| findings.add(&["data"], flaw)).ok();
        Self::of(kind?, data?, now, findings)
    }

    /// An event of that type with that data.
    pub(crate) fn of(
        kind: &'static Type,
        mut given: Map<String, Value>,
        now: i64,
        findings: &mut Findings,
    ) -> Option<Self> {
        let before = findings.errors.len();
        let mut data = Map::new();
        for field in kind.fields {
            let value = match given.remove(field.name) {
                None | Some(Value::Null) => absent(field, now),
                Some(value) => judged(field.kind, value).map(Some),
            };
            match value {
                Ok(Some(value)) => drop(data.insert(field.name.to_owned(), value)),
                Ok(None) => {}
                Err(flaw) => findings.add(&["data", field.name], flaw),
            }
        }
        if findings.errors.len() > before {
            return None;
        }
        let key = word(&data, kind.key).unwrap_or_default();
        let mut rooms: Vec<String> = kind.rooms.iter().filter_map(|room| room.name(&data)).collect();
        rooms.dedup();
        Some(Self { kind: kind.name, source: kind.source, key, rooms, data })
    }

    /// As it is published; again with the same `id`, it is published once.
    pub(crate) fn event(&self, id: Option<String>) -> Result<Event> {
        let event = Event::new(self.kind).source(self.source).key(self.key.clone());
        let event = self.rooms.iter().fold(event, |event, room| event.room(room.clone()));
        id.into_iter().fold(event, Event::id).data(&self.data)
    }
}

impl Room {
    /// Its name, where the data leads to it.
    fn name(self, data: &Map<String, Value>) -> Option<String> {
        let of = |prefix: &str, field: &str| word(data, field).map(|id| format!("{prefix}{id}"));
        match self {
            Self::Global => Some("global".to_owned()),
            Self::ProjectOrGlobal => of("project:", "project_id").or_else(|| Self::Global.name(data)),
            Self::Of(prefix, field) => of(prefix, field),
        }
    }
}

/// A field's text, or its number as text; none where it is null or missing.
fn word(data: &Map<String, Value>, field: &str) -> Option<String> {
    match data.get(field)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What a field is that is null or missing; none where it is left out.
fn absent(field: &Field, now: i64) -> Result<Option<Value>, Flaw> {
    Ok(Some(match field.absent {
        Absent::Wrong => return Err(missing()),
        Absent::LeftOut => return Ok(None),
        Absent::Null => Value::Null,
        Absent::Now => Value::String(time::text(now)),
        Absent::Empty => json!({}),
        Absent::One => json!(1.0),
        Absent::Be(text) => json!(text),
    }))
}

/// A value as it is sent, where it is of that kind.
fn judged(kind: Kind, value: Value) -> Result<Value, Flaw> {
    match (kind, &value) {
        (Kind::Id, Value::String(text)) => id_flaw(text).map_or(Ok(value), Err),
        (Kind::Id, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(value),
        (Kind::Text | Kind::Step | Kind::Lines, Value::String(_)) => Ok(value),
        (Kind::Text | Kind::Id, _) => Err(("Input should be a valid string".into(), "string_type")),
        (Kind::Among(allowed), Value::String(text)) if allowed.contains(&text.as_str()) => Ok(value),
        (Kind::Among(allowed), _) => Err((format!("Input should be one of: {}", allowed.join(", ")), "enum")),
        (Kind::Number(most), Value::Number(number)) => bounded(number.as_f64(), most).map_or(Ok(value), Err),
        (Kind::Number(_), _) => Err(("Input should be a valid number".into(), "float_type")),
        (Kind::Count | Kind::Step, Value::Number(number)) if number.is_u64() => Ok(value),
        (Kind::Count, _) => Err(("Input should be a whole number, 0 or more".into(), "int_type")),
        (Kind::Step, _) => {
            Err(("Input should be a step's name, or its number, 0 or more".into(), "string_type"))
        }
        (Kind::Time, Value::String(text)) => time::read(text).map(Value::String).ok_or_else(no_time),
        (Kind::Time, _) => Err(no_time()),
        (Kind::Object, Value::Object(_)) | (Kind::List | Kind::Lines, Value::Array(_)) => shallow(value),
        (Kind::Object, _) => Err(("Input should be an object".into(), "dict_type")),
        (Kind::List, _) => Err(("Input should be a list".into(), "list_type")),
        (Kind::Lines, _) => Err(("Input should be a text, or a list".into(), "list_type")),
    }
}

fn missing() -> Flaw {
    ("Field required".into(), "missing")
}

fn unknown(name: &str) -> Flaw {
    if let "connection.established" | "connection.error" = name {
        return (format!("'{name}' is the gateway's own to send"), "enum");
    }
    let known: Vec<_> = types::TYPES.iter().map(|one| one.name).collect();
    (format!("Input should be one of: {}", known.join(", ")), "enum")
}

fn no_time() -> Flaw {
    ("Input should be a time as RFC 3339 has it".into(), "datetime_parsing")
}

/// What keeps a text from being part of a room's name.
fn id_flaw(text: &str) -> Option<Flaw> {
    if !(1..=LONGEST_ID).contains(&text.len()) {
        return Some((format!("Input should have 1 to {LONGEST_ID} bytes"), "string_length"));
    }
    let bad = text.chars().any(char::is_control);
    bad.then(|| ("Input should have no control characters".into(), "string_pattern"))
}

/// What keeps a number from being from 0 to `most`.
fn bounded(number: Option<f64>, most: f64) -> Option<Flaw> {
    match number {
        Some(number) if number > most => {
            Some((format!("Input should be less than or equal to {most}"), "less_than_equal"))
        }
        Some(number) if number >= 0.0 => None,
        _ => Some(("Input should be greater than or equal to 0".into(), "greater_than_equal")),
    }
}

/// What nests no deeper than the gateway takes.
fn shallow(value: Value) -> Result<Value, Flaw> {
    fn fits(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(items) => levels > 0 && items.iter().all(|item| fits(item, levels - 1)),
            Value::Object(fields) => levels > 0 && fields.values().all(|field| fits(field, levels - 1)),
            _ => true,
        }
    }
    if fits(&value, DEEPEST) {
        Ok(value)
    } else {
        Err((format!("Input should nest at most {DEEPEST} levels"), "too_deep"))
    }
}

#[cfg(test)]
mod tests;
