//! What a plugin says of itself: the manifest, and what an instance adds to it or asks for.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

/// The manifest: a constant JSON text, judged by the host when it loads the library.
#[derive(Debug, Clone)]
pub struct Manifest(Cow<'static, str>);

impl Manifest {
    /// A manifest of that JSON text. [`manifest!`](crate::manifest!) takes it from a file.
    pub fn from_json(json: impl Into<Cow<'static, str>>) -> Self {
        Self(json.into())
    }

    /// Its text.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }

    /// Its text for the exported constant, which lives as long as the library: for ever.
    pub(crate) fn leak(self) -> &'static str {
        match self.0 {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => text.leak(),
        }
    }
}

/// The [`Manifest`] in a file of the crate, by its path from the folder of `Cargo.toml`; read when the crate is compiled.
#[macro_export]
macro_rules! manifest {
    ($path:literal) => {
        $crate::Manifest::from_json(::core::include_str!(::core::concat!(
            ::core::env!("CARGO_MANIFEST_DIR"),
            "/",
            $path
        )))
    };
}

/// What an instance adds to the manifest from its configuration; the same shapes as there.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Declared {
    /// More event types: `{type, summary, schema, room?}`.
    pub events: Vec<Value>,
    /// More room patterns to follow.
    pub follows: Vec<String>,
    /// More calls: `{name, summary, request?, response?, streams?, scope?}`.
    pub calls: Vec<Value>,
    /// Routes of the manifest whose bodies the configuration narrows: `{method, path, request}`.
    pub routes: Vec<Value>,
}

/// Which moments in the life of sessions an instance asks for; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Watches {
    /// Which moments.
    pub kinds: Vec<WatchKind>,
    /// Joins and leaves of rooms that match one of these patterns; `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
    /// Sessions of endpoints with one of these paths; `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<String>>,
}

/// A moment in the life of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchKind {
    /// It is there.
    Open,
    /// It joined a room.
    Join,
    /// It left a room.
    Leave,
    /// It is gone.
    Close,
}

/// How a plugin is.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// In a word.
    pub status: HealthStatus,
    /// For operators; an object.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// How a plugin is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It serves, not all of it or not at its best.
    Degraded,
    /// It does not serve.
    Unhealthy,
}

impl Health {
    /// All is well.
    #[must_use]
    pub fn healthy() -> Self {
        Self { status: HealthStatus::Healthy, details: Value::Null }
    }

    /// It serves, not all of it or not at its best.
    #[must_use]
    pub fn degraded(details: Value) -> Self {
        Self { status: HealthStatus::Degraded, details }
    }

    /// It does not serve.
    #[must_use]
    pub fn unhealthy(details: Value) -> Self {
        Self { status: HealthStatus::Unhealthy, details }
    }
}
