//! Figures of the host and of the gateway, for templates: `{host.cpu}`.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tidegate_plugin::Host;
use tokio::time::Instant;

use super::Usage;

/// The figures that there are.
pub(super) const NAMES: [&str; 9] = [
    "now",
    "host.cpu",
    "host.memory",
    "host.storage",
    "host.load",
    "gateway.sessions",
    "gateway.users",
    "gateway.peak_sessions",
    "gateway.peak_users",
];
/// The processors' use is of at least this time.
const SPAN: Duration = Duration::from_millis(500);

/// What is needed to tell how busy the processors are: how busy they were before.
#[derive(Debug)]
pub(super) struct Figures {
    before: Cell<(Instant, Processors)>,
    cpu: Cell<Option<f64>>,
}

/// The processors' time since the start of the machine, in ticks.
#[derive(Debug, Clone, Copy, Default)]
struct Processors {
    idle: u64,
    all: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self { before: Cell::new((Instant::now(), processors())), cpu: Cell::default() }
    }
}

impl Figures {
    /// The figures as they are now. What the host does not tell is null.
    pub(super) fn now(&self, host: &Host, usage: &Usage) -> impl Iterator<Item = (String, Value)> {
        let now =
            SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(host.clock().now_ms()).unwrap_or(0));
        let percent = |share: Option<f64>| share.map(|share| (share * 1000.0).round() / 10.0).into();
        let values: [Value; 9] = [
            humantime::format_rfc3339_millis(now).to_string().into(),
            percent(self.cpu()),
            percent(memory()),
            percent(storage()),
            load().into(),
            usage.sessions().into(),
            usage.users().into(),
            usage.peak_sessions().into(),
            usage.peak_users().into(),
        ];
        NAMES.map(str::to_owned).into_iter().zip(values)
    }

    /// How busy the processors were since this was asked last: 0 to 1.
    fn cpu(&self) -> Option<f64> {
        let ((at, before), now) = (self.before.get(), processors());
        let all = now.all.saturating_sub(before.all);
        if all > 0 && (at.elapsed() >= SPAN || self.cpu.get().is_none()) {
            let idle = now.idle.saturating_sub(before.idle);
            self.cpu.set(Some((1.0 - idle as f64 / all as f64).clamp(0.0, 1.0)));
            self.before.set((Instant::now(), now));
        }
        self.cpu.get()
    }
}

fn processors() -> Processors {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guests are part of user.
    let idle = ticks.iter().skip(3).take(2).sum();
    Processors { idle, all: ticks.iter().take(8).sum() }
}

/// The share of the memory that is used.
fn memory() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    Some(1.0 - of("MemAvailable:")? / of("MemTotal:")?)
}

/// The share of the disk that is used, where the gateway runs.
fn storage() -> Option<f64> {
    let disk = rustix::fs::statvfs(".").ok()?;
    let used = disk.f_blocks.saturating_sub(disk.f_bfree) as f64;
    // As `df` counts: of what is not reserved.
    let all = used + disk.f_bavail as f64;
    (all > 0.0).then(|| used / all)
}

/// How many wait for a processor, or run, over the last minute.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_tells_shares_between_nothing_and_all() {
        let figures = Figures::default();
        let busy = std::iter::repeat_with(|| figures.cpu()).find_map(|cpu| cpu).unwrap();
        for share in [busy, memory().unwrap(), storage().unwrap()] {
            assert!((0.0..=1.0).contains(&share), "{share}");
        }
        assert!(load().unwrap() >= 0.0);
    }
}
