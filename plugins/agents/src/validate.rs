//! Requests taken apart: each becomes a type that holds nothing invalid, or 422 with everything that is wrong with it.

mod fields;
mod number;

use serde_json::{Map, Value};
use tidegate_plugin::{Error, FieldError, Query, Result};

use crate::model::Status;
use crate::settings::Settings;
use fields::{Fields, Text};
use number::integer;

/// Bytes of an agent's id at most: the names of rooms and the keys of the store have it in them.
pub(crate) const LONGEST_ID: usize = 128;
/// Bytes of an agent's configuration at most, as JSON.
const LARGEST_CONFIG: usize = 64 * 1024;
/// How deep an agent's configuration may be nested, so that it can be shown within a list and an event.
const DEEPEST_CONFIG: usize = 32;
/// What a counter goes up to: all integers that JSON's readers keep exactly.
const LARGEST_COUNT: i64 = (1 << 53) - 1;

/// `POST /agents/`.
#[derive(Debug, PartialEq)]
pub(crate) struct Create {
    pub(crate) agent_type: String,
    pub(crate) agent_id: Option<String>,
    pub(crate) config: Map<String, Value>,
}

/// `PATCH /agents/{id}`: what is to change.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Patch {
    pub(crate) status: Option<Status>,
    pub(crate) health: Option<f64>,
    pub(crate) load: Option<f64>,
    pub(crate) config: Map<String, Value>,
}

/// `POST /agents/{id}/heartbeat`: what the agent says of itself.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Heartbeat {
    pub(crate) health: Option<f64>,
    pub(crate) load: Option<f64>,
    pub(crate) energia: Option<f64>,
    pub(crate) deteccoes_total: Option<u64>,
    pub(crate) neutralizacoes_total: Option<u64>,
    pub(crate) falsos_positivos: Option<u64>,
}

/// `POST /lymphnode/clone`.
#[derive(Debug, PartialEq)]
pub(crate) struct Clone {
    pub(crate) agent_id: String,
    pub(crate) especializacao: Option<String>,
    pub(crate) num_clones: usize,
    /// By which share numbers of the configuration may differ from the parent's; `None`: not at all.
    pub(crate) mutation_rate: Option<f64>,
}

/// `GET /agents/`: which agents, and which page of them.
#[derive(Debug, PartialEq)]
pub(crate) struct List<'a> {
    pub(crate) agent_type: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

impl Create {
    pub(crate) fn parse(body: &[u8], settings: &Settings) -> Result<Self> {
        let mut fields = Fields::of_body(body)?;
        let agent_type = fields.required("agent_type", |fields| {
            let agent_type = fields.text("agent_type", Text::Any)?.to_lowercase();
            if settings.agent_types.contains(&agent_type) {
                return Some(agent_type);
            }
            let msg = format!("Input should be one of: {}", settings.agent_types.join(", "));
            fields.wrong("agent_type", msg, "enum")
        });
        let agent_id = fields.text("agent_id", Text::Name);
        let config = config(&mut fields);
        fields.finish()?;
        Ok(Self { agent_type: agent_type.unwrap_or_default(), agent_id, config: config.unwrap_or_default() })
    }
}

impl Patch {
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = Fields::of_body(body)?;
        let name = fields.text("status", Text::Any);
        let status = name.and_then(|name| {
            let status = Status::named(&name);
            if status.is_none() {
                let names = Status::ALL.map(Status::name).join(", ");
                fields.wrong::<()>("status", format!("Input should be one of: {names}"), "enum");
            }
            status
        });
        let health = fields.float("health", 0.0, 1.0);
        let load = fields.float("load", 0.0, 1.0);
        let config = config(&mut fields).unwrap_or_default();
        fields.finish()?;
        Ok(Self { status, health, load, config })
    }
}

impl Heartbeat {
    /// All of it may be left out, the body too.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        if matches!(body.trim_ascii(), b"" | b"null") {
            return Ok(Self::default());
        }
        let mut fields = Fields::of_body(body)?;
        let mut beat = Self {
            health: fields.float("health", 0.0, 1.0),
            load: fields.float("load", 0.0, f64::MAX),
            energia: fields.float("energia", 0.0, 100.0),
            ..Self::default()
        };
        if let Some(mut counters) = fields.nested("counters") {
            let mut count =
                |name| counters.integer(name, 0, LARGEST_COUNT).and_then(|n| u64::try_from(n).ok());
            beat.deteccoes_total = count("deteccoes_total");
            beat.neutralizacoes_total = count("neutralizacoes_total");
            beat.falsos_positivos = count("falsos_positivos");
            fields.absorb(counters);
        }
        fields.finish()?;
        Ok(beat)
    }
}

impl Clone {
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = Fields::of_body(body)?;
        let agent_id = fields.required("agent_id", |fields| fields.text("agent_id", Text::Any));
        let especializacao = fields.text("especializacao", Text::Name);
        let num_clones = fields.integer("num_clones", 1, 10).unwrap_or(1);
        let mutate = fields.flag("mutate").unwrap_or(true);
        let rate = fields.float("mutation_rate", 0.0, 1.0).unwrap_or(0.1);
        fields.finish()?;
        Ok(Self {
            agent_id: agent_id.unwrap_or_default(),
            especializacao,
            num_clones: usize::try_from(num_clones).unwrap_or(1),
            mutation_rate: mutate.then_some(rate),
        })
    }
}

impl<'a> List<'a> {
    /// A filter that is empty is none.
    pub(crate) fn parse(query: &'a Query) -> Result<Self> {
        let mut errors = Vec::new();
        let mut number = |name, default, least, most| {
            let Some(text) = query.get(name) else { return default };
            let value = integer(&Value::from(text), least, most);
            let value = value.map_err(|(msg, kind)| errors.push(FieldError::query(name, msg, kind)));
            value.ok().and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
        };
        let (skip, limit) = (number("skip", 0, 0, i64::MAX), number("limit", 100, 1, 1000));
        if !errors.is_empty() {
            return Err(Error::unprocessable(errors));
        }
        let filter = |name| query.get(name).filter(|text| !text.is_empty());
        Ok(Self { agent_type: filter("agent_type"), status: filter("status"), skip, limit })
    }
}

/// The name in `POST /agents/{id}/actions`; which names there are is judged elsewhere, since that is no 422.
pub(crate) fn action(body: &[u8]) -> Result<String> {
    let mut fields = Fields::of_body(body)?;
    let action = fields.required("action", |fields| fields.text("action", Text::Any));
    fields.object("parameters");
    fields.finish()?;
    Ok(action.unwrap_or_default())
}

/// Judges a configuration that a change has made.
pub(crate) fn check_config(config: &Map<String, Value>) -> Result<()> {
    match config_flaw(config) {
        Some((msg, kind)) => Err(Error::unprocessable([FieldError::body("config", msg, kind)])),
        None => Ok(()),
    }
}

fn config(fields: &mut Fields) -> Option<Map<String, Value>> {
    let config = fields.object("config")?;
    match config_flaw(&config) {
        Some((msg, kind)) => fields.wrong("config", msg, kind),
        None => Some(config),
    }
}

fn config_flaw(config: &Map<String, Value>) -> Option<(String, &'static str)> {
    if config.values().any(|value| is_deeper(value, DEEPEST_CONFIG - 1)) {
        return Some((format!("Input should be nested at most {DEEPEST_CONFIG} levels deep"), "too_deep"));
    }
    let size = serde_json::to_vec(config).map_or(usize::MAX, |json| json.len());
    (size > LARGEST_CONFIG)
        .then(|| (format!("Input should have at most {LARGEST_CONFIG} bytes as JSON"), "too_long"))
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

#[cfg(test)]
mod tests;
