//! The Prometheus page, text format 0.0.4.

use std::fmt::Write;

use super::{Count, Metrics, ShardCounters};

/// What is not counted but looked at when the page is asked for.
#[derive(Debug)]
pub struct Gauges {
    /// Named rooms.
    pub rooms: usize,
    /// Sessions in them.
    pub members: usize,
    /// By shard: bytes in its mailbox.
    pub mailboxes: Vec<usize>,
}

/// The families that are a counter per shard, added up: name, help, which.
type Family = (&'static str, &'static str, fn(&ShardCounters) -> &Count);

const COUNTERS: [Family; 8] = [
    ("tidegate_sessions_opened_total", "Sessions opened.", |shard| &shard.opened),
    ("tidegate_sessions_closed_total", "Sessions closed.", |shard| &shard.closed),
    ("tidegate_events_delivered_total", "Event frames given to sessions, one per receiver.", |shard| {
        &shard.delivered
    }),
    ("tidegate_welcomes_total", "Welcomes given to sessions.", |shard| &shard.welcomes),
    ("tidegate_frames_received_total", "Data frames received from clients.", |shard| &shard.received),
    ("tidegate_sent_bytes_total", "Bytes of frames given to sessions.", |shard| &shard.bytes_out),
    ("tidegate_send_errors_total", "Connections on which writing failed.", |shard| &shard.send_errors),
    ("tidegate_slow_closes_total", "Sessions closed because their backlog was full.", |shard| {
        &shard.slow_closes
    }),
];

/// The whole page.
pub fn write(metrics: &Metrics, gauges: &Gauges) -> String {
    let mut page = Page(String::with_capacity(4096));
    for (name, help, counter) in COUNTERS {
        page.family(name, help, "counter");
        page.sample(name, &[], metrics.sum(counter) as f64);
    }
    let name = "tidegate_events_published_total";
    page.family(name, "Events published, by type.", "counter");
    for (kind, count) in metrics.published_by_type() {
        page.sample(name, &[("event_type", &kind)], count as f64);
    }
    page.gauge("tidegate_sessions", "Sessions open.", {
        let closed = metrics.sum(|shard| &shard.closed);
        metrics.sum(|shard| &shard.opened).saturating_sub(closed) as f64
    });
    page.gauge("tidegate_rooms", "Named rooms with members or history.", gauges.rooms as f64);
    page.gauge("tidegate_members", "Sessions in named rooms.", gauges.members as f64);
    let name = "tidegate_mailbox_bytes";
    page.family(name, "Bytes of events that wait for a shard or are being sent.", "gauge");
    for (shard, bytes) in gauges.mailboxes.iter().enumerate() {
        page.sample(name, &[("shard", &shard.to_string())], *bytes as f64);
    }
    page.http(metrics);
    page.process();
    page.0
}

/// A label's value as it stands between quotes.
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

struct Page(String);

// Writing to memory does not fail.
impl Page {
    fn family(&mut self, name: &str, help: &str, kind: &str) {
        let _infallible = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, "gauge");
        self.sample(name, &[], value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = escaped(text);
            let _infallible = write!(self.0, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' });
        }
        let _infallible = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, "counter");
        self.sample(name, &[], value as f64);
    }

    fn http(&mut self, metrics: &Metrics) {
        let connections = &metrics.connections;
        let (opened, closed) = (connections.opened.get(), connections.closed.get());
        self.gauge("tidegate_connections", "TCP connections open.", opened.saturating_sub(closed) as f64);
        self.counter("tidegate_connections_opened_total", "TCP connections accepted.", opened);
        self.counter("tidegate_connections_closed_total", "TCP connections ended.", closed);
        let name = "tidegate_connections_refused_total";
        self.family(name, "TCP connections closed at once, by the limit that was reached.", "counter");
        self.sample(name, &[("limit", "connections")], connections.refused_all.get() as f64);
        self.sample(name, &[("limit", "connections_per_address")], connections.refused_address.get() as f64);
        let help = "Errors of accept(2), as for want of file descriptors.";
        self.counter("tidegate_accept_errors_total", help, connections.accept_errors.get());
        let name = "tidegate_http_answers_total";
        self.family(name, "Answers to HTTP requests, upgrades (1xx) included.", "counter");
        for (class, count) in metrics.answers.by_class() {
            self.sample(name, &[("class", class)], count as f64);
        }
        let name = "tidegate_http_refused_total";
        self.family(name, "HTTP requests refused before they were routed.", "counter");
        self.sample(name, &[("reason", "malformed")], metrics.answers.malformed.get() as f64);
        self.sample(name, &[("reason", "origin")], metrics.answers.origins.get() as f64);
        let name = "tidegate_auth_failures_total";
        self.family(name, "Requests and sessions whose token or key did not hold, by the reason.", "counter");
        for (reason, count) in metrics.refusals.all() {
            self.sample(name, &[("reason", reason)], count as f64);
        }
        self.counter(
            "tidegate_http_panics_total",
            "HTTP handlers that panicked.",
            metrics.answers.panics.get(),
        );
    }

    /// What the kernel says of the process.
    fn process(&mut self) {
        let page_size = rustix::param::page_size() as f64;
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        if let Some(pages) = word("/proc/self/statm", 1) {
            self.gauge("process_resident_memory_bytes", "Resident memory.", pages * page_size);
        }
        // Behind the command's name, which may hold spaces: user and system time are fields 14 and 15.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let times: Option<f64> = stat.rsplit_once(')').and_then(|(_, rest)| {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
        });
        if let Some(times) = times {
            let name = "process_cpu_seconds_total";
            self.family(name, "User and system time.", "counter");
            self.sample(name, &[], times / ticks);
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            self.gauge("process_open_fds", "Open file descriptors.", open.count() as f64);
        }
    }
}

fn word(path: &str, index: usize) -> Option<f64> {
    std::fs::read_to_string(path).ok()?.split_whitespace().nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::EventType;

    #[test]
    fn each_family_is_described_before_its_samples() {
        let metrics = Metrics::new(2);
        metrics.shard(0).delivered.add(2);
        metrics.shard(1).delivered.add(3);
        metrics.published(&EventType { number: 1, name: "a\"b".into() }, true);
        metrics.connections.opened.add(3);
        metrics.answers.count(101);
        let text = write(&metrics, &Gauges { rooms: 1, members: 2, mailboxes: vec![0, 7] });
        assert!(
            text.contains(
                "# TYPE tidegate_events_delivered_total counter\ntidegate_events_delivered_total 5\n"
            )
        );
        assert!(text.contains("tidegate_events_published_total{event_type=\"a\\\"b\"} 1\n"));
        assert!(text.contains("tidegate_mailbox_bytes{shard=\"1\"} 7\n"));
        assert!(text.contains("tidegate_connections 3\n"));
        assert!(text.contains("tidegate_http_answers_total{class=\"1xx\"} 1\n"));
        assert!(text.contains("process_cpu_seconds_total "));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
        }
    }
}
