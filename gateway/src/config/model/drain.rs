//! Settings of the gateway's end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// How the gateway stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Drain")]
pub struct Config {
    /// For how long it is not ready and still serves, so that balancers look away first.
    pub notice: Period,
    /// Over how long the sessions are sent away, so that they do not all come back elsewhere at once.
    pub period: Period,
    /// How much longer after that what is still there may take, and then plugins, before it is cut off.
    pub grace: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self { notice: Period::default(), period: Period::seconds(10), grace: Period::seconds(15) }
    }
}
