//! What it costs to refuse.

use std::fs;

use serde_json::json;
use testkit::{Gateway, Refused};

use crate::issuer::token;
use crate::{claims, closed, now, start};

/// Handshakes of each kind in a go: enough for some tens of the kernel's clock ticks.
const HANDSHAKES: u32 = 800;

/// Ticks of processor time that the gateway has used.
fn ticks(gateway: &Gateway) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", gateway.pid())).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

/// The ticks that many handshakes with these headers use, one after the other.
async fn cost(gateway: &Gateway, headers: &[(&str, &str)], expected: Option<Refused>) -> u64 {
    let before = ticks(gateway);
    for _ in 0..HANDSHAKES {
        assert_eq!(gateway.try_connect("/ws", headers).await.err(), expected);
    }
    ticks(gateway) - before
}

#[tokio::test]
async fn a_refused_handshake_costs_less_than_an_accepted_one() {
    let options = || closed().set("limits.exempt=[]");
    let open = start(options().set("limits.handshakes.per_address=\"0\""));
    let limited = start(options().set("limits.handshakes={per_address=\"1/h\",burst=1}"));
    let good = format!("Bearer {}", token(&claims("ada", json!({ "exp": now(600) }))));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(43));
    let bearer = |token| [("authorization", token)];
    let (good, forged) = (good.as_str(), forged.as_str());
    assert!(limited.try_connect("/ws", &bearer(good)).await.is_ok(), "the one in an hour");

    let accepted = cost(&open, &bearer(good), None).await;
    let foreign = [("authorization", good), ("origin", "https://evil.example")];
    let refused = [
        ("no token", cost(&open, &[], Some(Refused(401))).await),
        ("a forged token", cost(&open, &bearer(forged), Some(Refused(401))).await),
        ("a foreign origin", cost(&open, &foreign, Some(Refused(403))).await),
        ("one too many", cost(&limited, &bearer(good), Some(Refused(429))).await),
    ];
    for (why, cost) in refused {
        assert!(cost < accepted, "{why}: {cost} ticks, and {accepted} for those that were let in");
    }
}
