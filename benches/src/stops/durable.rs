//! Publishing to a durable room, as a publisher sees it: until the receipt of the last event is there.

use std::sync::Arc;
use std::time::Duration;

use criterion::Throughput;
use tidegate::frame::Forms;
use tidegate::history::Keep;
use tidegate::history::log::{Fsync, Settings};
use tidegate::hub::{Config, Hub, Rule, Rules, open_log};
use tidegate::metrics::Metrics;

use crate::{Round, Stop, event};

/// Events that are on their way at one time.
const WAITING: usize = 4096;
/// Events that the room keeps.
const KEPT: usize = 1000;

pub(super) fn stops() -> Vec<Stop> {
    let kinds = [("os", Fsync::Os), ("interval", Fsync::Interval), ("always", Fsync::Always)];
    kinds.into_iter().map(|(name, fsync)| publish(name, fsync)).collect()
}

/// Order, write, commit and deliver, each throwing out the oldest. How often it is synced depends on the disk.
fn publish(name: &str, fsync: Fsync) -> Stop {
    let name = format!("{WAITING} to the log, {name}");
    let stop = Stop::new("publish", name, Throughput::Elements(WAITING as u64), move || {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep { size: KEPT, ttl: Duration::ZERO };
        let rules = Rules::new([Rule { keep, durable: Some(fsync), ..Rule::default() }]);
        let config = Config { shards: 1, mailbox: 64 << 20, rooms_per_session: 1 };
        let (opened, found) = open_log(Settings::new(folder.path())).unwrap();
        let hub = Hub::new(config, rules, Forms::default(), Metrics::new(1)).with_log(opened, found).unwrap();
        let (hub, runtime) = (Arc::new(hub), tokio::runtime::Builder::new_current_thread().build().unwrap());
        let event = event(&hub);
        Round::new(move || {
            let _kept = &folder;
            let mut last = None;
            for _ in 0..WAITING {
                last = Some(hub.publish(&["room"], &event).unwrap());
            }
            runtime.block_on(last.unwrap().committed()).unwrap();
        })
    });
    stop.uncounted()
}
