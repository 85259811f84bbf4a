//! Names that settings may give to events and calls.

/// Bytes of an event's type at most, as the gateway has it.
const LONGEST_TYPE: usize = 100;

/// Events that the gateway itself tells sessions of: one of a rule's would be taken for it. `alert_triggered` is for anybody to publish.
const OWN: [&str; 10] = [
    "connected",
    "disconnected",
    "error",
    "gap",
    "health_changed",
    "metrics_updated",
    "member_joined",
    "member_left",
    "members_changed",
    "plugin_changed",
];

/// Why events cannot have that type, if so.
pub(crate) fn refuse_type(kind: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':');
    if kind.is_empty() || kind.len() > LONGEST_TYPE || !kind.chars().all(plain) {
        return Some(format!("1 to {LONGEST_TYPE} letters, digits, '_', '.', '-' and ':'"));
    }
    let is_own = OWN.contains(&kind);
    is_own
        .then(|| format!("'{kind}' is an event of the gateway's own: give it another name, as 'row_{kind}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_names_that_the_gateway_takes_and_does_not_use_itself() {
        for name in ["order_moved", "agent.status-changed:2", "alert_triggered"] {
            assert_eq!(refuse_type(name), None);
        }
        for name in ["", "a b", "é", &"x".repeat(101)] {
            assert!(refuse_type(name).unwrap().starts_with("1 to 100 letters"), "{name}");
        }
        assert!(refuse_type("connected").unwrap().contains("of the gateway's own"));
    }
}
