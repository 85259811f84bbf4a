//! What a configuration that is read again changes in a gateway that runs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::finding::{Finding, Findings, Report};
use super::model::{Config, listener, session};
use super::trail::{Place, Trail};
use super::{Key, NAMED_BY, judge};

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    /// What is to run from now on: what ran, with what can be replaced of what was read.
    pub next: Config,
    /// The settings that are replaced.
    pub changed: Vec<Key>,
    /// The settings that were read and hold from the next start on.
    pub needs_restart: Vec<Key>,
}

impl Renewal {
    /// Of a gateway that runs with `running`, where `read` is there now.
    ///
    /// # Errors
    /// What is right in each of them may be wrong together: anonymous rights for a listener that is on loopback only
    /// after the next start.
    pub fn new(running: &Config, read: &Config) -> Result<Self, Report> {
        let next = next(running, read);
        let errors = judged(&next);
        if !errors.is_empty() {
            return Err(Report(errors));
        }
        let (changed, needs_restart) = (differences(running, &next), differences(&next, read));
        Ok(Self { next, changed, needs_restart })
    }
}

fn judged(config: &Config) -> Vec<Finding> {
    let trail = Trail::default();
    let mut findings = Findings::new(&trail);
    judge::settings(config, &mut findings);
    let errors = findings.finish().into_iter().filter(Finding::is_error);
    errors.map(|finding| Finding { place: Place::Together, ..finding }).collect()
}

/// Keys, origins, limits, rules, certificates and the log's level are taken over, all else stays.
fn next(running: &Config, read: &Config) -> Config {
    let mut next = running.clone();
    next.cors = read.cors.clone();
    next.room = read.room.clone();
    next.api = read.api.clone();
    // One that is gone may be an endpoint's still.
    next.auth.extend(read.auth.clone());
    next.limits.exempt = read.limits.exempt.clone();
    next.limits.connections = read.limits.connections;
    next.limits.connections_per_address = read.limits.connections_per_address;
    next.limits.backlog_total = read.limits.backlog_total;
    next.hub.history = read.hub.history;
    next.limits.handshakes = read.limits.handshakes.clone();
    next.limits.requests = read.limits.requests.clone();
    next.limits.bytes = read.limits.bytes.clone();
    next.limits.publishes = read.limits.publishes.clone();
    next.limits.frames = read.limits.frames.clone();
    next.limits.refusals = read.limits.refusals.clone();
    next.limits.class = read.limits.class.clone();
    next.limits.unauthenticated.sessions = read.limits.unauthenticated.sessions;
    next.log.level = read.log.level.clone();
    for endpoint in &mut next.endpoint {
        if let Some(read) = read.endpoint.iter().find(|read| read.location() == endpoint.location()) {
            endpoint_next(endpoint, read);
        }
    }
    for listener in &mut next.listener {
        if let Some(read) = read.listener.iter().find(|read| read.name == listener.name) {
            listener_next(listener, read);
        }
    }
    next
}

fn endpoint_next(next: &mut session::Config, read: &session::Config) {
    next.origins = read.origins.clone();
    next.max_sessions = read.max_sessions;
}

fn listener_next(next: &mut listener::Config, read: &listener::Config) {
    next.hosts = read.hosts.clone();
    next.serves = read.serves.clone();
    next.hsts = read.hsts;
    // Balancers are told from others as they connect, by whoever listens.
    if !next.proxy_protocol {
        next.trusted_proxies = read.trusted_proxies.clone();
    }
    if let (Some(tls), Some(read)) = (&mut next.tls, &read.tls) {
        let handshake_timeout = tls.handshake_timeout;
        *tls = listener::Tls { handshake_timeout, ..read.clone() };
    }
}

/// The settings in which two configurations differ, each by the deepest key that says it.
fn differences(one: &Config, other: &Config) -> Vec<Key> {
    let mut keys = Vec::new();
    differ(&Key::default(), &shown(one), &shown(other), &mut keys);
    // Secrets look alike when they are shown.
    let profiles: BTreeSet<_> = one.auth.keys().chain(other.auth.keys()).collect();
    for name in profiles {
        let key = Key::of("auth").then(name);
        let told = keys.iter().any(|known| key.covers(known) || known.covers(&key));
        if !told && one.auth.get(name) != other.auth.get(name) {
            keys.push(key);
        }
    }
    let key = Key::of("limits").then("store");
    if one.limits.store != other.limits.store && !keys.contains(&key) {
        keys.push(key);
    }
    keys
}

fn shown(config: &Config) -> Value {
    // A configuration was read from text, and can be written as such.
    serde_json::to_value(config).unwrap_or_default()
}

fn differ(at: &Key, one: &Value, other: &Value, keys: &mut Vec<Key>) {
    if one == other {
        return;
    }
    let both = match (one, other) {
        (Value::Object(one), Value::Object(other)) => Some((one.clone(), other.clone())),
        (Value::Array(one), Value::Array(other)) => by_name(one).zip(by_name(other)),
        _ => None,
    };
    let Some((one, other)) = both else { return keys.push(at.clone()) };
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let before = keys.len();
    for name in names {
        let of = |table: &Map<String, Value>| table.get(name).cloned().unwrap_or_default();
        differ(&at.then(name), &of(&one), &of(&other), keys);
    }
    if keys.len() == before {
        keys.push(at.clone()); // the order of a list
    }
}

/// The entries of a list by what they go by; none where they have no names, or two have the same.
fn by_name(entries: &[Value]) -> Option<Map<String, Value>> {
    let name = |entry: &Value| NAMED_BY.iter().find_map(|key| Some(entry.get(key)?.as_str()?.to_owned()));
    let named: Option<Map<_, _>> = entries.iter().map(|entry| Some((name(entry)?, entry.clone()))).collect();
    named.filter(|named| named.len() == entries.len() && !named.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    fn config(set: &[&str]) -> Config {
        let set = set.iter().map(ToString::to_string).collect();
        load(&Sources { set, ..Sources::default() }).unwrap().config
    }

    fn renewal(before: &[&str], after: &[&str]) -> (String, String) {
        let renewal = Renewal::new(&config(before), &config(after)).unwrap();
        let told = |keys: &[Key]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (told(&renewal.changed), told(&renewal.needs_restart))
    }

    #[test]
    fn nothing_changes_where_nothing_is_new() {
        assert_eq!(renewal(&[], &[]), (String::new(), String::new()));
    }

    #[test]
    fn what_can_be_replaced_is_told_from_what_cannot() {
        for (set, changed, needs_restart) in [
            ("log.level=debug", "log.level", ""),
            ("log.format=json", "", "log.format"),
            ("cors.origins=[\"https://a.example\"]", "cors.origins", ""),
            ("endpoint./ws.origins=[\"https://a.example\"]", "endpoint./ws.origins", ""),
            ("endpoint./ws.welcome=x", "", "endpoint./ws.welcome"),
            ("endpoint.0.path=/x", "", "endpoint./ws endpoint./x"),
            ("limits.handshakes.burst=7", "limits.handshakes.burst", ""),
            ("limits.publishes.per_room=\"5/s\"", "limits.publishes.per_room", ""),
            ("limits.class.gold.requests.burst=7", "limits.class", ""),
            ("endpoint./ws.max_sessions=7", "endpoint./ws.max_sessions", ""),
            ("limits.store=\"redis://10.0.0.1\"", "", "limits.store"),
            ("limits.message=\"1 MiB\"", "", "limits.message"),
            ("listener.main.hosts=[\"a.example\"]", "listener.main.hosts", ""),
            ("listener.main.serves=[\"endpoints\"]", "listener.main.serves", ""),
            ("listener.main.trusted_proxies=[\"10.0.0.1\"]", "listener.main.trusted_proxies", ""),
            ("listener.main.proxy_protocol=true", "", "listener.main.proxy_protocol"),
            ("listener.main.address=127.0.0.1:1", "", "listener.main.address"),
            ("room=[{prefix=\"a\", join=\"nobody\"}]", "room.", ""),
            ("shards=3", "", "shards"),
        ] {
            let (told, later) = renewal(&[], &[set]);
            assert!(told.contains(changed) && told.is_empty() == changed.is_empty(), "{set}: {told}");
            assert_eq!(later, needs_restart, "{set}");
        }
    }

    #[test]
    fn a_secret_is_told_by_its_profile_and_not_shown() {
        let secret = |text: &str| format!("auth.default.secret=\"{text}\"");
        let (one, other) =
            (secret("0123456789abcdef0123456789abcdef"), secret("fedcba9876543210fedcba9876543210"));
        assert_eq!(renewal(&[&one], &[&other]), ("auth.default".into(), String::new()));
    }

    #[test]
    fn what_is_unsafe_together_is_refused() {
        let secret = "auth.default.secret=\"0123456789abcdef0123456789abcdef\"";
        let exposed = config(&["listener.main.address=0.0.0.0:8080", "auth.default.anonymous=false", secret]);
        let open = config(&["auth.default.anonymous=true"]);
        let refused = Renewal::new(&exposed, &open).unwrap_err().to_string();
        assert!(
            refused.contains("together with what needs a restart") && refused.contains("anonymous"),
            "{refused}"
        );
    }

    #[test]
    fn a_profile_that_is_gone_stays_until_the_next_start() {
        let more = "auth.more={ secret = \"0123456789abcdef0123456789abcdef\" }";
        assert_eq!(renewal(&[], &[more]), ("auth.more".into(), String::new()));
        assert_eq!(renewal(&[more], &[]), (String::new(), "auth.more".into()));
    }
}
