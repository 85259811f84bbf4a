//! Who a token is: what a handshake and a request to the API pay for it.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use criterion::Throughput;
use serde_json::json;
use tidegate::identity::credentials::{Source, Taking};
use tidegate::identity::{Algorithm, ClaimRules, Key, Keyring, Profile, Revocations, Settings, Signer};

use crate::{Round, Stop};

const SECRET: &[u8] = b"a secret of the bench, long enough for HS256";

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// Who signs with an algorithm, and the keys of who verifies that.
struct Issuer {
    algorithm: Algorithm,
    signer: Signer,
    keys: Vec<Key>,
}

impl Issuer {
    fn secret(algorithm: Algorithm) -> Self {
        let signer = Signer::secret(SECRET, algorithm).unwrap_or_else(|error| panic!("{error}"));
        let keys = Key::secret(SECRET, &[algorithm]).into_iter().collect();
        Self { algorithm, signer, keys }
    }

    /// With a key pair that is made for it.
    fn pair(algorithm: Algorithm) -> Self {
        let (private, public) = pair(algorithm).unwrap_or_else(|error| panic!("{error}"));
        let signer = Signer::from_pem(&private, algorithm).unwrap_or_else(|error| panic!("{error}"));
        let keys = Key::from_pem(&public, &[algorithm]).unwrap_or_else(|error| panic!("{error}"));
        Self { algorithm, signer, keys }
    }

    fn token(&self) -> String {
        let claims = json!({
            "sub": "u-17", "iat": 1_700_000_000, "exp": 4_000_000_000_i64, "jti": "0b6f2a51-7d0e-4c55",
            "roles": ["operator", "viewer"], "scope": "read publish:news:*",
        });
        let claims = claims.as_object().cloned().unwrap_or_default();
        self.signer.sign(&claims, None).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A profile that verifies its tokens, and has seen none.
    fn profile(&self) -> Profile {
        Profile::new(Settings {
            name: "bench".into(),
            anonymous: false,
            taking: Taking { order: vec![Source::Header], cookie: "token".into() },
            max_per_user: 0,
            close_oldest: false,
            keyring: Arc::new(Keyring::fixed(self.keys.clone(), vec![self.algorithm])),
            claims: ClaimRules {
                leeway: Duration::from_secs(5),
                required: names(&["exp"]),
                user: names(&["user_id", "sub"]),
                roles: names(&["roles", "role"]),
                permissions: names(&["permissions", "scopes", "scope"]),
                ..ClaimRules::default()
            },
            certificates: Vec::new(),
            revocations: Arc::new(Revocations::new(1, Duration::ZERO)),
            authoriser: None,
        })
    }
}

/// A new key pair in PEM: the private key, and the public one.
fn pair(algorithm: Algorithm) -> Result<(String, String), Unspecified> {
    let (private, public): (Vec<u8>, PublicKeyX509Der<'_>) = match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => {
            let curve = match algorithm {
                Algorithm::ES256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
                _ => &ECDSA_P384_SHA384_FIXED_SIGNING,
            };
            let pair = EcdsaKeyPair::generate(curve)?;
            (pair.to_pkcs8v1()?.as_ref().to_vec(), pair.public_key().as_der()?)
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::generate()?;
            (pair.to_pkcs8v1()?.as_ref().to_vec(), pair.public_key().as_der()?)
        }
        _ => {
            let pair = rsa::KeyPair::generate(KeySize::Rsa2048)?;
            let private: Pkcs8V1Der<'_> = pair.as_der()?;
            (private.as_ref().to_vec(), pair.public_key().as_der()?)
        }
    };
    let pem = |label, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    Ok((pem("PRIVATE KEY", &private), pem("PUBLIC KEY", public.as_ref())))
}

pub(super) fn stops() -> Vec<Stop> {
    let secrets = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    let pairs = [
        Algorithm::RS256,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ];
    let mut stops = vec![again(), forged()];
    stops.extend(secrets.map(|algorithm| anew(algorithm, Issuer::secret)));
    stops.extend(pairs.map(|algorithm| anew(algorithm, Issuer::pair).uncounted())); // another key each time
    stops
}

fn stop(name: String, ready: impl FnOnce() -> Round + 'static) -> Stop {
    Stop::new("authenticate", name, Throughput::Elements(1), ready)
}

/// A token that was seen before.
fn again() -> Stop {
    stop("HS256 again".into(), || {
        let issuer = Issuer::secret(Algorithm::HS256);
        let (profile, token) = (issuer.profile(), issuer.token());
        Round::new(move || assert!(profile.authenticate(black_box(&token)).is_ok()))
    })
}

/// One that nobody has signed.
fn forged() -> Stop {
    stop("HS256 forged".into(), || {
        let issuer = Issuer::secret(Algorithm::HS256);
        let (profile, token) = (issuer.profile(), issuer.token());
        let forged = format!("{}A", &token[..token.len() - 1]);
        Round::new(move || assert!(profile.authenticate(black_box(&forged)).is_err()))
    })
}

/// A token that was not seen before.
fn anew(algorithm: Algorithm, issuer: fn(Algorithm) -> Issuer) -> Stop {
    stop(format!("{algorithm} anew"), move || {
        let issuer = issuer(algorithm);
        let token = issuer.token();
        let fresh = Rc::new(RefCell::new(issuer.profile()));
        let next = Rc::clone(&fresh);
        Round::new(move || assert!(fresh.borrow().authenticate(black_box(&token)).is_ok()))
            .settled_by(move || drop(next.replace(issuer.profile())))
    })
}
