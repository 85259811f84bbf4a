//! Tokens of every algorithm, and those that look like tokens.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use testkit::{Gateway, Options};

use crate::issuer::{Issuer, set, token};
use crate::{SECRET, claims, closed, enter, entered, now, start};

/// A gateway with an endpoint for each kind of key, and one that takes two kinds.
struct Kinds {
    gateway: Gateway,
    hmac: Issuer,
    rsa: Issuer,
    p256: Issuer,
    p384: Issuer,
    ed25519: Issuer,
    _files: tempfile::TempDir,
}

fn kinds() -> Kinds {
    let (rsa, p256, p384, ed25519) = (Issuer::rsa(), Issuer::p256(), Issuer::p384(), Issuer::ed25519());
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (rsa_pem, ed_pem) = (file("rsa.pem", &rsa.public), file("ed.pem", &ed25519.public));
    let ec_pem = file("ec.pem", &format!("{}{}", p256.public, p384.public));
    let secret = file("secret", &format!("{SECRET}\n"));
    let keys = [
        rsa.jwk("r", Algorithm::RS256),
        p256.jwk("e", Algorithm::ES256),
        ed25519.jwk("d", Algorithm::EdDSA),
        json!({ "kty": "EC", "crv": "secp256k1", "kid": "odd", "x": "AA", "y": "AA" }),
    ];
    let jwks = file("jwks.json", &set(&keys));
    let all_rsa = r#"["RS256","RS384","RS512","PS256","PS384","PS512"]"#;
    let config = format!(
        r#"
        auth.default.anonymous = true
        auth.hmac = {{ secret_file = "{secret}", algorithms = ["HS256", "HS384", "HS512"] }}
        auth.rsa = {{ keys = "{rsa_pem}", algorithms = {all_rsa} }}
        auth.ec = {{ keys = "{ec_pem}", algorithms = ["ES256", "ES384"] }}
        auth.ed = {{ keys = "{ed_pem}", algorithms = ["EdDSA"] }}
        auth.set = {{ jwks = "{jwks}", algorithms = ["RS256", "ES256", "EdDSA"] }}
        auth.mixed = {{ secret_file = "{secret}", keys = "{rsa_pem}", algorithms = ["HS256", "RS256"] }}
        "#
    );
    let endpoints: String = ["hmac", "rsa", "ec", "ed", "set", "mixed"]
        .iter()
        .map(|name| format!("[[endpoint]]\npath = \"/{name}\"\nauth = \"{name}\"\n"))
        .collect();
    let config = file("tidegate.toml", &format!("{config}\n{endpoints}"));
    let gateway = start(Options::new().config(config));
    Kinds { gateway, hmac: Issuer::hmac(SECRET), rsa, p256, p384, ed25519, _files: files }
}

#[tokio::test]
async fn every_algorithm_is_verified_with_its_own_key_and_with_no_other() {
    use Algorithm::*;
    let kinds = kinds();
    let gateway = &kinds.gateway;
    let claims = claims("ada", json!({}));
    for (issuer, algorithms, own) in [
        (&kinds.hmac, &[HS256, HS384, HS512][..], "/hmac"),
        (&kinds.rsa, &[RS256, RS384, RS512, PS256, PS384, PS512], "/rsa"),
        (&kinds.p256, &[ES256], "/ec"),
        (&kinds.p384, &[ES384], "/ec"),
        (&kinds.ed25519, &[EdDSA], "/ed"),
    ] {
        for algorithm in algorithms {
            let token = issuer.sign(*algorithm, &claims);
            let (_socket, welcome) = entered(gateway, own, &token).await;
            assert_eq!(welcome["data"]["user_id"], "ada", "{algorithm:?}");
            for other in ["/hmac", "/rsa", "/ec", "/ed"].into_iter().filter(|path| *path != own) {
                assert_eq!(enter(gateway, other, &token).await.err(), Some(401), "{algorithm:?} at {other}");
            }
        }
    }
    for (path, wrong) in [
        ("/hmac", Issuer::hmac("another secret of thirty-two bytes").sign(HS256, &claims)),
        ("/rsa", Issuer::rsa().sign(RS256, &claims)),
        ("/ec", Issuer::p256().sign(ES256, &claims)),
        ("/ed", Issuer::ed25519().sign(EdDSA, &claims)),
    ] {
        assert_eq!(enter(gateway, path, &wrong).await.err(), Some(401), "{path}");
    }
    assert!(gateway.metric("tidegate_auth_failures_total{reason=\"signature\"}").await >= 4.0);
}

#[tokio::test]
async fn a_set_of_keys_is_chosen_from_by_name() {
    use Algorithm::*;
    let kinds = kinds();
    let claims = claims("ada", json!({}));
    let status = async |token: String| enter(&kinds.gateway, "/set", &token).await.err();
    assert_eq!(status(kinds.rsa.sign_as("r", RS256, &claims)).await, None);
    assert_eq!(status(kinds.p256.sign_as("e", ES256, &claims)).await, None);
    assert_eq!(status(kinds.ed25519.sign_as("d", EdDSA, &claims)).await, None);
    assert_eq!(status(kinds.rsa.sign(RS256, &claims)).await, None, "one of its kind is enough");
    assert_eq!(status(kinds.rsa.sign_as("e", RS256, &claims)).await, Some(401), "another's name");
    assert_eq!(status(kinds.rsa.sign_as("r", PS256, &claims)).await, Some(401), "not its algorithm");
    let long = "k".repeat(4000);
    for id in ["../../etc/passwd", "/dev/null", "r\0", "", "' OR 1=1 --", "http://127.0.0.1/keys", &long] {
        assert_eq!(status(kinds.rsa.sign_as(id, RS256, &claims)).await, Some(401), "{id}");
    }
}

#[tokio::test]
async fn a_token_cannot_say_how_it_is_verified() {
    use Algorithm::{HS256, RS256};
    let kinds = kinds();
    let payload = claims("ada", json!({})).to_string();
    // The public key as a secret: everybody has it.
    let der = kinds.rsa.public.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    for secret in [kinds.rsa.public.as_str(), kinds.rsa.public.trim(), &der] {
        let token = Issuer::hmac(secret).sign_raw(r#"{"alg":"HS256"}"#, &payload, HS256);
        for path in ["/rsa", "/mixed", "/set"] {
            assert_eq!(enter(&kinds.gateway, path, &token).await.err(), Some(401), "{path}");
        }
    }
    let thief = Issuer::rsa();
    let own = thief.jwk("r", RS256);
    for header in [
        json!({ "alg": "RS256", "kid": "r", "jwk": own }),
        json!({ "alg": "RS256", "kid": "r", "jku": "http://127.0.0.1:1/jwks.json" }),
        json!({ "alg": "RS256", "x5u": "http://127.0.0.1:1/a.pem" }),
    ] {
        let token = thief.sign_raw(&header.to_string(), &payload, RS256);
        assert_eq!(enter(&kinds.gateway, "/set", &token).await.err(), Some(401), "{header}");
    }
    let unsigned =
        |header: &str| format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&payload));
    for alg in ["none", "None", "NONE", "nOnE", "", "HS257", "hs256"] {
        let token = unsigned(&json!({ "alg": alg }).to_string());
        for path in ["/hmac", "/rsa", "/set"] {
            assert_eq!(enter(&kinds.gateway, path, &token).await.err(), Some(401), "{alg} at {path}");
        }
    }
    assert_eq!(enter(&kinds.gateway, "/hmac", &unsigned(r#"{"alg":"HS256"}"#)).await.err(), Some(401));
}

#[tokio::test]
async fn what_is_signed_and_misshapen_is_refused() {
    let gateway = start(closed());
    let issuer = Issuer::hmac(SECRET);
    let sign = |header: &str, payload: &str| issuer.sign_raw(header, payload, Algorithm::HS256);
    let good = claims("ada", json!({})).to_string();
    let plain = r#"{"alg":"HS256"}"#;
    let with = |more: &str| format!("{},{more}}}", good.trim_end_matches('}'));
    let deep = format!(r#""a":{}{}"#, "[".repeat(1000), "]".repeat(1000));
    let giant = format!(r#""a":"{}""#, "x".repeat(20_000));
    for (reason, token) in [
        ("malformed", "x".to_owned()),
        ("malformed", "a.b.c".to_owned()),
        ("malformed", sign(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, &good)),
        ("malformed", sign(r#"{"alg":"HS256","alg":"HS256"}"#, &good)),
        ("malformed", sign(r#"["HS256"]"#, &good)),
        ("signature", format!("{}=", sign(plain, &good))),
        ("malformed", format!("{}.x", sign(plain, &good))),
        ("claim", sign(plain, &with(r#""sub":"eve""#))),
        ("claim", sign(plain, &with(&deep))),
        ("claim", sign(plain, "null")),
        ("claim", sign(plain, "[]")),
        ("claim", sign(plain, &claims("a\u{0}b", json!({})).to_string())),
        ("claim", sign(plain, &claims(&"a".repeat(300), json!({})).to_string())),
        ("claim", sign(plain, &claims("a", json!({ "roles": { "admin": true } })).to_string())),
    ] {
        let name = format!("tidegate_auth_failures_total{{reason=\"{reason}\"}}");
        let before = gateway.metric(&name).await;
        assert_eq!(enter(&gateway, "/ws", &token).await.err(), Some(401), "{reason} {token}");
        assert_eq!(gateway.metric(&name).await, before + 1.0, "{token}");
    }
    // Longer than a header may be at all.
    assert_eq!(enter(&gateway, "/ws", &sign(plain, &with(&giant))).await.err(), Some(431));
}

#[tokio::test]
async fn times_issuer_audience_and_claims_are_judged() {
    let options = closed()
        .set("auth.default.issuer=us")
        .set("auth.default.audience=[\"ws\",\"api\"]")
        .set("auth.default.claims={token_type=\"access\"}")
        .set("auth.default.required=[\"exp\",\"sub\"]");
    let gateway = start(options);
    let base = json!({ "iss": "us", "aud": "ws", "token_type": "access" });
    let status = async |more: Value| {
        let mut claims = claims("ada", base.clone());
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        enter(&gateway, "/ws", &token(&claims)).await.err()
    };
    for good in [
        json!({}),
        json!({ "aud": ["other", "api"] }),
        json!({ "exp": now(-2) }),
        json!({ "nbf": now(-60) }),
        json!({ "exp": 9_999_999_999_i64 }),
        json!({ "exp": (now(60) as f64) + 0.5 }),
    ] {
        assert_eq!(status(good.clone()).await, None, "{good}");
    }
    for bad in [
        json!({ "exp": now(-60) }),
        json!({ "exp": null }),
        json!({ "exp": "soon" }),
        json!({ "exp": now(60).to_string() }),
        json!({ "exp": -5 }),
        json!({ "nbf": now(60) }),
        json!({ "iat": now(60) }),
        json!({ "iss": "them" }),
        json!({ "iss": null }),
        json!({ "iss": ["us"] }),
        json!({ "aud": "other" }),
        json!({ "aud": null }),
        json!({ "aud": [] }),
        json!({ "token_type": "refresh" }),
        json!({ "token_type": null }),
        json!({ "sub": null }),
    ] {
        assert_eq!(status(bad.clone()).await, Some(401), "{bad}");
    }
    let open = start(closed());
    let for_another = token(&claims("ada", json!({ "aud": "somebody" })));
    assert_eq!(enter(&open, "/ws", &for_another).await.err(), Some(401), "no audience is configured");
}
