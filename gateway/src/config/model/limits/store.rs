//! Where it is counted what was used.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::secret::Secret;

/// Where it is counted what was used: `"local"`, by each node for itself, or the URL of a Redis that nodes share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Store {
    /// By each node for itself.
    #[default]
    Local,
    /// Together, in a Redis; its URL may hold a password.
    Redis(Secret),
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Redis(_) => "redis://***",
        })
    }
}

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| match text.as_str() {
            "local" => Self::Local,
            url => Self::Redis(url.into()),
        })
    }
}

impl JsonSchema for Store {
    fn schema_name() -> Cow<'static, str> {
        "LimitStore".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(local|redis://.+)$", "examples": ["local", "redis://127.0.0.1/"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_show() {
        let store: Store = serde_json::from_str(r#""redis://:hush@10.0.0.1/""#).unwrap();
        assert!(matches!(&store, Store::Redis(url) if url.expose().contains("hush")));
        assert!(!format!("{store:?}{store}").contains("hush"));
        assert_eq!(serde_json::to_string(&store).unwrap(), r#""redis://***""#);
        assert_eq!(serde_json::from_str::<Store>(r#""local""#).unwrap(), Store::Local);
    }
}
