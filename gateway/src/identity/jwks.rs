//! Sets of keys as issuers publish them (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Algorithm;
use super::keys::Key;
use super::token::LONGEST_KEY_ID;

/// Keys of a set that are taken at most.
const MOST_KEYS: usize = 100;

/// Why something is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    /// Not JSON of this form.
    #[error("is no set of keys: expected {{\"keys\": [...]}}")]
    Malformed,
    /// There are keys, and none that can be used.
    #[error("has no key for any of the profile's algorithms")]
    NoneFits,
}

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// Reads a set. A key that is not understood, or for nothing that is `allowed`, is passed over, as an issuer may have
/// others for other purposes. Secrets (`oct`) count only where the set `is_private`.
pub(super) fn read(json: &str, allowed: &[Algorithm], is_private: bool) -> Result<Vec<Key>, BadKeySet> {
    let set: Set<'_> = serde_json::from_str(json).map_err(|_| BadKeySet::Malformed)?;
    let keys: Vec<_> =
        set.keys.iter().filter_map(|raw| key(raw, allowed, is_private)).take(MOST_KEYS).collect();
    if keys.is_empty() { Err(BadKeySet::NoneFits) } else { Ok(keys) }
}

/// The secrets (`oct`) of a set that `read` would look at, for whoever judges how good they are.
///
/// # Errors
/// [`BadKeySet::Malformed`].
pub fn secrets(json: &str) -> Result<Vec<Vec<u8>>, BadKeySet> {
    let set: Set<'_> = serde_json::from_str(json).map_err(|_| BadKeySet::Malformed)?;
    let jwks = set.keys.iter().filter_map(|raw| serde_json::from_str::<Jwk>(raw.get()).ok());
    let secrets = jwks.filter_map(|jwk| match jwk.algorithm {
        AlgorithmParameters::OctetKey(secret) if is_for_signatures(&jwk) => Some(secret.value),
        _ => None,
    });
    // What is no base64 is no key to `read` either.
    Ok(secrets.filter_map(|secret| URL_SAFE_NO_PAD.decode(secret).ok()).collect())
}

fn key(raw: &RawValue, allowed: &[Algorithm], is_private: bool) -> Option<Key> {
    let jwk: Jwk = serde_json::from_str(raw.get()).ok()?;
    if !is_for_signatures(&jwk) {
        return None;
    }
    let right = match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => is_private,
        AlgorithmParameters::OctetKeyPair(pair) => pair.curve == EllipticCurve::Ed25519,
        AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_) => true,
        _ => false,
    };
    let id = jwk.common.key_id.as_deref().filter(|id| id.len() <= LONGEST_KEY_ID).map(Into::into);
    if !right || id.is_none() && jwk.common.key_id.is_some() {
        return None;
    }
    let own = jwk.common.key_algorithm.map(|algorithm| Algorithm::named(&algorithm.to_string()));
    let allowed: Vec<_> = match own {
        None => allowed.to_vec(),
        Some(own) => allowed.iter().copied().filter(|one| Some(*one) == own).collect(),
    };
    Key::new(id, DecodingKey::from_jwk(&jwk).ok()?, &allowed).ok()
}

fn is_for_signatures(jwk: &Jwk) -> bool {
    let by_use = jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let operations = jwk.common.key_operations.as_ref();
    by_use && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify))
}
