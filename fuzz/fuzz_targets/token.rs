//! Tokens: what anybody sends, and what somebody signs who has the key.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tidegate::identity::credentials::{Source, Taking};
use tidegate::identity::{
    Algorithm, ClaimRules, Key, Keyring, Principal, Profile, Refusal, Revocations, Settings, unverified,
};

const SECRET: &[u8] = b"a long text that everybody knows";

static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let key = Key::secret(SECRET, &[Algorithm::HS256]).expect("it is long enough");
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    Profile::new(Settings {
        name: "fuzz".into(),
        anonymous: false,
        taking: Taking { order: vec![Source::Header], cookie: "token".into() },
        max_per_user: 0,
        close_oldest: false,
        keyring: Arc::new(Keyring::fixed(vec![key], vec![Algorithm::HS256])),
        claims: ClaimRules {
            issuer: names(&["us"]),
            required: names(&["exp"]),
            user: names(&["user_id", "sub"]),
            roles: names(&["roles", "realm.roles"]),
            permissions: names(&["permissions", "scope"]),
            rooms: names(&["rooms"]),
            info: names(&["info"]),
            rate_class: names(&["class"]),
            kept: vec!["team".into()],
            ..ClaimRules::default()
        },
        revocations: Arc::new(Revocations::new(0, Duration::MAX)),
        certificates: Vec::new(),
        authoriser: None,
    })
});

fn authenticate(token: &str) -> Result<Arc<Principal>, Refusal> {
    let first = PROFILE.authenticate(token);
    assert_eq!(first, PROFILE.authenticate(token), "what is remembered is what was found");
    first
}

fuzz_target!(|input: &[u8]| {
    let [how, text @ ..] = input else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if how & 1 == 0 {
        assert!(authenticate(text).is_err(), "nobody but the key's owner makes a token that holds");
        let _either = unverified(text);
        return;
    }
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let signed = format!("{}.{}", base64(header.as_bytes()), base64(text.as_bytes()));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    if let Ok(principal) = authenticate(&format!("{signed}.{}", signature.expect("HS256 signs anything"))) {
        assert!(principal.is_authenticated() && principal.expires_at().is_some());
    }
});

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
