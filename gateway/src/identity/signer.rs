//! Tokens of our own: for development, for tests, and for who has no issuer.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Map, Value};

use super::Algorithm;

/// Why no token can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Not PEM of a private key that the algorithm is for.
    #[error("holds no private key for {0}, in PEM (PKCS#8)")]
    BadKey(Algorithm),
    /// A secret is for others.
    #[error("{0} needs a private key; a secret is for HS256, HS384 and HS512")]
    NotSymmetric(Algorithm),
    /// The arithmetic failed.
    #[error("the token cannot be signed")]
    Failed,
}

/// A key that signs.
pub struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    /// With a secret that both sides have.
    ///
    /// # Errors
    /// [`SignError::NotSymmetric`].
    pub fn secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, SignError> {
        if !algorithm.is_symmetric() {
            return Err(SignError::NotSymmetric(algorithm));
        }
        Ok(Self { algorithm, key: EncodingKey::from_secret(secret) })
    }

    /// With a private key in PEM.
    ///
    /// # Errors
    /// [`SignError::BadKey`].
    pub fn from_pem(pem: &str, algorithm: Algorithm) -> Result<Self, SignError> {
        let read = match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                return Err(SignError::BadKey(algorithm));
            }
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem,
            Algorithm::EdDSA => EncodingKey::from_ed_pem,
            _ => EncodingKey::from_rsa_pem,
        };
        let key = read(pem.as_bytes()).map_err(|_| SignError::BadKey(algorithm))?;
        Ok(Self { algorithm, key })
    }

    /// A token of these claims, which names its key where that has a name.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, claims: &Map<String, Value>, key_id: Option<String>) -> Result<String, SignError> {
        let header = Header { kid: key_id, ..Header::new(self.algorithm.jwt()) };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| SignError::Failed)
    }
}
