//! Authentication profiles and API keys.

use std::time::SystemTime;

use serde_json::Value;

use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::auth::{self, OverLimit, Previous};
use crate::config::model::listener;
use crate::config::{Config, shown_url};
use crate::identity::{Algorithm, ApiKey};
use crate::units::moment;

/// Judges the profiles, the API's keys and what is kept of revocations.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    for (name, profile) in &config.auth {
        let key = Key::of("auth").then(name);
        sources(profile, &key, findings);
        claims(profile, &key, findings);
        certificates(config, profile, &key.then("certificates"), findings);
        for (i, previous) in profile.previous.iter().enumerate() {
            self::previous(previous, &key.then("previous").at(i), findings);
        }
        let used = config.api.auth == *name || config.endpoint.iter().any(|endpoint| endpoint.auth == *name);
        if used && !profile.anonymous && !profile.verifies() {
            findings.warn(key, "is neither anonymous nor has it a key or certificates: it lets nobody in");
        }
    }
    api_keys(config, findings);
    revocations(config, findings);
}

fn revocations(config: &Config, findings: &mut Findings<'_>) {
    let (settings, key) = (&config.revocations, Key::of("revocations"));
    let message = "must be above 0: no token could be called back";
    findings.require(settings.entries > 0, key.then("entries"), message);
    let outlives = |profile: &auth::Config| {
        profile.verifies() && profile.longest_life().is_none_or(|life| life > settings.keep.get())
    };
    let longer = config.auth.iter().filter(|(_, profile)| outlives(profile));
    if let Some((name, _)) = longer.into_iter().next().filter(|_| !settings.keep.is_zero()) {
        let message = format!(
            "tokens or certificates of [auth.{name}] may live longer: one that was called back holds again after this; \
             leave it at \"0s\", or bound them by `max_age`"
        );
        findings.warn(key.then("keep"), message);
    }
}

/// Where keys and tokens come from.
fn sources(profile: &auth::Config, key: &Key, findings: &mut Findings<'_>) {
    let symmetric = profile.algorithms.iter().any(|algorithm| algorithm.is_symmetric());
    let asymmetric = profile.algorithms.iter().any(|algorithm| !algorithm.is_symmetric());
    findings.require(!profile.algorithms.is_empty(), key.then("algorithms"), "must name one at least");
    if profile.secret.is_some() && profile.secret_file.is_some() {
        findings.error(key.then("secret_file"), "stands beside `secret`: give one of the two");
    }
    short_for_hash(profile, key, findings);
    let for_secrets = "is for HS256, HS384 and HS512, and `algorithms` names none of these";
    for (given, name) in
        [(profile.secret.is_some(), "secret"), (profile.secret_file.is_some(), "secret_file")]
    {
        findings.require(!given || symmetric, key.then(name), for_secrets);
    }
    let for_keys = "holds public keys, and `algorithms` names none that they are for, such as \"RS256\"";
    findings.require(profile.keys.is_none() || asymmetric, key.then("keys"), for_keys);
    if let Some(jwks) = &profile.jwks {
        address(jwks, &key.then("jwks"), findings);
        let public = jwks.contains("://");
        findings.require(!public || asymmetric, key.then("jwks"), for_keys);
    }
    if let Some(authoriser) = &profile.authoriser {
        let key = key.then("authoriser");
        let is_url = authoriser.url.contains("://");
        findings.require(is_url, key.then("url"), "expected an https address");
        address(&authoriser.url, &key.then("url"), findings);
        findings.require(!authoriser.timeout.is_zero(), key.then("timeout"), "must be above zero");
    }
    if profile.max_per_user == 0 && profile.over_limit != OverLimit::Refuse {
        findings.warn(key.then("over_limit"), "does nothing without `max_per_user`");
    }
    findings.require(!profile.refresh.is_zero(), key.then("refresh"), "must be above zero");
    findings.require(
        !profile.take_from.is_empty() || profile.anonymous,
        key.then("take_from"),
        "names no place where a token could come from",
    );
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let named = !profile.cookie.is_empty() && profile.cookie.chars().all(plain);
    findings.require(named, key.then("cookie"), "is no name that a cookie can have");
}

/// RFC 7518, section 3.2: a secret has as many bytes as the hash that it is for. Shorter ones than SHA-256's are judged
/// with what is unsafe.
fn short_for_hash(profile: &auth::Config, key: &Key, findings: &mut Findings<'_>) {
    let Some(secret) = profile.secret.as_ref().filter(|secret| secret.weakness().is_none()) else { return };
    let bytes = secret.expose().len();
    let hashes = [(Algorithm::HS512, 64), (Algorithm::HS384, 48)];
    if let Some((algorithm, hash)) =
        hashes.into_iter().find(|(algorithm, hash)| profile.algorithms.contains(algorithm) && bytes < *hash)
    {
        let message = format!("has {bytes} bytes, fewer than the hash of {algorithm:?}: take {hash}");
        findings.warn(key.then("secret"), message);
    }
}

/// Keys that come over a network that others are on must come over TLS: whoever can change them can be anybody.
fn address(jwks: &str, key: &Key, findings: &mut Findings<'_>) {
    let Some((scheme, _)) = jwks.split_once("://") else { return };
    let url = jwks.parse::<http::Uri>().ok().filter(|url| url.host().is_some());
    match (scheme, url) {
        ("https", Some(_)) => {}
        ("http", Some(url)) if url.host().is_some_and(is_loopback) => {}
        ("http", Some(_)) => {
            findings.error(key.clone(), "must be https, so that nobody can exchange what comes on the way");
        }
        _ => findings.error(key.clone(), format!("{:?} is no https address, nor a file", shown_url(jwks))),
    }
}

fn is_loopback(host: &str) -> bool {
    crate::web::Host::parse(host).is_some_and(|host| host.is_loopback())
}

fn claims(profile: &auth::Config, key: &Key, findings: &mut Findings<'_>) {
    for (name, value) in &profile.claims {
        let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let right = match value {
            Value::Array(values) => !values.is_empty() && values.iter().all(plain),
            value => plain(value),
        };
        let message = "expected a text, a number, true or false, or a list of these";
        findings.require(right, key.then("claims").then(name), message);
    }
    for (i, role) in profile.default_roles.iter().enumerate() {
        let known = profile.known_roles.is_empty() || profile.known_roles.contains(role);
        findings.require(known, key.then("default_roles").at(i), "is not among `known_roles`");
    }
    if profile.has_key() && !profile.required.iter().any(|name| name == "exp") && !profile.anonymous {
        findings.warn(key.then("required"), "does not name \"exp\": a token without it holds for ever");
    }
}

/// Whose certificates are a principal's.
fn certificates(config: &Config, profile: &auth::Config, key: &Key, findings: &mut Findings<'_>) {
    let asks = |listener: &listener::Config| listener.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    if !profile.certificates.is_empty() && !config.listener.iter().any(asks) {
        findings
            .warn(key.clone(), "names clients' certificates, and no listener asks for any: set `client_ca`");
    }
    for (i, rule) in profile.certificates.iter().enumerate() {
        let key = key.at(i);
        findings.require(!rule.name.is_empty(), key.then("name"), "must not be empty; \"*\" is any");
        let named =
            |name: &String| config.listener.iter().any(|listener| listener.name == *name && asks(listener));
        if let Some(name) = rule.listener.as_ref().filter(|name| !named(name)) {
            let message = format!("{name:?} is not the name of a listener with `client_ca`");
            findings.error(key.then("listener"), message);
        }
        scopes(&rule.permissions, &key.then("permissions"), findings);
    }
}

fn scopes(scopes: &[String], key: &Key, findings: &mut Findings<'_>) {
    let scope = |scope: &String| !scope.is_empty() && !scope.contains(char::is_whitespace);
    let message = "expected scopes such as \"read\" and \"publish:news:*\"";
    findings.require(scopes.iter().all(scope), key.clone(), message);
}

fn previous(previous: &Previous, key: &Key, findings: &mut Findings<'_>) {
    let given = [previous.secret.is_some(), previous.secret_file.is_some(), previous.keys.is_some()];
    let one = given.into_iter().filter(|given| *given).count() == 1;
    findings.require(one, key.clone(), "needs one of `secret`, `secret_file` and `keys`");
    match moment(&previous.until) {
        Some(until) if until < SystemTime::now() => {
            findings.warn(key.then("until"), "is past: the key counts no more");
        }
        Some(_) => {}
        None => findings.error(key.then("until"), "expected a time such as \"2030-01-31T00:00:00Z\""),
    }
}

fn api_keys(config: &Config, findings: &mut Findings<'_>) {
    let list = Key::of("api").then("keys");
    for (i, api_key) in config.api.keys.iter().enumerate() {
        let key = list.at(i);
        findings.require(!api_key.name.is_empty(), key.then("name"), "must not be empty");
        if config.api.keys[..i].iter().any(|other| other.name == api_key.name) {
            findings.error(key.then("name"), format!("two keys are called {:?}", api_key.name));
        }
        if api_key.hash.is_empty() {
            let variable = api_key.name.to_uppercase().replace('-', "_");
            let message = format!(
                "is empty: `tidegate token key` makes a key, and its hash is given here, or as by \
                 TIDEGATE_API__KEYS__{variable}__HASH"
            );
            findings.error(key.then("hash"), message);
        } else if let Err(error) = ApiKey::new(&api_key.name, &api_key.hash, &[]) {
            findings.error(key.then("hash"), error.to_string());
        }
        findings.require(!api_key.scopes.is_empty(), key.then("scopes"), "must name one at least");
        scopes(&api_key.scopes, &key.then("scopes"), findings);
    }
}
