//! Settings for web pages of other origins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which web pages may use the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Cors")]
pub struct Config {
    /// Origins such as `"https://app.example.com"`, compared exactly; `"*"` is any.
    pub origins: Vec<String>,
    /// Whether such pages may send cookies and credentials; not together with `"*"`.
    pub credentials: bool,
}
