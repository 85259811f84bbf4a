//! What a plugin declares: the entries of manifests, as the plugin host goes by them and the documents show them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// For how long a route or a call may take where the manifest says nothing, milliseconds.
const TIMEOUT: u64 = 30_000;

/// A type of events.
#[derive(Clone, Debug, Deserialize)]
pub struct EventSpec {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it tells, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// A JSON Schema of its data.
    #[serde(default)]
    pub schema: Option<Value>,
    /// The room that it goes to, or the first of them.
    #[serde(default)]
    pub room: Option<String>,
    /// What its events say who says so.
    #[serde(default)]
    pub source: Option<String>,
}

/// A route.
#[derive(Clone, Debug, Deserialize)]
pub struct RouteSpec {
    /// `GET`, `POST` …
    pub method: String,
    /// As `/agents/{id}`.
    pub path: String,
    /// What it does, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// More of it.
    #[serde(default)]
    pub description: String,
    /// What a principal needs.
    #[serde(default)]
    pub scope: Option<String>,
    /// JSON Schemas of the path's parameters, by name.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// A JSON Schema of the query, as an object of its parameters.
    #[serde(default)]
    pub query: Option<Value>,
    /// A JSON Schema of the body.
    #[serde(default)]
    pub request: Option<Value>,
    /// Who holds bodies to that schema.
    #[serde(default)]
    pub checked_by: Checker,
    /// By status, JSON Schemas of the answers; a `description` says when they come.
    #[serde(default)]
    pub responses: BTreeMap<String, Value>,
    /// Milliseconds until the gateway answers 504 itself.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
}

/// Who holds the bodies of a route to their schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checker {
    /// The gateway, before the plugin sees them.
    #[default]
    Gateway,
    /// The plugin, in an order or with texts of its own; the schema only tells clients what it takes.
    Plugin,
}

/// A call.
#[derive(Clone, Debug, Deserialize)]
pub struct CallSpec {
    /// Its name, lower case.
    pub name: String,
    /// What it does, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// What a principal needs.
    #[serde(default)]
    pub scope: Option<String>,
    /// A JSON Schema of the request's data.
    #[serde(default)]
    pub request: Option<Value>,
    /// A JSON Schema of the answer's data.
    #[serde(default)]
    pub response: Option<Value>,
    /// Whether pieces of the answer come before its end.
    #[serde(default)]
    pub streams: bool,
    /// Milliseconds until the gateway answers with an error itself.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
}

/// Rooms that a plugin looks after.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RoomSpec {
    /// The start of their names.
    #[serde(default)]
    pub prefix: String,
    /// Who may join: a word, or roles.
    #[serde(default)]
    pub join: Value,
    /// Who may publish: a word, or roles.
    #[serde(default)]
    pub publish: Value,
}

/// What an operator can have a plugin do at a terminal.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CommandSpec {
    /// Its name, lower case.
    pub name: String,
    /// What it does, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// What may be typed behind its name, as `[--apply] TABLE...`.
    #[serde(default)]
    pub usage: String,
}

impl CommandSpec {
    /// How it is typed.
    pub fn synopsis(&self) -> String {
        format!("{} {}", self.name, self.usage).trim_end().to_owned()
    }

    /// How it is typed, and what it does.
    pub fn line(&self) -> String {
        format!("{:30} {}", self.synopsis(), self.summary).trim_end().to_owned()
    }
}

/// Everything that one instance of a plugin declares, by its manifest and by itself.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// The instance's name.
    pub name: String,
    /// The library's version.
    pub version: String,
    /// What the library does.
    pub description: String,
    /// The types of events that it publishes.
    pub events: Vec<EventSpec>,
    /// Its routes, each with the scope that really holds.
    pub routes: Vec<RouteSpec>,
    /// The calls that it answers.
    pub calls: Vec<CallSpec>,
    /// The rooms that it looks after.
    pub rooms: Vec<RoomSpec>,
}

fn default_timeout() -> u64 {
    TIMEOUT
}
