//! Settings given over the file: by environment variables and on the command line.

use std::net::SocketAddr;

use figment::value::{Dict, Value};

use super::NAMED_BY;
use super::file::Format;
use super::key::{Key, nearest};

/// What the names of environment variables start with that hold settings.
const PREFIX: &str = "TIDEGATE_";

/// One setting given over the file.
#[derive(Debug)]
pub(super) struct Given {
    key: Key,
    value: Value,
    /// The value as it was typed, for a setting that is a text though it looks like a number.
    raw: String,
    /// How it was given, as findings name it.
    name: String,
    /// Whether names match whatever their case, and `_` stands for `-` too: a variable's name can say no more.
    loose: bool,
}

/// What was given and cannot be read.
#[derive(Debug)]
pub(super) struct BadGiven {
    /// How it was given.
    pub(super) name: String,
    /// What is wrong with it.
    pub(super) message: String,
}

impl Given {
    /// A setting of the command line, `KEY=VALUE` as after `--set`. The value is TOML; a bare word that is none is a
    /// text, as people type it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn set(text: &str) -> Result<Self, BadGiven> {
        let (key, raw) = split(text).ok_or_else(|| BadGiven {
            name: format!("--set {text}"),
            message: "expected KEY=VALUE, such as limits.message=\"1 MiB\"".into(),
        })?;
        let name = format!("--set {key}");
        let key = Key::parse(key).map_err(|message| BadGiven { name: name.clone(), message })?;
        Self::new(key, raw, name, false)
    }

    /// The setting of an environment variable, or nothing where its name is not one of ours.
    ///
    /// # Errors
    /// What is wrong with its value or its name.
    pub(super) fn variable(name: &str, raw: &str) -> Option<Result<Self, BadGiven>> {
        let path = name.strip_prefix(PREFIX)?;
        let segments: Vec<_> = path.split("__").map(str::to_lowercase).collect();
        if segments.iter().any(String::is_empty) {
            let message = "expected names joined by `__` after TIDEGATE_".into();
            return Some(Err(BadGiven { name: name.into(), message }));
        }
        Some(Self::new(segments.into(), raw, name.into(), true))
    }

    /// The text `value` for the setting at `key`, given by the option `name`, such as `--listen`.
    pub(super) fn option(name: &str, key: &str, value: &str) -> Self {
        let key = Key::from(key.split('.').map(str::to_owned).collect::<Vec<_>>());
        Self { key, value: Value::from(value), raw: value.into(), name: name.into(), loose: false }
    }

    /// How it was given, as findings name it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The value as it was typed.
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    fn new(key: Key, raw: &str, name: String, loose: bool) -> Result<Self, BadGiven> {
        let value = value(raw).map_err(|message| BadGiven { name: name.clone(), message })?;
        Ok(Self { key, value, raw: raw.into(), name, loose })
    }

    /// Lays it over `settings`, and tells where: lists are entered by an entry's index or name.
    ///
    /// # Errors
    /// Where there is no such entry.
    pub(super) fn lay_over(&self, settings: &mut Value) -> Result<Key, (Key, String)> {
        let mut at = Key::default();
        let mut current = settings;
        for segment in self.key.segments() {
            let name = self.name_in(current, segment).map_err(|message| (at.clone(), message))?;
            at = at.then(&name);
            if !matches!(current, Value::Dict(..) | Value::Array(..)) {
                *current = Value::from(Dict::new());
            }
            current = match current {
                Value::Array(_, entries) => {
                    let entry = name.parse().ok().and_then(|i: usize| entries.get_mut(i));
                    entry.ok_or_else(|| (at.clone(), "there is no such entry".to_owned()))?
                }
                Value::Dict(_, table) => table.entry(name).or_insert_with(|| Value::from(Dict::new())),
                _ => return Err((at, "is not a table".into())),
            };
        }
        merge(current, self.value.clone());
        Ok(at)
    }

    /// The name that `segment` has in `container`: of a list the index of the entry that is meant.
    fn name_in(&self, container: &Value, segment: &str) -> Result<String, String> {
        match container {
            Value::Array(_, entries) => index(entries, segment, self.loose),
            Value::Dict(_, table) if self.loose && !table.contains_key(segment) => {
                let same = table.keys().find(|name| folded(name) == folded(segment));
                Ok(same.cloned().unwrap_or_else(|| segment.to_owned()))
            }
            _ => Ok(segment.to_owned()),
        }
    }
}

/// The parts before and after the first `=` outside quotes.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'=' && !quoted
    })?;
    Some((text[..at].trim(), text[at + 1..].trim()))
}

/// Reads a value as TOML. What starts like a list, a table or a quoted text must be one; anything else that is no
/// TOML is a text, an IPv6 address with its port included.
fn value(raw: &str) -> Result<Value, String> {
    match Format::Toml.parse(&format!("value = {raw}")) {
        Ok(mut parsed) if parsed.settings.len() == 1 => {
            Ok(parsed.settings.remove("value").unwrap_or_else(|| Value::from(raw)))
        }
        Err(errors) if raw.starts_with(['[', '{', '"', '\'']) && raw.parse::<SocketAddr>().is_err() => {
            let first = errors.into_iter().next().map_or_else(String::new, |error| error.message);
            Err(format!("the value is not TOML: {first}"))
        }
        _ => Ok(Value::from(raw)),
    }
}

/// The index of the entry that `segment` means: a number, or the name that an entry goes by.
fn index(entries: &[Value], segment: &str, loose: bool) -> Result<String, String> {
    if segment.parse::<usize>().is_ok_and(|i| i < entries.len()) {
        return Ok(segment.to_owned());
    }
    let fold = |name: &str| if loose { folded(name) } else { name.to_owned() };
    let names: Vec<_> = entries.iter().map(|entry| name_of(entry).unwrap_or_default()).collect();
    if let Some(found) = names.iter().position(|name| !name.is_empty() && fold(name) == fold(segment)) {
        return Ok(found.to_string());
    }
    let near = nearest(segment, names.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
    let entries = match entries.len() {
        0 => "the list is empty".into(),
        1 => "it has one, 0".into(),
        count => format!("it has 0 to {}", count - 1),
    };
    Err(format!("has no entry `{segment}`: {entries}{}", near.unwrap_or_default()))
}

/// What an entry of a list goes by.
fn name_of(entry: &Value) -> Option<&str> {
    let table = entry.as_dict()?;
    NAMED_BY.iter().find_map(|key| table.get(*key)?.as_str())
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// Lays `value` over `target`: tables are joined, all else is replaced.
fn merge(target: &mut Value, value: Value) {
    match (target, value) {
        (Value::Dict(_, target), Value::Dict(_, table)) => {
            for (name, value) in table {
                merge(target.entry(name).or_insert_with(|| Value::from(Dict::new())), value);
            }
        }
        (target, value) => *target = value,
    }
}
