//! Limits that contradict each other.

use super::endpoints::message_fits;
use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::limits::{Config as Limits, DryRun, Store};
use crate::limits;

/// Judges the limits.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    let (all, key) = (&config.limits, Key::of("limits"));
    let positive = [
        ("connections", all.connections, "no client could connect"),
        ("rooms_per_session", all.rooms_per_session, "no session could join a room"),
        ("calls_per_session", all.calls_per_session, "no session could call a plugin"),
        ("fragments", all.fragments, "no client could send anything"),
    ];
    for (name, limit, why) in positive {
        findings.require(limit > 0, key.then(name), &format!("must be above 0: {why}"));
    }
    backlogs(all, &key, findings);
    dry_runs(all, &key, findings);
    let patience = all.unauthenticated.timeout;
    let message = "must be above zero: nobody could show a token in time";
    findings.require(!patience.is_zero(), key.then("unauthenticated").then("timeout"), message);
    if let Store::Redis(url) = &all.store
        && let Err(error) = limits::Store::new(url.expose())
    {
        findings.error(key.then("store"), format!("{error}, nor \"local\""));
    }
    message_fits(config, all.message, &key.then("message"), findings);
    if all.connections_per_address > all.connections {
        let message = format!("never counts: limits.connections ({}) is reached first", all.connections);
        findings.warn(key.then("connections_per_address"), message);
    }
    if all.connections_per_address > 0 {
        counted_proxies(config, &key.then("connections_per_address"), findings);
    }
}

/// What all may have waiting is enough for one.
fn backlogs(all: &Limits, key: &Key, findings: &mut Findings<'_>) {
    let (one, total) = (all.backlog_per_session, all.backlog_total);
    let key = key.then("backlog_total");
    let message = "must be above 0: nothing could wait for a client that its kernel has no space for";
    findings.require(total.bytes() > 0, key.clone(), message);
    if total < one {
        let message = format!("is reached before limits.backlog_per_session ({one}), which never counts");
        findings.warn(key, message);
    }
}

/// Who connects is counted before any request says for whom.
fn counted_proxies(config: &Config, key: &Key, findings: &mut Findings<'_>) {
    let behind = config.listener.iter().filter(|one| !one.trusted_proxies.is_empty() && !one.proxy_protocol);
    for listener in behind {
        let message = format!(
            "counts the connections of each proxy that the listener {:?} trusts, not those of the clients behind it: be \
             sure that it is enough for all of them, or use `proxy_protocol`",
            listener.name
        );
        findings.warn(key.clone(), message);
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
