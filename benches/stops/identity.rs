//! Who a token is: what a handshake and a request to the API pay for it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::json;
use tidegate::identity::credentials::{Source, Taking};
use tidegate::identity::{Algorithm, ClaimRules, Key, Keyring, Profile, Revocations, Settings, Signer};

const SECRET: &[u8] = b"a secret of the bench, long enough for HS256";

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// A profile that verifies HS256, and has seen no token.
fn profile() -> Profile {
    let allowed = vec![Algorithm::HS256];
    let keys = Key::secret(SECRET, &allowed).into_iter().collect();
    Profile::new(Settings {
        name: "bench".into(),
        anonymous: false,
        taking: Taking { order: vec![Source::Header], cookie: "token".into() },
        max_per_user: 0,
        close_oldest: false,
        keyring: Arc::new(Keyring::fixed(keys, allowed)),
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

fn token() -> String {
    let claims = json!({
        "sub": "u-17", "iat": 1_700_000_000, "exp": 4_000_000_000_i64, "jti": "0b6f2a51-7d0e-4c55",
        "roles": ["operator", "viewer"], "scope": "read publish:news:*",
    });
    let signer = Signer::secret(SECRET, Algorithm::HS256).unwrap_or_else(|error| panic!("{error}"));
    let claims = claims.as_object().cloned().unwrap_or_default();
    signer.sign(&claims, None).unwrap_or_else(|error| panic!("{error}"))
}

fn authenticate(criterion: &mut Criterion) {
    let token = token();
    let known = profile();
    assert!(known.authenticate(&token).is_ok());
    let forged = format!("{}A", &token[..token.len() - 1]);
    assert!(known.authenticate(&forged).is_err());
    let mut group = criterion.benchmark_group("authenticate");
    group.bench_function("HS256 again", |bencher| {
        bencher.iter(|| known.authenticate(black_box(&token)).is_ok());
    });
    group.bench_function("HS256 anew", |bencher| {
        bencher.iter_batched_ref(
            profile,
            |fresh| fresh.authenticate(black_box(&token)).is_ok(),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("HS256 forged", |bencher| {
        bencher.iter(|| known.authenticate(black_box(&forged)).is_ok());
    });
    group.finish();
}

criterion_group!(benches, authenticate);
criterion_main!(benches);
