//! Keys that verify tokens. Which algorithms a key is for is said by whoever configured it, never by a token.

use std::fmt;

use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::token::Parts;
use crate::frame::Timestamp;

/// Keys that are tried for a token that names none at most: each costs a verification.
const MOST_TRIED: usize = 8;

/// How a token is signed (RFC 7518, section 3; RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the RFCs' own names")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl Algorithm {
    /// The names as tokens say them, and the same for the library that does the arithmetic.
    const ALL: [(&'static str, Self, jsonwebtoken::Algorithm); 12] = [
        ("HS256", Self::HS256, jsonwebtoken::Algorithm::HS256),
        ("HS384", Self::HS384, jsonwebtoken::Algorithm::HS384),
        ("HS512", Self::HS512, jsonwebtoken::Algorithm::HS512),
        ("RS256", Self::RS256, jsonwebtoken::Algorithm::RS256),
        ("RS384", Self::RS384, jsonwebtoken::Algorithm::RS384),
        ("RS512", Self::RS512, jsonwebtoken::Algorithm::RS512),
        ("PS256", Self::PS256, jsonwebtoken::Algorithm::PS256),
        ("PS384", Self::PS384, jsonwebtoken::Algorithm::PS384),
        ("PS512", Self::PS512, jsonwebtoken::Algorithm::PS512),
        ("ES256", Self::ES256, jsonwebtoken::Algorithm::ES256),
        ("ES384", Self::ES384, jsonwebtoken::Algorithm::ES384),
        ("EdDSA", Self::EdDSA, jsonwebtoken::Algorithm::EdDSA),
    ];

    /// The algorithm of exactly this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, ..)| *known == name).map(|(_, own, _)| own)
    }

    /// The same for the library that does the arithmetic.
    pub fn jwt(self) -> jsonwebtoken::Algorithm {
        Self::ALL[self as usize].2
    }

    /// Whether both sides have the same secret.
    pub fn is_symmetric(self) -> bool {
        self.jwt().family() == AlgorithmFamily::Hmac
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[*self as usize].0)
    }
}

/// Why something is no key that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not PEM of a public key or certificate of a kind that is known.
    #[error("holds no public key in PEM: RSA, EC (P-256, P-384) or Ed25519")]
    NotPem,
    /// A private key, which does not belong on a machine that only verifies.
    #[error("holds a private key; tokens are verified with the public one")]
    Private,
    /// Nothing that is configured can be verified with it.
    #[error("is for none of the profile's algorithms")]
    Algorithm,
}

/// A key with what it is for.
#[derive(Clone)]
pub struct Key {
    /// Its name, where it has one.
    id: Option<Box<str>>,
    algorithms: Vec<Algorithm>,
    verifier: DecodingKey,
    /// When it ceases to count; none: never.
    until: Option<Timestamp>,
}

impl Key {
    /// A secret that both sides have.
    ///
    /// # Errors
    /// [`BadKey::Algorithm`].
    pub fn secret(secret: &[u8], allowed: &[Algorithm]) -> Result<Self, BadKey> {
        Self::new(None, DecodingKey::from_secret(secret), allowed)
    }

    /// The public keys, or certificates, of a PEM file.
    ///
    /// # Errors
    /// [`BadKey`], of the first that is wrong.
    pub fn from_pem(pem: &str, allowed: &[Algorithm]) -> Result<Vec<Self>, BadKey> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(BadKey::Private);
        }
        let blocks = pem.split("-----BEGIN ").skip(1).map(|block| format!("-----BEGIN {block}"));
        let keys = blocks.map(|block| verifier(block.as_bytes()).ok_or(BadKey::NotPem));
        let keys = keys.map(|key| Self::new(None, key?, allowed)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(BadKey::NotPem) } else { Ok(keys) }
    }

    /// A key of this name; of `allowed` it is for those of its kind.
    pub(super) fn new(
        id: Option<Box<str>>,
        verifier: DecodingKey,
        allowed: &[Algorithm],
    ) -> Result<Self, BadKey> {
        let algorithms: Vec<_> = allowed.iter().copied().filter(|one| is_for(&verifier, *one)).collect();
        if algorithms.is_empty() {
            return Err(BadKey::Algorithm);
        }
        Ok(Self { id, algorithms, verifier, until: None })
    }

    /// The same key, which counts until then.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    fn may_have_signed(&self, token: &Parts<'_>, now: Timestamp) -> bool {
        let named = match (&self.id, &token.key_id) {
            (Some(own), Some(wanted)) => own == wanted,
            (None, _) | (_, None) => true,
        };
        named && self.until.is_none_or(|until| now < until) && self.algorithms.contains(&token.algorithm)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// Whether a key is of an algorithm's kind: for EC the curve belongs to it.
fn is_for(key: &DecodingKey, algorithm: Algorithm) -> bool {
    let point = match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => bytes.len(),
        DecodingKeyKind::RsaModulusExponent { .. } => 0,
    };
    key.family() == algorithm.jwt().family()
        && match algorithm {
            Algorithm::ES256 => point == 65,
            Algorithm::ES384 => point == 97,
            _ => true,
        }
}

fn verifier(pem: &[u8]) -> Option<DecodingKey> {
    let kinds = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
    kinds.into_iter().find_map(|read| read(pem).ok())
}

/// All keys of a profile at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(pub(super) Vec<Key>);

impl Keys {
    /// Verifies a token's signature; answers when the key that did it ceases to count.
    pub(super) fn verify(&self, token: &Parts<'_>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let mut refusal = Refusal::UnknownKey;
        for key in self.0.iter().filter(|key| key.may_have_signed(token, now)).take(MOST_TRIED) {
            let (signed, algorithm) = (token.signed.as_bytes(), token.algorithm.jwt());
            if let Ok(true) = jsonwebtoken::crypto::verify(token.signature, signed, &key.verifier, algorithm)
            {
                return Ok(key.until);
            }
            refusal = Refusal::Signature;
        }
        Err(refusal)
    }
}
