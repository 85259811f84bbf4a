//! What the host counts of the plugins.

use std::sync::Arc;

use super::Plugins;
use super::queue::Task;
use super::refused::REASONS;
use super::shared::State;
use crate::metrics::{Family, Histogram, Kind, TIMES, Total};
use crate::web::{PluginAdmin, PluginInfo};

/// Hooks whose time is measured, each on its own.
const HOOKS: [&str; 10] =
    ["http", "call", "health", "cancelled", "event", "gap", "committed", "resume", "release", "session"];

/// Counted of one plugin over all its instances, so that nothing goes back when it is started again.
pub(super) struct Tally {
    /// Panics of its hooks.
    pub(super) panics: Total,
    /// Requests that it did not take, or not answer in time.
    pub(super) failures: Total,
    /// Instances that were left where they are.
    pub(super) left: Total,
    /// Sessions and joins that it watches and was not told of, as its queue was full.
    pub(super) unwatched: Total,
    /// By hook, nanoseconds of each call; of `release`, of those that go together. Many writers: the thread of
    /// an instance that was given up may still run.
    hooks: [Histogram<Total>; HOOKS.len()],
}

impl Default for Tally {
    fn default() -> Self {
        let hooks = std::array::from_fn(|_| Histogram::new(&TIMES));
        let (panics, failures) = (Total::default(), Total::default());
        Self { panics, failures, left: Total::default(), unwatched: Total::default(), hooks }
    }
}

impl Tally {
    /// The histogram of the hook that a task leads to; none where it leads to none.
    pub(super) fn hook(&self, task: &Task) -> Option<&Histogram<Total>> {
        let hook = match task {
            Task::Http(..) => 0,
            Task::Call(..) => 1,
            Task::Health(_) => 2,
            Task::Cancelled(..) => 3,
            Task::Event(_) => 4,
            Task::Gap(_) => 5,
            Task::Committed(_) => 6,
            Task::Resume(_) => 7,
            Task::Release(..) => 8,
            Task::Session(_) => 9,
            Task::Stop(_) | Task::Stopped => return None,
        };
        self.hooks.get(hook)
    }
}

impl Plugins {
    /// What the host counts of the plugins.
    pub(super) fn counts(&self) -> Vec<Family> {
        let infos = self.list();
        let gauge = |name: &'static str, help, value: fn(&PluginInfo) -> f64| {
            let family = Family::new(Kind::Gauge, name, help);
            infos.iter().fold(family, |family, info| family.with([plugin(&info.name)], value(info)))
        };
        let counter = |name: &'static str, help, value: fn(&Tally) -> u64| {
            let family = Family::new(Kind::Counter, name, help);
            let add = |family: Family, (name, tally): (&Arc<str>, &Tally)| {
                family.with([plugin(name)], value(tally) as f64)
            };
            self.tallies().fold(family, add)
        };
        let restarts = Family::new(Kind::Counter, "tidegate_plugin_restarts", "Starts after a failure.");
        vec![
            gauge("tidegate_plugin_up", "1 where the plugin works.", |info| {
                f64::from(u8::from(info.state == State::Started.name()))
            }),
            states(&infos),
            gauge("tidegate_plugin_queue", "Requests and events that wait for its hooks.", |info| {
                info.queued as f64
            }),
            gauge(
                "tidegate_plugin_given_bytes",
                "Bytes that it has given away and that are not released.",
                |info| info.given_away_bytes as f64,
            ),
            self.hook_times(),
            counter("tidegate_plugin_panics", "Panics of its hooks.", |tally| tally.panics.get()),
            counter(
                "tidegate_plugin_failures",
                "Requests that it did not take, or not answer in time.",
                |tally| tally.failures.get(),
            ),
            counter(
                "tidegate_plugin_moments_missed",
                "Sessions and joins that it watches and was not told of, as its queue was full.",
                |tally| tally.unwatched.get(),
            ),
            self.refused(),
            infos.iter().fold(restarts, |all, info| all.with([plugin(&info.name)], info.restarts as f64)),
            counter("tidegate_plugin_left", "Instances that were left where they are.", |tally| {
                tally.left.get()
            }),
        ]
    }

    fn tallies(&self) -> impl Iterator<Item = (&Arc<str>, &Tally)> {
        self.entries.iter().map(|entry| (&entry.name, &*entry.tally))
    }

    fn hook_times(&self) -> Family {
        let mut family =
            Family::new(Kind::Histogram, "tidegate_plugin_hook_seconds", "Calls of its hooks, by hook.");
        for (name, tally) in self.tallies() {
            let called = HOOKS.iter().zip(&tally.hooks).map(|(hook, times)| (hook, times.distribution()));
            for (hook, times) in called.filter(|(_, times)| times.count() > 0) {
                family.observe([plugin(name), ("hook", (*hook).into())], times);
            }
        }
        family
    }

    /// The events that were refused.
    fn refused(&self) -> Family {
        let mut family = Family::new(
            Kind::Counter,
            "tidegate_plugin_events_refused",
            "Events that were not taken, by reason.",
        );
        for entry in &self.entries {
            for (reason, count) in REASONS.into_iter().zip(entry.refusals.counts()) {
                family.push([plugin(&entry.name), ("reason", reason.into())], count as f64);
            }
        }
        family
    }
}

fn plugin(name: &Arc<str>) -> (&'static str, Arc<str>) {
    ("plugin", Arc::clone(name))
}

fn states(infos: &[PluginInfo]) -> Family {
    let mut family = Family::new(
        Kind::Gauge,
        "tidegate_plugin_state",
        "1 for the state that the plugin is in, 0 for the others.",
    );
    for info in infos {
        for state in State::ALL.map(State::name) {
            let is = f64::from(u8::from(info.state == state));
            family.push([plugin(&info.name), ("state", state.into())], is);
        }
    }
    family
}
