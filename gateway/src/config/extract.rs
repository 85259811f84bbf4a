//! From untyped settings to typed ones, with every error on the way.

use figment::error::{Actual, Kind};
use figment::value::{Dict, Value};
use serde::Deserialize;

use super::Config;
use super::finding::Findings;
use super::given::Given;
use super::key::{Key, nearest};

/// Reads the settings into their types. A setting that cannot be read becomes an error and is left out, so that its
/// default stands in and the next error comes to light.
pub(super) fn extract(settings: Dict, given: &[(Key, Given)], findings: &mut Findings<'_>) -> Config {
    let mut settings = Value::from(settings);
    let mut removed = Removed::default();
    let mut as_typed: Vec<Key> = Vec::new();
    loop {
        let error = match Config::deserialize(&settings) {
            Ok(config) => return config,
            Err(error) => error,
        };
        let now = Key::from(error.path);
        let key = removed.original(&now);
        let typed = given.iter().rev().find(|(at, _)| *at == key).map(|(_, given)| given.raw());
        match (typed, slot(&mut settings, &now)) {
            (Some(raw), Some(slot)) if wants_text(&error.kind) && !as_typed.contains(&key) => {
                *slot = Value::from(raw);
                as_typed.push(key);
                continue;
            }
            _ => findings.error(key.clone(), explain(&key, &error.kind)),
        }
        if !remove(&mut settings, &now) {
            return Config::default();
        }
        removed.note(key);
    }
}

/// Whether a text was expected where something was found that can be meant as one, such as a number.
fn wants_text(kind: &Kind) -> bool {
    matches!(kind, Kind::InvalidType(actual, expected)
        if !matches!(actual, Actual::Str(_) | Actual::Seq | Actual::Map) && expected.contains("string"))
}

/// The error in an operator's words.
fn explain(key: &Key, kind: &Kind) -> String {
    match kind {
        // What was found may be the secret.
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) if is_secret(key) => {
            format!("expected {}", expected_words(expected))
        }
        Kind::UnknownField(name, known) => format!("there is no such setting{}", instead(name, known)),
        Kind::UnknownVariant(name, known) => format!("{name:?} is not known here{}", instead(name, known)),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("expected {}, found {}", expected_words(expected), actual_words(actual))
        }
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    }
}

/// Whether the setting holds a secret.
fn is_secret(key: &Key) -> bool {
    key.segments().last().is_some_and(|name| name == "secret")
}

/// What was probably meant, or what there is.
fn instead(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there is: {}", known.join(", ")),
    }
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a string" | "path string" => "a text",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        table if table.starts_with("struct ") || table == "a map" => "a table",
        choice if choice.starts_with("enum ") || choice.starts_with("variant ") => {
            "one of the setting's words"
        }
        other => other,
    }
}

fn actual_words(actual: &Actual) -> String {
    match actual {
        Actual::Bool(yes) => yes.to_string(),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Str(text) => format!("{text:?}"),
        Actual::Seq => "a list".into(),
        Actual::Map => "a table".into(),
        Actual::Unit | Actual::Option => "nothing".into(),
        other => other.to_string(),
    }
}

/// The value at `key`.
fn slot<'a>(settings: &'a mut Value, key: &Key) -> Option<&'a mut Value> {
    key.segments().iter().try_fold(settings, |current, segment| match current {
        Value::Dict(_, table) => table.get_mut(segment),
        Value::Array(_, entries) => entries.get_mut(segment.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Takes the value at `key` out; false where there is none.
fn remove(settings: &mut Value, key: &Key) -> bool {
    let Some((parent, name)) = key.split_last() else { return false };
    match slot(settings, &parent) {
        Some(Value::Dict(_, table)) => table.remove(name).is_some(),
        Some(Value::Array(_, entries)) => match name.parse() {
            Ok(i) if i < entries.len() => {
                entries.remove(i);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// Which entries were taken out of lists: those behind them have moved up, and are still called by the index that
/// the operator knows.
#[derive(Default)]
struct Removed(Vec<Key>);

impl Removed {
    fn note(&mut self, key: Key) {
        self.0.push(key);
        self.0.sort_by_key(|key| key.split_last().and_then(|(_, name)| name.parse::<usize>().ok()));
    }

    /// The place that what is now at `now` was given at.
    fn original(&self, now: &Key) -> Key {
        now.segments().iter().fold(Key::default(), |at, segment| match segment.parse::<usize>() {
            Ok(index) => {
                at.at(self.0.iter().filter_map(Key::split_last).fold(index, |index, (list, gone)| {
                    let before = list == at && gone.parse::<usize>().is_ok_and(|gone| gone <= index);
                    index + usize::from(before)
                }))
            }
            Err(_) => at.then(segment),
        })
    }
}
