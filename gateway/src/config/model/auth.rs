//! Settings of an authentication profile.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::config::Secret;
use crate::identity::Algorithm;
use crate::units::Period;

/// A profile, by which endpoints and the API know who a client is.
///
/// A new profile is safe by default; the built-in one, `default`, is anonymous, so that a gateway on a
/// developer's machine works at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "AuthProfile")]
pub struct Config {
    /// Whether a client that shows nothing is a principal without user, with every scope. Without it such a client
    /// is refused. A bad token is refused in any case.
    pub anonymous: bool,
    /// How tokens may be signed. A key counts for those of its kind; a token never says which.
    pub algorithms: Vec<Algorithm>,
    /// The secret of HS256, HS384 and HS512.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A file that holds this secret and nothing else; a line's end behind it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// A PEM file of public keys or certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<PathBuf>,
    /// A set of keys (JWKS): a file, or an https address; http only on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// How often the set is read again, besides when a token names a key that is not in it.
    pub refresh: Period,
    /// Keys of before, which still count for a while.
    pub previous: Vec<Previous>,
    /// Who must have issued a token; empty: anybody who has a key.
    pub issuer: Texts,
    /// For whom a token must be: one of these. Empty: for nobody, so that one with an audience is refused.
    pub audience: Texts,
    /// What claims must be: one value, or one of a list.
    pub claims: BTreeMap<String, Value>,
    /// How far the issuer's clock may be from this machine's.
    pub leeway: Period,
    /// How long a token may live, from `iat` to `exp`, which it must have then; zero: any time. Where it is set, it is
    /// known when revocations can be forgotten.
    pub max_age: Period,
    /// Claims that must be there.
    pub required: Vec<String>,
    /// The claim that holds the user's id: the first that is there. A name may be a path, as `realm.id`.
    pub user: Vec<String>,
    /// The claim that holds the roles: the first that is there.
    pub roles: Vec<String>,
    /// The roles of those whose token names none.
    pub default_roles: Vec<String>,
    /// The roles that there are: a token with another is refused. Empty: any.
    pub known_roles: Vec<String>,
    /// The claims that hold permissions, also called scopes: all that are there.
    pub permissions: Vec<String>,
    /// The claim that holds patterns of the rooms that a session may be in, beside their rules.
    pub rooms: Vec<String>,
    /// The claim that holds what others in a room see.
    pub info: Vec<String>,
    /// The claim that holds the rate class.
    pub rate_class: Vec<String>,
    /// Where tokens are taken from, in order; the first place that has one counts.
    pub take_from: Vec<Source>,
    /// The name of the cookie that is meant by `cookie` in `take_from`.
    pub cookie: String,
    /// Sessions that one user may have at a time; 0: no limit.
    pub max_per_user: u32,
    /// What happens to a session over that.
    pub over_limit: OverLimit,
    /// Clients' certificates that are a principal's, at listeners with `client_ca`: the first entry that takes a
    /// certificate's name in says what its bearer may do, whose user id that name is. A token or key in a request
    /// comes before the certificate of its connection. Empty: a certificate opens the connection and says no more.
    pub certificates: Vec<Certificate>,
    /// Who else is asked before a client may do something; left out: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authoriser: Option<Authoriser>,
}

impl Default for Config {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            anonymous: false,
            algorithms: vec![Algorithm::HS256],
            secret: None,
            secret_file: None,
            keys: None,
            jwks: None,
            refresh: Period::seconds(300),
            previous: Vec::new(),
            issuer: Texts::default(),
            audience: Texts::default(),
            claims: BTreeMap::new(),
            leeway: Period::seconds(5),
            max_age: Period::seconds(0),
            required: list(&["exp"]),
            user: list(&["user_id", "sub"]),
            roles: list(&["roles", "role"]),
            default_roles: Vec::new(),
            known_roles: Vec::new(),
            permissions: list(&["permissions", "scopes", "scope"]),
            rooms: list(&["rooms"]),
            info: list(&["info"]),
            rate_class: list(&["rate_class"]),
            take_from: vec![Source::Header, Source::Query, Source::Subprotocol],
            cookie: "token".into(),
            max_per_user: 0,
            over_limit: OverLimit::Refuse,
            certificates: Vec::new(),
            authoriser: None,
        }
    }
}

impl Config {
    /// Whether it has a key, or may get one.
    pub fn has_key(&self) -> bool {
        let own = self.secret.is_some() || self.secret_file.is_some() || self.keys.is_some();
        own || self.jwks.is_some() || !self.previous.is_empty()
    }

    /// Whether it knows anybody.
    pub fn verifies(&self) -> bool {
        self.has_key() || !self.certificates.is_empty()
    }

    /// How long what is shown may hold after it was issued, by clocks that differ by `leeway`; none: no end is
    /// known, as of certificates.
    pub fn longest_life(&self) -> Option<Duration> {
        let known = self.certificates.is_empty() && !self.max_age.is_zero();
        known.then(|| self.max_age.get() + 2 * self.leeway.get())
    }
}

/// Certificates, and what their bearers may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "CertificateRule")]
pub struct Certificate {
    /// The name in the certificate (see the listener's `client_name`): exact, or a start as `batch-*`.
    pub name: String,
    /// The name of the listener that it must be shown to, where listeners trust different authorities; left out: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// Its bearer's roles.
    pub roles: Vec<String>,
    /// What it may do: `read`, `publish`, `publish:<room pattern>`, `admin`, or a scope of a plugin's.
    pub permissions: Vec<String>,
    /// Patterns of the rooms that its sessions may be in, beside their rules; left out: all that these allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
    /// The rate class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_class: Option<String>,
}

/// Who is asked, over HTTP, before a client may do what the rules allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authoriser {
    /// An https address; http only on this machine. It gets a POST of `{action, profile, user, roles, endpoint?, room?,
    /// event_type?}` and answers `{"allow": true}`; anything else is a no.
    pub url: String,
    /// What it is asked about.
    pub asks: Vec<Wish>,
    /// For how long it may take; then it is a no.
    pub timeout: Period,
    /// For how long an answer counts; zero: only for the question that it answers.
    pub cache: Period,
}

impl Default for Authoriser {
    fn default() -> Self {
        Self {
            url: String::new(),
            asks: vec![Wish::Connect, Wish::Join, Wish::Publish],
            timeout: Period::seconds(2),
            cache: Period::seconds(30),
        }
    }
}

/// Something that a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Open a session.
    Connect,
    /// Join a room.
    Join,
    /// Publish to a room.
    Publish,
}

/// A key of before: one of its three.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Previous {
    /// A secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A file that holds a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// A PEM file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<PathBuf>,
    /// Until when it counts, as `"2030-01-31T00:00:00Z"`.
    pub until: String,
}

/// A place where a token may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `Authorization: Bearer <token>`.
    Header,
    /// `?token=<token>`.
    Query,
    /// `Sec-WebSocket-Protocol: bearer, <token>`.
    Subprotocol,
    /// A cookie, of a page whose origin may connect.
    Cookie,
    /// The session's first frame, where the dialect has such.
    FirstFrame,
    /// The payload of the dialect's handshake, where it has such.
    Payload,
}

/// What happens to a session of a user who has as many as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    /// It is refused.
    #[default]
    Refuse,
    /// It comes in, and the user's oldest one is closed.
    CloseOldest,
}

/// Texts: a list, or one alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a list of texts")
            }

            fn visit_str<E>(self, one: &str) -> Result<Texts, E> {
                Ok(Texts(vec![one.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut many: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = many.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        from.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
