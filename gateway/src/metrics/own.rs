//! The families of what the gateway itself counts, but for plugins.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::family::{Distribution, Family, Kind};
use super::shard::{FrameCounts, Slow};
use super::{Count, Histogram, Metrics, ShardCounters, SlowCounts, process};

/// What is not counted but looked at when somebody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Named rooms with members or history.
    pub rooms: usize,
    /// Sessions in them.
    pub members: usize,
    /// Events in their histories.
    pub history: usize,
    /// Bytes of them in memory.
    pub history_bytes: usize,
    /// How the log of durable rooms is, where there is one.
    pub log: Option<Log>,
    /// Bytes of events in their caches.
    pub cached: usize,
    /// By shard: bytes in its mailbox.
    pub mailboxes: Vec<usize>,
}

/// The log of durable rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Its files.
    pub segments: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Of them, of records that are needed.
    pub live: u64,
    /// Bytes of events that wait to be written.
    pub waiting: usize,
    /// Whether it can be written.
    pub writable: bool,
    /// Events that were written.
    pub events: u64,
    /// Groups of them, each written at once.
    pub groups: u64,
    /// How often it was synced to the disk.
    pub syncs: u64,
}

/// All of them.
pub fn families(metrics: &Metrics, gauges: &Gauges) -> Vec<Family> {
    let mut all = connections(metrics);
    all.extend(metrics.tls.families());
    all.extend(http(metrics));
    all.extend(sessions(metrics));
    all.extend(metrics.compression.families());
    all.push(metrics.encodings.family());
    all.extend(rooms(gauges));
    all.extend(gauges.log.iter().flat_map(log));
    all.extend(events(metrics));
    all.extend(traffic(metrics));
    all.extend(slow(metrics));
    all.extend(fan_out(metrics));
    all.extend(shards(metrics, gauges));
    all.extend(process::families());
    all
}

fn connections(metrics: &Metrics) -> Vec<Family> {
    let connections = &metrics.connections;
    let (opened, closed) = (connections.opened.get(), connections.closed.sum());
    let mut by_reason = Family::new(
        Kind::Counter,
        "tidegate_connections_closed",
        "TCP connections ended, by what ended them.",
    );
    connections
        .closed
        .all()
        .for_each(|(reason, count)| by_reason.push([("reason", reason.into())], count as f64));
    let refused = "TCP connections closed at once, by the limit that was reached.";
    vec![
        Family::gauge("tidegate_connections", "TCP connections open.", opened.saturating_sub(closed) as f64),
        Family::counter("tidegate_connections_opened", "TCP connections accepted.", opened),
        by_reason,
        Family::new(Kind::Counter, "tidegate_connections_refused", refused)
            .with([("limit", "connections".into())], connections.refused_all.get() as f64)
            .with([("limit", "connections_per_address".into())], connections.refused_address.get() as f64)
            .with([("limit", "trusted_proxies".into())], connections.refused_stranger.get() as f64),
        Family::counter(
            "tidegate_accept_errors",
            "Errors of accept(2), as for want of file descriptors.",
            connections.accept_errors.get(),
        ),
    ]
}

fn http(metrics: &Metrics) -> Vec<Family> {
    let answers = &metrics.answers;
    let mut by_class = Family::new(
        Kind::Counter,
        "tidegate_http_answers",
        "Answers to HTTP requests, upgrades (1xx) included.",
    );
    answers.by_class().for_each(|(class, count)| by_class.push([("class", class.into())], count as f64));
    let mut handshakes = Family::new(
        Kind::Counter,
        "tidegate_handshake_failures",
        "Requests for a session that were refused, by reason.",
    );
    metrics
        .handshakes
        .all()
        .for_each(|(reason, count)| handshakes.push([("reason", reason.into())], count as f64));
    let auth = "Requests and sessions refused for want of rights: nobody known asks (unauthenticated), or one who may not \
                (forbidden), or the token or key does not hold, by why.";
    let mut refused = Family::new(Kind::Counter, "tidegate_auth_failures", auth)
        .with([("reason", "unauthenticated".into())], answers.unauthenticated.get() as f64)
        .with([("reason", "forbidden".into())], answers.forbidden.get() as f64);
    metrics
        .refusals
        .all()
        .for_each(|(reason, count)| refused.push([("reason", reason.into())], count as f64));
    let known = "Requests of principals that are known, by how: a token, an API key, a certificate, or a profile that asks \
                 for nothing (anonymous).";
    let mut proofs = Family::new(Kind::Counter, "tidegate_authenticated_requests", known);
    metrics.proofs.all().for_each(|(proof, count)| proofs.push([("proof", proof.into())], count as f64));
    let mut limited = Family::new(
        Kind::Counter,
        "tidegate_limit_refusals",
        "What limits have refused, by limit; in a dry run, what they would have.",
    );
    metrics
        .limited
        .all()
        .for_each(|(limiter, count)| limited.push([("limiter", limiter.into())], count as f64));
    let store = metrics.limit_store.get().map(|up| {
        Family::new(
            Kind::Gauge,
            "tidegate_limit_store_up",
            "Whether limits are counted together with other nodes; 0: by this node for itself.",
        )
        .with([], f64::from(u8::from(up)))
    });
    let all = vec![
        by_class,
        Family::new(Kind::Counter, "tidegate_http_refused", "HTTP requests refused before they were routed.")
            .with([("reason", "malformed".into())], answers.malformed.get() as f64)
            .with([("reason", "origin".into())], answers.origins.get() as f64),
        Family::counter("tidegate_http_panics", "HTTP handlers that panicked.", answers.panics.get()),
        handshakes,
        Family::new(Kind::Counter, "tidegate_audit_lines", "Lines of the audit log, by what became of them.")
            .with([("result", "written".into())], metrics.audit.written.get() as f64)
            .with([("result", "dropped".into())], metrics.audit.dropped.get() as f64),
        proofs,
        refused,
        limited,
    ];
    all.into_iter().chain(store).chain(metrics.bus.families()).collect()
}

fn sessions(metrics: &Metrics) -> Vec<Family> {
    let by = |of: fn(&ShardCounters) -> &super::ByLabel| {
        let mut all: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (label, count) in metrics.shards().flat_map(|shard| of(shard).all()) {
            *all.entry(label).or_default() += count;
        }
        all
    };
    // Before those that have opened, so that no dialect has fewer than none.
    let closed = by(|shard| &shard.closed);
    let mut open = Family::new(Kind::Gauge, "tidegate_sessions", "Sessions open, by dialect.");
    let mut opened = Family::new(Kind::Counter, "tidegate_sessions_opened", "Sessions opened, by dialect.");
    for (dialect, count) in by(|shard| &shard.opened) {
        let gone = closed.get(dialect).copied().unwrap_or(0);
        open.push([("dialect", dialect.into())], count.saturating_sub(gone) as f64);
        opened.push([("dialect", dialect.into())], count as f64);
    }
    let mut endings = Family::new(Kind::Counter, "tidegate_sessions_closed", "Sessions closed, by reason.");
    by(|shard| &shard.endings)
        .into_iter()
        .for_each(|(reason, count)| endings.push([("reason", reason.into())], count as f64));
    vec![open, opened, endings]
}

fn rooms(gauges: &Gauges) -> Vec<Family> {
    vec![
        Family::gauge("tidegate_rooms", "Named rooms with members or history.", gauges.rooms as f64),
        Family::gauge("tidegate_members", "Sessions in named rooms.", gauges.members as f64),
        Family::gauge("tidegate_history_events", "Events kept in histories.", gauges.history as f64),
        Family::gauge(
            "tidegate_history_memory_bytes",
            "What histories hold in memory; hub.history bounds it.",
            gauges.history_bytes as f64,
        ),
        Family::gauge("tidegate_cache_bytes", "Events that rooms show who joins.", gauges.cached as f64),
    ]
}

fn log(log: &Log) -> Vec<Family> {
    let gauge = |name: &'static str, help, value| Family::gauge(name, help, value);
    vec![
        gauge("tidegate_log_segments", "Files of the log of durable rooms.", log.segments as f64),
        gauge("tidegate_log_bytes", "Bytes in them.", log.bytes as f64),
        gauge("tidegate_log_live_bytes", "Bytes of records in them that are needed.", log.live as f64),
        gauge(
            "tidegate_log_waiting_bytes",
            "Bytes of events that wait to be written there.",
            log.waiting as f64,
        ),
        gauge(
            "tidegate_log_writable",
            "Whether it can be written: 1, or 0.",
            f64::from(u8::from(log.writable)),
        ),
        Family::counter("tidegate_log_events", "Events written there.", log.events),
        Family::counter("tidegate_log_groups", "Groups of events, each written at once.", log.groups),
        Family::counter("tidegate_log_syncs", "Times that it was synced to the disk.", log.syncs),
    ]
}

/// By type and class of room.
fn events(metrics: &Metrics) -> Vec<Family> {
    let named = |name: &'static str, help| Family::new(Kind::Counter, name, help);
    let mut published =
        named("tidegate_events_published", "Events published, one for each room that one went to.");
    let mut appended = named("tidegate_history_appends", "Events published to rooms that keep history.");
    for class in metrics.classes() {
        let mut all = 0;
        for (kind, count) in class.published() {
            all += count;
            published.push(labels(kind, class.label()), count as f64);
        }
        if class.keeps {
            appended.push([("room_class", Arc::clone(class.label()))], all as f64);
        }
    }
    let given = "Event frames given to sessions, one per receiver, and again where catch_up reads them anew.";
    let thrown = "Event frames thrown away, as their sessions' backlogs were full; each may have been counted as delivered.";
    vec![
        published,
        frames(metrics, named("tidegate_events_delivered", given), |frames| frames.delivered.get()),
        frames(metrics, named("tidegate_events_dropped", thrown), |frames| frames.dropped.get()),
        Family::counter(
            "tidegate_publishes_busy",
            "Publishes refused, as a mailbox was full.",
            metrics.busy.get(),
        ),
        appended,
        Family::new(
            Kind::Counter,
            "tidegate_recoveries",
            "Joins since a cursor: all was there (hit) or not (miss).",
        )
        .with([("result", "hit".into())], metrics.sum(|shard| shard.recovered.get()) as f64)
        .with([("result", "miss".into())], metrics.sum(|shard| shard.lost.get()) as f64),
        Family::counter(
            "tidegate_criteria_evaluations",
            "Criteria evaluated for an event: on each shard one per distinct criterion and event.",
            metrics.sum(|shard| shard.criteria_evaluated.get()),
        ),
        Family::counter(
            "tidegate_criteria_reads",
            "Events whose data were read for criteria: on each shard once for all of them.",
            metrics.sum(|shard| shard.criteria_read.get()),
        ),
    ]
}

fn labels(kind: &Arc<str>, class: &Arc<str>) -> [(&'static str, Arc<str>); 2] {
    [("event_type", Arc::clone(kind)), ("room_class", Arc::clone(class))]
}

/// Adds up the shards' tables of types.
fn frames(metrics: &Metrics, mut family: Family, of: impl Fn(&FrameCounts) -> u64) -> Family {
    for (number, class) in metrics.classes().iter().enumerate() {
        let mut by_type: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
        let shards = metrics.shards().filter_map(|shard| shard.classes().get(number));
        for (kind, frames) in shards.flat_map(|class| class.all()) {
            *by_type.entry(kind).or_default() += of(frames);
        }
        for (kind, count) in by_type {
            family.push(labels(kind, class.label()), count as f64);
        }
    }
    family
}

/// A counter per shard, added up: name, help, which.
type Summed = (&'static str, &'static str, fn(&ShardCounters) -> u64);

const TRAFFIC: [Summed; 6] = [
    ("tidegate_welcomes", "Welcomes given to sessions.", |shard| shard.welcomes.get()),
    ("tidegate_frames_received", "Data frames received from clients, bad ones too.", |shard| {
        shard.received.get()
    }),
    ("tidegate_received_bytes", "Bytes of the payloads of data frames received.", |shard| {
        shard.bytes_in.get()
    }),
    ("tidegate_sent_bytes", "Bytes of frames given to sessions.", |shard| shard.bytes_out.get()),
    ("tidegate_send_errors", "Sessions on whose connection writing failed.", |shard| shard.send_errors.get()),
    ("tidegate_slow_closes", "Sessions closed because their backlog was full.", |shard| {
        shard.slow_closes.get()
    }),
];

type Bound = fn(&Slow) -> &SlowCounts;
const SLOW_BOUNDS: [(&str, Bound); 2] = [("session", |slow| &slow.session), ("node", |slow| &slow.node)];
type Policy = fn(&SlowCounts) -> &Count;
const SLOW_POLICIES: [(&str, Policy); 4] = [
    ("disconnect", |counts| &counts.closes),
    ("drop_oldest", |counts| &counts.drops),
    ("latest", |counts| &counts.latest),
    ("catch_up", |counts| &counts.catches_up),
];

/// Who is slow, and what was done about it.
fn slow(metrics: &Metrics) -> Vec<Family> {
    let sum = |of: fn(&ShardCounters) -> u64| metrics.sum(of) as f64;
    let help = "Times that too much waited for a session, for its own bound or the node's, by what was done.";
    let gaps =
        "Gap events told, as events were dropped (slow) or a history has overtaken its reader (history).";
    let mut decisions = Family::new(Kind::Counter, "tidegate_slow_decisions", help);
    for (bound, of) in SLOW_BOUNDS {
        for (policy, count) in SLOW_POLICIES {
            let sum = metrics.sum(|shard| count(of(&shard.slow)).get());
            decisions = decisions.with([("bound", bound.into()), ("policy", policy.into())], sum as f64);
        }
    }
    vec![
        decisions,
        Family::new(Kind::Counter, "tidegate_gaps", gaps)
            .with([("cause", "slow".into())], sum(|shard| shard.gaps_dropped.get()))
            .with([("cause", "history".into())], sum(|shard| shard.gaps_overtaken.get())),
        Family::gauge(
            "tidegate_slow_sessions",
            "Sessions for which something waits.",
            sum(|shard| shard.slow_sessions.get()),
        ),
        Family::gauge(
            "tidegate_backlog_held_bytes",
            "Memory that waits for slow sessions, what several wait for once; limits.backlog_total bounds it.",
            metrics.backlog_held.get() as f64,
        ),
    ]
}

fn traffic(metrics: &Metrics) -> Vec<Family> {
    let level = |name, help, of: fn(&ShardCounters) -> u64| Family::gauge(name, help, metrics.sum(of) as f64);
    let waiting = "Frames, events and replies, that wait for slow sockets.";
    let counters = TRAFFIC.iter().map(|(name, help, of)| Family::counter(name, help, metrics.sum(of)));
    let gauges = [
        level("tidegate_backlog_frames", waiting, |shard| shard.backlog_frames.get()),
        level("tidegate_backlog_bytes", "Bytes of the frames that wait for slow sockets.", |shard| {
            shard.backlog_bytes.get()
        }),
    ];
    counters.chain(gauges).collect()
}

fn fan_out(metrics: &Metrics) -> Vec<Family> {
    let merged = |of: fn(&ShardCounters) -> &Histogram| {
        let mut all = Distribution::default();
        metrics.shards().for_each(|shard| all.merge(of(shard).distribution()));
        all
    };
    let help = "From an event's place in its room to the socket or backlog of a shard's last member, by event and shard.";
    let mut latency = Family::new(Kind::Histogram, "tidegate_publish_to_socket_seconds", help);
    for (number, class) in metrics.classes().iter().enumerate() {
        let mut all = Distribution::default();
        let shards = metrics.shards().filter_map(|shard| shard.classes().get(number));
        shards.for_each(|class| all.merge(class.latency.distribution()));
        latency.observe([("room_class", Arc::clone(class.label()))], all);
    }
    let mut time = Family::new(
        Kind::Histogram,
        "tidegate_fan_out_seconds",
        "A walk of one shard through a room's members, with up to 64 events.",
    );
    time.observe([], merged(|shard| &shard.walk_time));
    let mut size = Family::new(
        Kind::Histogram,
        "tidegate_fan_out_sessions",
        "Sessions that a walk has given frames to.",
    );
    size.observe([], merged(|shard| &shard.walk_size));
    vec![latency, time, size]
}

fn shards(metrics: &Metrics, gauges: &Gauges) -> Vec<Family> {
    let shard = |number: usize| -> [(&'static str, Arc<str>); 1] { [("shard", number.to_string().into())] };
    let mut mailboxes = Family::new(
        Kind::Gauge,
        "tidegate_mailbox_bytes",
        "Bytes of events that wait for a shard or are being sent.",
    );
    for (number, bytes) in gauges.mailboxes.iter().enumerate() {
        mailboxes.push(shard(number), *bytes as f64);
    }
    let help = "How late a shard's loop comes to its clock, which ticks four times a second.";
    let mut lag = Family::new(Kind::Histogram, "tidegate_loop_lag_seconds", help);
    for (number, counters) in metrics.shards().enumerate() {
        lag.observe(shard(number), counters.lag.distribution());
    }
    vec![mailboxes, lag]
}

#[cfg(test)]
mod tests {
    use super::super::page::{Format, write};
    use super::*;
    use crate::frame::EventType;

    #[test]
    fn what_shards_count_is_added_up_by_type_and_class() {
        let metrics = Metrics::new(2);
        metrics.set_classes([(String::new(), false), ("news:".to_owned(), true)]);
        let kind = EventType { number: 1, name: "a".into() };
        for (index, count) in [(0, 2), (1, 3)] {
            let class = metrics.shard(index).class(1);
            class.of(&kind).delivered.add(count);
            class.latency.observe(1);
            metrics.shard(index).opened.count("rooms");
            metrics.shard(index).dropped(1, 1);
        }
        metrics.shard(1).closed.count("rooms");
        metrics.shard(1).endings.count("client");
        metrics.published(&kind, 1);
        let gauges = Gauges { rooms: 1, mailboxes: vec![0, 7], ..Gauges::default() };
        let page = write(&families(&metrics, &gauges), Format::Text);
        for line in [
            "tidegate_events_published_total{event_type=\"a\",room_class=\"news:*\"} 1",
            "tidegate_events_delivered_total{event_type=\"a\",room_class=\"news:*\"} 5",
            "tidegate_events_dropped_total{event_type=\"a\",room_class=\"news:*\"} 2",
            "tidegate_history_appends_total{room_class=\"news:*\"} 1",
            "tidegate_publish_to_socket_seconds_count{room_class=\"*\"} 0",
            "tidegate_publish_to_socket_seconds_count{room_class=\"news:*\"} 2",
            "tidegate_sessions{dialect=\"rooms\"} 1",
            "tidegate_sessions_opened_total{dialect=\"rooms\"} 2",
            "tidegate_sessions_closed_total{reason=\"client\"} 1",
            "tidegate_mailbox_bytes{shard=\"1\"} 7",
            "tidegate_rooms 1",
        ] {
            assert!(page.contains(&format!("{line}\n")), "{line} is not in\n{page}");
        }
        assert_eq!(metrics.delivered(), 5);
    }
}
