//! Whether the settings make sense together. Nothing outside them is looked at.

use super::Config;
use super::finding::Findings;
use super::key::Key;
use super::model::room::{Cache, Slow};
use crate::bus::Channel;

mod auth;
mod endpoints;
mod http;
mod limits;
mod listener;
mod plugins;
mod safety;
mod tls;

/// Judges all settings.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    listeners(config, findings);
    endpoints::settings(config, findings);
    auth::settings(config, findings);
    http::settings(config, findings);
    limits::settings(config, findings);
    bus(config, findings);
    rooms(config, findings);
    plugins::settings(config, findings);
    safety::settings(config, findings);
    log(config, findings);
}

fn listeners(config: &Config, findings: &mut Findings<'_>) {
    let list = Key::of("listener");
    findings.require(!config.listener.is_empty(), list.clone(), "there must be at least one listener");
    for (i, listener) in config.listener.iter().enumerate() {
        let (key, before) = (list.at(i), &config.listener[..i]);
        findings.require(!listener.name.is_empty(), key.then("name"), "must not be empty");
        if before.iter().any(|other| other.name == listener.name) {
            let message =
                format!("two listeners are called {:?}; each needs a name of its own", listener.name);
            findings.error(key.then("name"), message);
        }
        let fixed = listener.address.port() != 0;
        if let Some(other) = before.iter().find(|other| fixed && other.address == listener.address) {
            findings
                .error(key.then("address"), format!("listener {:?} has this address already", other.name));
        }
        for (j, host) in listener.hosts.iter().enumerate() {
            let message = "expected a host's name without scheme, port or path, or \"*\"";
            let right = !host.is_empty() && !host.contains(['/', ' ']) && !names_port(host);
            findings.require(right, key.then("hosts").at(j), message);
        }
        let is_secure = |name: &String| config.listener.iter().any(|l| l.name == *name && l.tls.is_some());
        if let Some(name) =
            listener.redirect.as_ref().filter(|name| **name == listener.name || !is_secure(name))
        {
            let message = format!("{name:?} is not the name of another listener with `tls`");
            findings.error(key.then("redirect"), message);
        }
        if let Some(settings) = &listener.tls {
            tls::settings(settings, &key.then("tls"), findings);
        }
        listener::settings(listener, &key, findings);
    }
    listener::parts(config, findings);
}

/// Whether a port is named after the host; an IPv6 address has more than one colon, or brackets.
fn names_port(host: &str) -> bool {
    let after_brackets = host.rsplit(']').next().unwrap_or(host);
    after_brackets.matches(':').count() == 1
}

fn bus(config: &Config, findings: &mut Findings<'_>) {
    let key = Key::of("bus");
    findings.require(!config.bus.channel.is_empty(), key.then("channel"), "must not be empty");
    let Some(url) = &config.bus.redis else { return };
    if let Err(error) = Channel::new(url.expose(), &config.bus.channel) {
        findings.error(key.then("redis"), error.to_string());
    }
}

fn rooms(config: &Config, findings: &mut Findings<'_>) {
    for (i, rule) in config.room.iter().enumerate() {
        let key = Key::of("room").at(i);
        if config.room[..i].iter().any(|other| other.prefix == rule.prefix) {
            findings.error(key.then("prefix"), format!("two rules have the prefix {:?}", rule.prefix));
        }
        if !rule.prefix.is_empty() && crate::hub::check_name(&rule.prefix).is_err() {
            let message = "no room's name can start so: names have 1 to 200 bytes and no control characters";
            findings.error(key.then("prefix"), message);
        }
        let history = key.then("history");
        let keeps = rule.history.size > 0 || rule.cache != Cache::None;
        if keeps && rule.history.ttl.is_zero() {
            let message = "has no end: each room that ever had an event stays in memory; set `ttl`";
            findings.warn(history, message);
        } else if !keeps && !rule.history.ttl.is_zero() {
            findings.warn(history, "keeps nothing: `ttl` is set, but `size` is 0, and there is no `cache`");
        }
        if rule.inbox && rule.history.size == 0 {
            let message =
                "an inbox is read from the room's history, and `history.size` is 0: nothing is kept";
            findings.error(key.then("inbox"), message);
        } else if rule.inbox && !rule.history.durable {
            findings.warn(
                key.then("inbox"),
                "what waits for users is gone with the process: set `history.durable`",
            );
        }
        for (name, policies) in [("slow", &[rule.slow][..]), ("slow_choice", &rule.slow_choice)] {
            if policies.contains(&Slow::CatchUp) && rule.history.size == 0 {
                let message = "`catch_up` reads again from the room's history, and `history.size` is 0: nothing is kept";
                findings.error(key.then(name), message);
            }
        }
    }
}

fn log(config: &Config, findings: &mut Findings<'_>) {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let level = &config.log.level;
    let known = |directive: &str| {
        let word = directive.trim().rsplit('=').next().unwrap_or_default();
        levels.contains(&word.to_lowercase().as_str())
    };
    let parsed = tracing_subscriber::EnvFilter::builder().parse(level);
    if parsed.is_err() || !level.split(',').all(known) {
        let message = format!(
            "{level:?} is no level; there is: {}; or parts as \"info,tidegate::hub=debug\"",
            levels.join(", ")
        );
        findings.error(Key::of("log").then("level"), message);
    }
}
