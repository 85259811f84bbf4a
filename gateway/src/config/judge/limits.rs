//! Limits that contradict each other.

use super::endpoints::message_fits;
use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::limits::{Config as Limits, DryRun, Store};

/// Judges the limits.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    let (limits, key) = (&config.limits, Key::of("limits"));
    let positive = [
        ("connections", limits.connections, "no client could connect"),
        ("rooms_per_session", limits.rooms_per_session, "no session could join a room"),
        ("calls_per_session", limits.calls_per_session, "no session could call a plugin"),
        ("fragments", limits.fragments, "no client could send anything"),
    ];
    for (name, limit, why) in positive {
        findings.require(limit > 0, key.then(name), &format!("must be above 0: {why}"));
    }
    dry_runs(limits, &key, findings);
    if let Store::Redis(url) = &limits.store {
        let url = url.expose();
        let readable = url.starts_with("redis://") && redis::Client::open(url).is_ok();
        let message = "expected \"local\", or a URL such as \"redis://127.0.0.1:6379/0\" (without TLS)";
        findings.require(readable, key.then("store"), message);
    }
    message_fits(config, limits.message, &key.then("message"), findings);
    if limits.connections_per_address > limits.connections {
        let message = format!("never counts: limits.connections ({}) is reached first", limits.connections);
        findings.warn(key.then("connections_per_address"), message);
    }
}

/// A limit that is named to only count is one of its table.
fn dry_runs(limits: &Limits, key: &Key, findings: &mut Findings<'_>) {
    let tables: [(&str, &DryRun, &[&str]); 6] = [
        ("handshakes", &limits.handshakes.dry_run, &["per_address", "per_subnet"]),
        ("requests", &limits.requests.dry_run, &["per_session", "per_address", "per_user"]),
        ("bytes", &limits.bytes.dry_run, &["per_session", "per_user", "per_room", "per_type"]),
        ("publishes", &limits.publishes.dry_run, &["per_room", "per_type", "per_key"]),
        ("frames", &limits.frames.dry_run, &["per_session"]),
        ("refusals", &limits.refusals.dry_run, &["per_session"]),
    ];
    for (table, dry_run, known) in tables {
        let DryRun::Named(names) = dry_run else { continue };
        let key = key.then(table).then("dry_run");
        for (i, name) in names.iter().enumerate() {
            let message = format!("{name:?} is none of {}", known.join(", "));
            findings.require(known.contains(&name.as_str()), key.at(i), &message);
        }
    }
}
