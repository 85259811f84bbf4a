//! Settings of an endpoint that speaks Socket.IO.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SocketIo {
    /// The namespaces that clients may enter. A client's events come in the one that it has entered first.
    pub namespaces: Vec<String>,
    /// What follows the answer to who enters one.
    pub greeting: Greeting,
    /// Calls of plugins whose answers go back as events, by the call's name, where the client wants no acknowledgement.
    pub answers: BTreeMap<String, String>,
}

impl Default for SocketIo {
    fn default() -> Self {
        Self { namespaces: vec!["/ws".into()], greeting: Greeting::Established, answers: BTreeMap::new() }
    }
}

/// What a client gets behind the answer to its `CONNECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Greeting {
    /// The event `connection_established`.
    #[default]
    Established,
    /// The event `auth`, with what it said when it entered: for protocol suites.
    Auth,
    /// Nothing.
    None,
}
