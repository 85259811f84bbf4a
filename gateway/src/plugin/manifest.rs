//! What a library says of itself, and what an instance adds to it.

mod defs;
pub(super) mod schema;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use tidegate_plugin::abi::ext;

use super::terms::{Terms, Validate};
use crate::hub::moments::Wanted;
use crate::web::{CallSpec, CommandSpec, EventSpec, RoomSpec, RouteSpec};
pub use schema::Flaw;
pub(super) use schema::Schema;

/// The version of manifests that is understood.
const VERSION: u64 = 1;
/// Bytes of a manifest at most; each of its schemas is bounded, too.
const LARGEST: usize = 1024 * 1024;

/// A library's manifest. Keys that are not known are ignored.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The manifest's own version.
    pub manifest: u64,
    /// The library's name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Extensions of the host that it cannot do without.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Instances whose `shared/` part of the store it reads.
    #[serde(default)]
    pub reads: Vec<String>,
    /// The types of events that it publishes.
    #[serde(default)]
    pub events: Vec<EventSpec>,
    /// Its HTTP routes.
    #[serde(default)]
    pub routes: Vec<RouteSpec>,
    /// The calls that it answers.
    #[serde(default)]
    pub calls: Vec<CallSpec>,
    /// The rooms that it looks after.
    #[serde(default)]
    pub rooms: Vec<RoomSpec>,
    /// What an operator can have it do at a terminal.
    #[serde(default)]
    pub commands: Vec<CommandSpec>,
    /// Schemas that all its schemas may refer to, as `#/$defs/NAME`.
    #[serde(default, rename = "$defs")]
    pub defs: Map<String, Value>,
    /// A JSON Schema of its configuration.
    #[serde(default)]
    pub config: Option<Value>,
    /// Patterns of the rooms that it follows.
    #[serde(default)]
    pub follows: Vec<String>,
    /// The gateway is not ready without it.
    #[serde(default)]
    pub critical: bool,
}

/// What an instance adds to its library's manifest.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Declared {
    #[serde(default)]
    pub(super) events: Vec<EventSpec>,
    #[serde(default)]
    pub(super) calls: Vec<CallSpec>,
    #[serde(default)]
    pub(super) follows: Vec<String>,
    /// What its configuration makes of routes of the manifest.
    #[serde(default)]
    pub(super) routes: Vec<Narrowed>,
    /// Which moments of sessions it is to be told of; asked for by itself.
    #[serde(skip)]
    pub(super) watches: Option<Wanted>,
}

/// A route of the manifest, as an instance's configuration makes it: what it takes instead.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Narrowed {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) request: Value,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or a field is missing or of the wrong shape.
    #[error("its manifest does not read: {0}")]
    Shape(String),
    /// What an instance adds is not JSON, or not of the right shape.
    #[error("what it declares does not read: {0}")]
    Declared(String),
    /// More than anybody would write.
    #[error("its manifest has {0} bytes, and at most {LARGEST} are read")]
    Large(usize),
    /// Of a version that this host does not know.
    #[error("its manifest is of version {0}, this host knows {VERSION}")]
    Version(u64),
    /// It needs what this host does not have.
    #[error("it needs '{0}', which this host does not have")]
    Needs(String),
    /// Something in it makes no sense.
    #[error("its manifest: {0}")]
    Content(String),
}

impl Manifest {
    /// Reads and judges a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > LARGEST {
            return Err(ManifestError::Large(text.len()));
        }
        let mut manifest: Self =
            serde_json::from_str(text).map_err(|error| ManifestError::Shape(error.to_string()))?;
        if manifest.manifest != VERSION {
            return Err(ManifestError::Version(manifest.manifest));
        }
        if let Some(missing) = manifest.needs.iter().find(|need| !ext::HOST.contains(&need.as_str())) {
            return Err(ManifestError::Needs(missing.clone()));
        }
        defs::lend(&manifest.defs, &mut manifest.events, &mut manifest.routes, &mut manifest.calls);
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let wrong = |text: String| Err(ManifestError::Content(text));
        if !Self::is_name(&self.name) {
            return wrong(format!("name '{}': lower-case letters, digits, '-' and '_'", self.name));
        }
        for route in &self.routes {
            if route.method.parse::<Method>().is_err() || !route.path.starts_with('/') {
                return wrong(format!(
                    "route '{} {}': a method and a path are expected",
                    route.method, route.path
                ));
            }
        }
        check_types(&self.events)?;
        check_calls(&self.calls)?;
        check_commands(&self.commands)?;
        check_documented(&self.routes, &self.calls)?;
        schema::compile("config", self.config.as_ref())?;
        Terms::of(self, Validate::Off).map(|_| ())
    }

    /// Whether a plugin, or a call, can have this name.
    pub fn is_name(name: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        !name.is_empty() && name.len() <= 100 && name.chars().all(plain)
    }

    /// What in `config` its schema does not allow: where, and why.
    pub fn check_config(&self, config: &Value) -> Vec<String> {
        let schema = schema::compile("config", self.config.as_ref()).unwrap_or_default();
        schema.flaws(config).iter().map(Flaw::to_string).collect()
    }

    /// Settings that the schema does not mention, though it does not refuse them: misspelt, if anything.
    pub fn unmentioned(&self, config: &Value) -> Vec<String> {
        let known =
            self.config.as_ref().and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let (Some(known), Some(config)) = (known, config.as_object()) else { return Vec::new() };
        config.keys().filter(|key| !known.contains_key(*key)).cloned().collect()
    }

    /// Keys of `text` that no version of manifests has, by place, for `plugin check`.
    pub fn unknown_keys(text: &str) -> Vec<String> {
        let manifest: Value = serde_json::from_str(text).unwrap_or_default();
        let mut unknown = strangers("", &manifest, &TOP);
        for (list, known) in LISTS {
            let entries = manifest[list].as_array().into_iter().flatten().enumerate();
            unknown.extend(entries.flat_map(|(i, entry)| strangers(&format!("{list}[{i}]."), entry, known)));
        }
        unknown
    }
}

/// The keys of a manifest, and of the entries of its lists.
const TOP: [&str; 17] = [
    "manifest",
    "$defs",
    "name",
    "version",
    "description",
    "license",
    "needs",
    "reads",
    "events",
    "routes",
    "calls",
    "rooms",
    "commands",
    "config",
    "follows",
    "critical",
    "singleton",
];
const LISTS: [(&str, &[&str]); 5] = [
    ("events", &["type", "summary", "schema", "room", "source"]),
    (
        "routes",
        &[
            "method",
            "path",
            "summary",
            "description",
            "scope",
            "params",
            "query",
            "request",
            "checked_by",
            "responses",
            "timeout_ms",
        ],
    ),
    ("calls", &["name", "summary", "request", "response", "streams", "scope", "timeout_ms"]),
    ("rooms", &["prefix", "join", "publish"]),
    ("commands", &["name", "summary", "usage"]),
];

fn strangers(place: &str, entry: &Value, known: &[&str]) -> Vec<String> {
    let keys = entry.as_object().into_iter().flat_map(|entry| entry.keys());
    keys.filter(|key| !known.contains(&key.as_str())).map(|key| format!("{place}{key}")).collect()
}

impl Declared {
    /// Reads what an instance of the library with that manifest says.
    pub(super) fn parse(json: &[u8], manifest: &Manifest) -> Result<Self, ManifestError> {
        let mut declared: Self =
            serde_json::from_slice(json).map_err(|error| ManifestError::Declared(error.to_string()))?;
        defs::lend(&manifest.defs, &mut declared.events, &mut [], &mut declared.calls);
        for route in &mut declared.routes {
            tidegate_plugin::schema::lend(&manifest.defs, &mut route.request);
            if !manifest.routes.iter().any(|known| route.is(known)) {
                let text = format!("it narrows '{} {}', which it does not serve", route.method, route.path);
                return Err(ManifestError::Content(text));
            }
        }
        check_types(&declared.events)?;
        check_calls(&declared.calls)?;
        check_documented(&[], &declared.calls)?;
        Ok(declared)
    }
}

impl Declared {
    /// What a route of the manifest takes as its body.
    pub(super) fn request<'a>(&'a self, route: &'a RouteSpec) -> Option<&'a Value> {
        let narrowed = self.routes.iter().find(|narrowed| narrowed.is(route));
        narrowed.map(|narrowed| &narrowed.request).or(route.request.as_ref())
    }
}

impl Narrowed {
    /// Whether this is of that route.
    pub(super) fn is(&self, route: &RouteSpec) -> bool {
        self.method == route.method && self.path == route.path
    }
}

/// What is only shown must be JSON Schemas, too.
fn check_documented(routes: &[RouteSpec], calls: &[CallSpec]) -> Result<(), ManifestError> {
    for route in routes {
        let of = |what: &str| format!("{what} of route '{} {}'", route.method, route.path);
        schema::compile(&of("the query"), route.query.as_ref())?;
        for (name, schema) in &route.params {
            schema::compile(&of(&format!("the parameter '{name}'")), Some(schema))?;
        }
        for (status, schema) in &route.responses {
            if status.parse::<http::StatusCode>().is_err() {
                return Err(ManifestError::Content(format!("'{status}' is no status, {}", of("a response"))));
            }
            schema::compile(&of(&format!("the response {status}")), Some(schema))?;
        }
    }
    for call in calls {
        schema::compile(&format!("the response of call '{}'", call.name), call.response.as_ref())?;
    }
    Ok(())
}

fn check_types(events: &[EventSpec]) -> Result<(), ManifestError> {
    for event in events {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':');
        if event.kind.is_empty() || event.kind.len() > 100 || !event.kind.chars().all(plain) {
            let text = format!("event type '{}': letters, digits, '_', '.', '-', ':'", event.kind);
            return Err(ManifestError::Content(text));
        }
    }
    Ok(())
}

fn check_calls(calls: &[CallSpec]) -> Result<(), ManifestError> {
    check_names("call", calls.iter().map(|call| &call.name))
}

fn check_commands(commands: &[CommandSpec]) -> Result<(), ManifestError> {
    check_names("command", commands.iter().map(|command| &command.name))
}

fn check_names<'a>(what: &str, mut names: impl Iterator<Item = &'a String>) -> Result<(), ManifestError> {
    match names.find(|name| !Manifest::is_name(name)) {
        Some(name) => {
            Err(ManifestError::Content(format!("{what} '{name}': lower-case letters, digits, '-', '_'")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_is_wrong_with_it() {
        let error = |text: &str| Manifest::parse(text).unwrap_err().to_string();
        assert!(error("{").starts_with("its manifest does not read"));
        assert!(error(r#"{"manifest":1}"#).contains("name"));
        assert!(error(r#"{"manifest":2,"name":"a"}"#).contains("version 2"));
        assert!(
            error(r#"{"manifest":1,"name":"a","needs":["tidegate.time-travel/1"]}"#).contains("time-travel")
        );
        assert!(error(r#"{"manifest":1,"name":"A b"}"#).contains("'A b'"));
        assert!(
            error(r#"{"manifest":1,"name":"a","routes":[{"method":"GET","path":"x"}]}"#).contains("GET x")
        );
        assert!(error(r#"{"manifest":1,"name":"a","events":[{"type":"a b"}]}"#).contains("'a b'"));
        assert!(error(r#"{"manifest":1,"name":"a","config":{"type":5}}"#).contains("no JSON Schema"));
        let elsewhere = r#"{"manifest":1,"name":"a","events":[{"type":"b","schema":{"$ref":"http://x/y"}}]}"#;
        assert!(error(elsewhere).contains("the schema of event type 'b' refers to what is not in it"));
        assert!(error(&" ".repeat(LARGEST + 1)).contains("1048577 bytes"));
    }

    #[test]
    fn configuration_is_checked_against_the_schema() {
        let schema =
            r#"{"manifest":1,"name":"a","config":{"type":"object","properties":{"n":{"type":"integer"}}}}"#;
        let manifest = Manifest::parse(schema).unwrap();
        assert!(manifest.check_config(&serde_json::json!({"n": 1})).is_empty());
        let errors = manifest.check_config(&serde_json::json!({"n": "x"}));
        assert!(errors[0].starts_with("n: "), "{errors:?}");
    }

    #[test]
    fn unknown_keys_are_named() {
        let manifest = r#"{"manifest":1,"colour":2,"routes":[{"method":"GET","scopes":[]}]}"#;
        assert_eq!(Manifest::unknown_keys(manifest), ["colour", "routes[0].scopes"]);
    }
}
