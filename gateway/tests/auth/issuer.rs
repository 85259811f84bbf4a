//! Who issues tokens: keys of every kind, and tokens as no library would make them.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::SECRET;

/// A key that signs, and what others get to verify that.
pub(crate) struct Issuer {
    key: EncodingKey,
    /// The public key in PEM; the secret where both sides have the same.
    pub(crate) public: String,
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

impl Issuer {
    pub(crate) fn hmac(secret: &str) -> Self {
        Self { key: EncodingKey::from_secret(secret.as_bytes()), public: secret.to_owned() }
    }

    pub(crate) fn rsa() -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public = pem(
            "PUBLIC KEY",
            AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref(),
        );
        let private = pem("PRIVATE KEY", private.as_ref());
        Self { key: EncodingKey::from_rsa_pem(private.as_bytes()).unwrap(), public }
    }

    pub(crate) fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub(crate) fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn ec(curve: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Self {
        let pair = EcdsaKeyPair::generate(curve).unwrap();
        let public: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public = pem("PUBLIC KEY", public.as_ref());
        Self { key: EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()), public }
    }

    pub(crate) fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public = pem("PUBLIC KEY", public.as_ref());
        Self { key: EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref()), public }
    }

    /// A token as a library makes it.
    pub(crate) fn sign(&self, algorithm: Algorithm, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &self.key).unwrap()
    }

    /// A token that names its key.
    pub(crate) fn sign_as(&self, id: &str, algorithm: Algorithm, claims: &Value) -> String {
        self.sign_raw(&json!({ "alg": algorithm, "kid": id }).to_string(), &claims.to_string(), algorithm)
    }

    /// A token with this header and payload, whatever they are.
    pub(crate) fn sign_raw(&self, header: &str, payload: &str, algorithm: Algorithm) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, algorithm).unwrap();
        format!("{signed}.{signature}")
    }

    /// The public key as an entry of a set.
    pub(crate) fn jwk(&self, id: &str, algorithm: Algorithm) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, algorithm).unwrap()).unwrap();
        jwk["kid"] = id.into();
        jwk["use"] = "sig".into();
        jwk
    }
}

/// A token of `claims` that is signed with [`SECRET`].
pub(crate) fn token(claims: &Value) -> String {
    Issuer::hmac(SECRET).sign(Algorithm::HS256, claims)
}

/// A set of these keys.
pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}
