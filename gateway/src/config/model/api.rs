//! Settings of the HTTP API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Api")]
pub struct Config {
    /// The authentication profile (`[auth.<profile>]`) that gives requests their scopes.
    pub auth: String,
    /// Keys of programs that use it.
    pub keys: Vec<Key>,
}

/// The key of a program: a long random text that only the program has, as `tidegate token key` makes one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ApiKey")]
pub struct Key {
    /// What logs call it.
    pub name: String,
    /// Its SHA-256, as `sha256:` and 64 hexadecimal digits.
    pub hash: String,
    /// What it may do: `read`, `publish`, `publish:<room pattern>`, `admin`, or a scope of a plugin's.
    pub scopes: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { auth: "default".into(), keys: Vec::new() }
    }
}
