//! From a verified token's claims to a principal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Pattern, Principal, Proof, Refusal, Scopes, Token};
use crate::frame::Timestamp;
use crate::frame::json::is_too_deep;

/// Claims of a token at most.
const MOST_CLAIMS: usize = 256;
/// Entries of a list at most.
const MOST_ENTRIES: usize = 256;
/// Bytes of a user's id, a role, a scope, a pattern or a token's id at most: with a prefix it is still a room's name.
const LONGEST: usize = 190;
/// Bytes of `info` at most, as others in a room get it.
const LONGEST_INFO: usize = 4096;
/// The last second of the year 9999: a token that says more means that.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// What a profile asks of claims, and reads from them.
#[derive(Clone, Debug, Default)]
pub struct ClaimRules {
    /// The profile's name.
    pub profile: Arc<str>,
    /// Who may have issued the token; empty: anybody who has a key.
    pub issuer: Vec<String>,
    /// For whom it may be; empty: for nobody in particular.
    pub audience: Vec<String>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
    /// How long a token may live, from `iat` to `exp`; zero: any time.
    pub max_age: Duration,
    /// Claims that must be there.
    pub required: Vec<String>,
    /// Claims that must have one of these values.
    pub fixed: BTreeMap<String, Vec<Value>>,
    /// The user's id: the first that is there. A name may be a path, as `realm.id`.
    pub user: Vec<String>,
    /// The roles: the first that is there.
    pub roles: Vec<String>,
    /// The roles of who has none.
    pub default_roles: Vec<Arc<str>>,
    /// The roles that may be; empty: any.
    pub known_roles: Vec<Arc<str>>,
    /// The permissions: of all that are there.
    pub permissions: Vec<String>,
    /// The room patterns: the first that is there.
    pub rooms: Vec<String>,
    /// What others see: the first that is there.
    pub info: Vec<String>,
    /// The rate class: the first that is there.
    pub rate_class: Vec<String>,
    /// Claims that the principal keeps, as rooms' rules ask for them.
    pub kept: Vec<Arc<str>>,
}

impl ClaimRules {
    /// Judges a verified token's payload: JSON.
    pub(super) fn principal(&self, payload: &[u8], now: Timestamp) -> Result<Principal, Refusal> {
        if is_too_deep(payload) {
            return Err(Refusal::Claim);
        }
        let claims = Claims::read(payload)?;
        let token = self.token(&claims, now)?;
        self.check_parties(&claims)?;
        for name in &self.required {
            claims.find(name)?.ok_or(Refusal::Claim)?;
        }
        for (name, values) in &self.fixed {
            claims.find(name)?.filter(|value| values.contains(value)).ok_or(Refusal::Claim)?;
        }
        Ok(Principal {
            user: claims.first(&self.user, word)?,
            roles: self.roles(&claims)?,
            scopes: self.scopes(&claims)?,
            rooms: claims.first(&self.rooms, patterns)?,
            info: claims.first(&self.info, info)?,
            rate_class: claims.first(&self.rate_class, word)?,
            claims: self.kept(&claims)?,
            proof: Proof::Token(token),
        })
    }

    fn token(&self, claims: &Claims<'_>, now: Timestamp) -> Result<Token, Refusal> {
        let leeway = i64::try_from(self.leeway.as_millis()).unwrap_or(i64::MAX);
        let (expires_at, not_before) = (claims.time("exp")?, claims.time("nbf")?);
        let issued_at = claims.time("iat")?;
        if expires_at.is_some_and(|at| now.0 >= at.0.saturating_add(leeway)) {
            return Err(Refusal::Expired);
        }
        if [not_before, issued_at].into_iter().flatten().any(|at| at.0 > now.0.saturating_add(leeway)) {
            return Err(Refusal::NotYet);
        }
        self.check_age(issued_at, expires_at)?;
        let id = claims.find("jti")?.map(|id| word(&id)).transpose()?;
        Ok(Token { profile: Arc::clone(&self.profile), id, issued_at, expires_at })
    }

    /// A token that says how long it lives, and no more than it may: so it is known when a revocation can be forgotten.
    fn check_age(&self, issued_at: Option<Timestamp>, expires_at: Option<Timestamp>) -> Result<(), Refusal> {
        if self.max_age.is_zero() {
            return Ok(());
        }
        let (Some(issued_at), Some(expires_at)) = (issued_at, expires_at) else { return Err(Refusal::Claim) };
        let most = i64::try_from(self.max_age.as_millis()).unwrap_or(i64::MAX);
        if expires_at.0.saturating_sub(issued_at.0) > most { Err(Refusal::Age) } else { Ok(()) }
    }

    /// Whether it is from whom, and for whom, it must be. A token that is for somebody is not for who is not
    /// configured to be that (RFC 7519, section 4.1.3).
    fn check_parties(&self, claims: &Claims<'_>) -> Result<(), Refusal> {
        let listed =
            |list: &[String], value: &Value| value.as_str().is_some_and(|v| list.iter().any(|l| l == v));
        if !self.issuer.is_empty() && !claims.find("iss")?.is_some_and(|iss| listed(&self.issuer, &iss)) {
            return Err(Refusal::Issuer);
        }
        match claims.find("aud")? {
            None if self.audience.is_empty() => Ok(()),
            Some(Value::Array(all)) if all.iter().any(|one| listed(&self.audience, one)) => Ok(()),
            Some(one) if listed(&self.audience, &one) => Ok(()),
            _ => Err(Refusal::Audience),
        }
    }

    fn roles(&self, claims: &Claims<'_>) -> Result<Vec<Arc<str>>, Refusal> {
        let named = claims.first(&self.roles, words)?.unwrap_or_default();
        if !self.known_roles.is_empty() && !named.iter().all(|role| self.known_roles.contains(role)) {
            return Err(Refusal::Claim);
        }
        Ok(if named.is_empty() { self.default_roles.clone() } else { named })
    }

    fn scopes(&self, claims: &Claims<'_>) -> Result<Scopes, Refusal> {
        let mut scopes: Vec<Arc<str>> = Vec::new();
        for name in &self.permissions {
            let Some(value) = claims.find(name)? else { continue };
            for scope in spaced(&value)? {
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
        }
        Ok(if scopes.is_empty() { Scopes::None } else { Scopes::Some(scopes) })
    }

    fn kept<C: FromIterator<(Arc<str>, Value)>>(&self, claims: &Claims<'_>) -> Result<C, Refusal> {
        let kept = self.kept.iter().filter_map(|name| {
            let value = claims.find(name).transpose()?;
            Some(value.map(|value| (Arc::clone(name), value)))
        });
        kept.collect()
    }
}

/// A payload's claims: JSON of whatever shape.
struct Claims<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Claims<'a> {
    fn read(payload: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(payload).map_err(|_| Refusal::Claim)
    }

    /// A claim that is there and not null: of this name, or at this path. One that cannot be read is not a claim that
    /// is not there: a time past all numbers would be no bound, and a half character no name.
    fn find(&self, name: &str) -> Result<Option<Value>, Refusal> {
        let raw = |name: &str| {
            let value = self.0.get(name).map(|raw| serde_json::from_str(raw.get()));
            value.transpose().map_err(|_| Refusal::Claim)
        };
        let found = match (raw(name)?, name.split_once('.')) {
            (None, Some((first, rest))) => raw(first)?.and_then(|value: Value| {
                rest.split('.').try_fold(&value, |value, part| value.get(part)).cloned()
            }),
            (found, _) => found,
        };
        Ok(found.filter(|value| !value.is_null()))
    }

    /// The first of these claims that is there, read by `read`.
    fn first<T>(
        &self,
        names: &[String],
        read: impl Fn(&Value) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let found = names.iter().find_map(|name| self.find(name).transpose()).transpose()?;
        found.map(|value| read(&value)).transpose()
    }

    /// A moment, in seconds since 1970 with or without a fraction.
    fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(value) = self.find(name)? else { return Ok(None) };
        let seconds = value.as_f64().ok_or(Refusal::Claim)?;
        Ok(Some(Timestamp((seconds.clamp(0.0, LAST_SECOND) * 1000.0) as i64)))
    }
}

/// Twice the same claim is a mistake or a trick: which one counts differs from reader to reader.
impl<'de: 'a, 'a> Deserialize<'de> for Claims<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = BTreeMap<Cow<'de, str>, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut claims = BTreeMap::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    if claims.insert(name, value).is_some() || claims.len() > MOST_CLAIMS {
                        return Err(A::Error::custom("a claim twice, or too many claims"));
                    }
                }
                Ok(claims)
            }
        }

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        from.deserialize_map(Map).map(Self)
    }
}

/// A text that can be part of a room's name; a whole number is the text of its digits.
fn word(value: &Value) -> Result<Arc<str>, Refusal> {
    let text: Arc<str> = match value {
        Value::String(text) => text.as_str().into(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string().into(),
        _ => return Err(Refusal::Claim),
    };
    let fits = (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Refusal::Claim) }
}

/// A list of words; one alone is a list of one.
fn words(value: &Value) -> Result<Vec<Arc<str>>, Refusal> {
    match value {
        Value::Array(entries) if entries.len() > MOST_ENTRIES => Err(Refusal::Claim),
        Value::Array(entries) => entries.iter().map(word).collect(),
        one => Ok(vec![word(one)?]),
    }
}

/// The same where one text holds several words with spaces between (RFC 8693, section 4.2).
fn spaced(value: &Value) -> Result<Vec<Arc<str>>, Refusal> {
    match value {
        Value::String(text) => {
            let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).map(Value::from).collect();
            self::words(&Value::from(words))
        }
        list => words(list),
    }
}

fn patterns(value: &Value) -> Result<Vec<Pattern>, Refusal> {
    Ok(words(value)?.iter().map(|text| Pattern::new(text)).collect())
}

fn info(value: &Value) -> Result<Arc<str>, Refusal> {
    let json = value.to_string();
    if json.len() > LONGEST_INFO { Err(Refusal::Claim) } else { Ok(json.into()) }
}

#[cfg(test)]
mod tests;
