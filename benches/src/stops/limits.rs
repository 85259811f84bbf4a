//! What a client's doings are held to: one that passes, as nearly all do, and one that is refused.

use std::hint::black_box;
use std::net::IpAddr;

use criterion::Throughput;
use tidegate::identity::Principal;
use tidegate::limits::{Asking, Class, Limits, Own, Publication, Publishes, Rule, Settings, Window};
use tidegate::metrics::Metrics;

use crate::{PAYLOAD, Round, Stop, TYPE};

/// So many that no bench uses them up, and for so long that none is forgotten in between: each round is as the others.
const ENOUGH: &str = "4000000000/day";
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

pub(super) fn stops() -> Vec<Stop> {
    vec![handshake(), frame(), request("request", ENOUGH), request("request refused", "1/day"), publish()]
}

fn rule(rate: &str) -> Option<Rule> {
    Rule::new(rate.parse().unwrap(), 0, Window::Sliding, false)
}

fn stop(name: &str, settings: fn() -> Settings, ready: impl FnOnce(Limits) -> Round + 'static) -> Stop {
    Stop::new("limits", name, Throughput::Elements(1), move || {
        ready(Limits::new(settings(), &Metrics::new(1)))
    })
}

/// By its address: a look into a table that all shards share.
fn handshake() -> Stop {
    let settings = || Settings { handshakes_per_address: rule(ENOUGH), ..Settings::default() };
    stop("handshake", settings, |limits| {
        Round::new(move || assert!(limits.handshake(black_box(ADDRESS)).unwrap().passes()))
    })
}

/// Of any kind, by the session's own meter.
fn frame() -> Stop {
    let settings = || Settings { frames_per_session: rule(ENOUGH), ..Settings::default() };
    stop("frame", settings, |limits| {
        let mut own = Own::default();
        Round::new(move || assert!(limits.frames(&mut own, black_box(1))))
    })
}

/// By the session's own meter.
fn request(name: &str, rate: &'static str) -> Stop {
    Stop::new("limits", name, Throughput::Elements(1), move || {
        let usual = Class { requests_per_session: rule(rate), ..Class::default() };
        let limits = Limits::new(Settings { usual, ..Settings::default() }, &Metrics::new(1));
        let (mut own, principal) = (Own::default(), Principal::default());
        let bytes = PAYLOAD as u32;
        let mut ask =
            move || limits.ask(&mut own, Asking { principal: &principal, bytes: black_box(bytes) }).is_ok();
        assert!(ask(), "the first always passes");
        Round::new(move || {
            black_box(ask());
        })
    })
}

/// By its room and its type.
fn publish() -> Stop {
    let settings = || Settings {
        publishes: Publishes { per_room: rule(ENOUGH), per_type: rule(ENOUGH), ..Publishes::default() },
        ..Settings::default()
    };
    stop("publish", settings, |limits| {
        Round::new(move || {
            let publication = Publication { rooms: &["room"], event_type: TYPE, key: None, bytes: PAYLOAD };
            assert!(limits.publish(black_box(publication)).is_ok());
        })
    })
}
