//! What is unsafe where others can reach it: refused, or warned of.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::{auth, listener};
use crate::config::{Config, Environment, Secret, Unsafe, Weakness};
use crate::units::Network;
use crate::web::Part;

/// Judges anonymous access, secrets that are none, and open origins.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    secrets(config, findings);
    if config.is_production() {
        production(config, findings);
    }
    let users = users(config);
    credentials(&users, findings);
    let users: Vec<_> = users.into_iter().filter(|user| user.settings.anonymous).collect();
    if config.environment == Environment::Production {
        for profile in profiles(&users) {
            let message = "anonymous access is refused in production";
            findings.error(Key::of("auth").then(profile).then("anonymous"), message);
        }
    } else if !users.is_empty() {
        let whose = users.iter().map(|user| user.what.as_str()).collect::<Vec<_>>().join(", ");
        for (i, listener) in config.listener.iter().enumerate() {
            reach(config, listener, &Key::of("listener").at(i), &whose, findings);
        }
    }
    let mut open: BTreeMap<&Key, Vec<&str>> = BTreeMap::new();
    for user in users.iter().filter(|user| user.any_origin) {
        open.entry(&user.origins).or_default().push(&user.what);
    }
    for (origins, whose) in open {
        let message =
            format!("any web page that someone opens here may use what is anonymous: {}", whose.join(", "));
        findings.warn(origins.clone(), message);
    }
}

/// A browser shows a cookie and a certificate whatever page asks, so any page could act as the user whose it is.
fn credentials(users: &[User<'_>], findings: &mut Findings<'_>) {
    for user in users.iter().filter(|user| user.any_origin) {
        let shown = match user.settings {
            settings if settings.take_from.contains(&auth::Source::Cookie) => "cookies",
            settings if !settings.certificates.is_empty() => "client certificates",
            _ => continue,
        };
        let message = format!(
            "\"*\" cannot hold beside {shown}, which auth.{} takes: any web page could act as the user at {}; name the \
             origins",
            user.profile, user.what
        );
        findings.error(user.origins.clone(), message);
    }
}

/// A secret that can be guessed lets everybody in who reaches the gateway.
fn secrets(config: &Config, findings: &mut Findings<'_>) {
    let allowed = config.allow.contains(&Unsafe::DevelopmentSecret);
    let reached = config.listener.iter().find(|listener| listener.is_exposed());
    for (key, secret) in all_secrets(config) {
        if secret.expose().is_empty() {
            let variable = key.segments().join("__").to_uppercase();
            let message =
                format!("is empty: give one of 32 random bytes at least, as by TIDEGATE_{variable}");
            findings.error(key, message);
            continue;
        }
        let Some(weakness) = secret.weakness() else { continue };
        match reached {
            _ if config.environment == Environment::Production => {
                findings.error(key, format!("{weakness}, which is refused in production"));
            }
            Some(listener) if !allowed => {
                let message = format!(
                    "{weakness}, and other machines reach {}: take a long random one, listen on 127.0.0.1, or, where \
                     it is meant, set allow = [\"development-secret\"]",
                    listener.address
                );
                findings.error(key, message);
            }
            _ if weakness == Weakness::Short => findings.warn(key, weakness.to_string()),
            _ => {}
        }
    }
}

/// The secrets of all profiles, with where they stand.
fn all_secrets(config: &Config) -> impl Iterator<Item = (Key, &Secret)> {
    config.auth.iter().flat_map(|(name, profile)| {
        let key = Key::of("auth").then(name);
        let previous = key.then("previous");
        let before = profile.previous.iter().enumerate();
        let before =
            before.filter_map(move |(i, old)| Some((previous.at(i).then("secret"), old.secret.as_ref()?)));
        profile.secret.iter().map(move |secret| (key.then("secret"), secret)).chain(before)
    })
}

/// What is legal in production, where something else makes it safe.
fn production(config: &Config, findings: &mut Findings<'_>) {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let exempt = |network: &Network| loopback.iter().any(|address| network.contains(*address));
    if config.limits.exempt.iter().any(exempt) {
        let message =
            "takes loopback in: behind a proxy on this machine that would be everybody; set it to []";
        findings.warn(Key::of("limits").then("exempt"), message);
    }
    for (i, listener) in config.listener.iter().enumerate() {
        let behind = !listener.trusted_proxies.is_empty();
        if listener.is_exposed() && listener.tls.is_none() && listener.redirect.is_none() && !behind {
            let message = format!(
                "other machines reach {} without TLS, and tokens with it: set `tls`, or `trusted_proxies` where one in \
                 front speaks it",
                listener.address
            );
            findings.warn(Key::of("listener").at(i).then("address"), message);
        }
    }
}

/// Something that goes by a profile.
struct User<'a> {
    /// What it is, for the operator.
    what: String,
    profile: &'a str,
    settings: &'a auth::Config,
    /// The setting that says which origins may use it.
    origins: Key,
    any_origin: bool,
}

/// What goes by a profile. One that nothing uses lets nobody in.
fn users(config: &Config) -> Vec<User<'_>> {
    let any = |origins: &[String]| origins.iter().any(|origin| origin == "*");
    let cors = (Key::of("cors").then("origins"), any(&config.cors.origins));
    let api = ("the API".to_owned(), config.api.auth.as_str(), cors.clone());
    let endpoints = config.endpoint.iter().enumerate().map(|(i, endpoint)| {
        let own = (Key::of("endpoint").at(i).then("origins"), any(&endpoint.origins));
        let origins = if endpoint.origins.is_empty() { cors.clone() } else { own };
        (format!("endpoint {}", endpoint.path), endpoint.auth.as_str(), origins)
    });
    std::iter::once(api)
        .chain(endpoints)
        .filter_map(|(what, profile, (origins, any_origin))| {
            let settings = config.auth.get(profile)?;
            Some(User { what, profile, settings, origins, any_origin })
        })
        .collect()
}

/// The anonymous profiles in use, each once.
fn profiles<'a>(users: &[User<'a>]) -> Vec<&'a str> {
    let mut profiles: Vec<_> = users.iter().map(|user| user.profile).collect();
    profiles.sort_unstable();
    profiles.dedup();
    profiles
}

/// Judges a listener while something gives anonymous rights.
fn reach(config: &Config, listener: &listener::Config, key: &Key, whose: &str, findings: &mut Findings<'_>) {
    // Figures and health need no rights.
    let parts = [Part::Endpoints, Part::Plugins, Part::Api, Part::Admin];
    let reached = listener.is_exposed() && parts.into_iter().any(|part| listener.serves(part));
    if reached && !config.allow.contains(&Unsafe::Anonymous) {
        let message = format!(
            "other machines reach {}, and anonymous access is on ({whose}): listen on 127.0.0.1, turn `anonymous` off, \
             or, where it is meant, set allow = [\"anonymous\"]",
            listener.address
        );
        findings.error(key.then("address"), message);
    } else if reached && listener.hosts.is_empty() {
        let message = "is empty: requests under a name that is not loopback have no anonymous rights";
        findings.warn(key.then("hosts"), message);
    }
    if listener.hosts.iter().any(|host| host == "*") {
        let message = "\"*\" gives anonymous rights under any name: web pages can reach the gateway by a name of their \
                       own (DNS rebinding)";
        findings.warn(key.then("hosts"), message);
    }
}
