//! A call as the operator writes it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// A call that queries answer, `[[plugins.<instance>.call]]`.
#[derive(Debug, Clone, Deserialize)]
pub struct CallSettings {
    /// Its name.
    pub name: String,
    /// SQL whose first row templates see.
    #[serde(default)]
    pub query: Option<String>,
    /// The answer, each text in it a template over the row, the host and the gateway; the row if not given.
    #[serde(default)]
    pub data: Option<Value>,
    /// An answer that is as young as this is given again, so that many who ask do not become as many queries.
    #[serde(default = "a_second", deserialize_with = "super::duration")]
    pub cache: Duration,
    /// The scope that who calls needs; none if not given.
    #[serde(default)]
    pub scope: Option<String>,
    /// What it answers, for the gateway's documents.
    #[serde(default)]
    pub summary: Option<String>,
    /// A JSON Schema of the answer.
    #[serde(default)]
    pub response: Option<Value>,
}

fn a_second() -> Duration {
    Duration::from_secs(1)
}
