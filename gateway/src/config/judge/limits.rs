//! Limits that contradict each other.

use super::endpoints::message_fits;
use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::Key;

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
    message_fits(config, limits.message, &key.then("message"), findings);
    if limits.connections_per_address > limits.connections {
        let message = format!("never counts: limits.connections ({}) is reached first", limits.connections);
        findings.warn(key.then("connections_per_address"), message);
    }
}
