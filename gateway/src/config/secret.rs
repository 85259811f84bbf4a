//! Settings that nobody may see.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands for a secret wherever it would be shown.
pub(super) const HIDDEN: &str = "***";

/// Bytes that a secret should have: as many as SHA-256 makes of it (RFC 7518, section 3.2).
const LONG_ENOUGH: usize = 32;

/// Words of secrets that were written for a developer's machine, and are known to everybody.
const WORDS: [&str; 8] =
    ["development", "dev-secret", "changeme", "change-me", "change_me", "your-secret", "insecure", "example"];

/// A text that is shown as `***`, whoever asks.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What makes it one for development only.
    pub fn weakness(&self) -> Option<Weakness> {
        weakness(self.expose())
    }
}

/// Why a secret keeps nobody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It can be guessed by trying.
    #[error("has fewer than 32 bytes and can be guessed")]
    Short,
    /// It says of itself that it is no secret.
    #[error("is a development secret")]
    Known,
}

/// What makes `secret` one for development only.
pub fn weakness(secret: &(impl AsRef<[u8]> + ?Sized)) -> Option<Weakness> {
    let secret = secret.as_ref();
    let folded = String::from_utf8_lossy(secret).to_lowercase();
    if WORDS.iter().any(|word| folded.contains(word)) {
        return Some(Weakness::Known);
    }
    (secret.len() < LONG_ENOUGH).then_some(Weakness::Short)
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(text.into()))
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        let secret = Secret::from("hush");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""***""#);
    }

    #[test]
    fn a_weak_secret_is_known_as_one() {
        assert_eq!(weakness("short"), Some(Weakness::Short));
        assert_eq!(weakness("tidegate-DEVELOPMENT-secret-of-more-than-32-bytes"), Some(Weakness::Known));
        assert_eq!(weakness("c1f0a7f2b9d84e6f8a5b3c2d1e0f9a8b"), None);
    }
}
