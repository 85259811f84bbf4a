//! What the host counts of the plugins, for the Prometheus page.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::refused::REASONS;
use super::shared::Shared;
use super::{Plugins, metrics};
use crate::web::{PluginAdmin, PluginInfo};

/// A family: its name, kind and help, and a sample for each plugin.
type Family = (&'static str, &'static str, &'static str, Vec<(Arc<str>, f64)>);

impl Plugins {
    /// What the host counts of the plugins.
    pub(super) fn write_counts(&self, page: &mut String) {
        let infos = self.list();
        let each = |value: &dyn Fn(&PluginInfo) -> f64| -> Vec<(Arc<str>, f64)> {
            infos.iter().map(|info| (Arc::clone(&info.name), value(info))).collect()
        };
        let last = |value: &dyn Fn(&Shared) -> u64| -> Vec<(Arc<str>, f64)> {
            self.instances().iter().map(|shared| (Arc::clone(&shared.name), value(shared) as f64)).collect()
        };
        let left =
            self.entries.iter().map(|entry| (Arc::clone(&entry.name), entry.left.load(Relaxed) as f64));
        let seconds = |(name, micros): (Arc<str>, f64)| (name, micros / 1e6);
        let hook_time = last(&|shared| shared.hook_time.load(Relaxed)).into_iter().map(seconds).collect();
        let families: [Family; 9] = [
            (
                "up",
                "gauge",
                "1 where the plugin works.",
                each(&|i| f64::from(u8::from(i.state == "started"))),
            ),
            ("queue", "gauge", "Requests and events that wait for its hooks.", each(&|i| i.queued as f64)),
            (
                "given_bytes",
                "gauge",
                "Bytes that it has given away and that are not released.",
                each(&|i| i.given_away_bytes as f64),
            ),
            ("hook_calls", "gauge", "Hooks called since it was started.", last(&|s| s.hooks.load(Relaxed))),
            ("hook_seconds", "gauge", "Time in its hooks since it was started.", hook_time),
            ("panics", "gauge", "Panics since it was started.", last(&|s| s.panics.load(Relaxed))),
            (
                "failures",
                "gauge",
                "Requests that it did not take or not answer in time since it was started.",
                last(&|s| s.failures.load(Relaxed)),
            ),
            ("restarts_total", "counter", "Starts after a failure.", each(&|i| i.restarts as f64)),
            ("left_total", "counter", "Instances that were left where they are.", left.collect()),
        ];
        for (name, kind, help, samples) in families {
            metrics::family(page, name, kind, help, &samples);
        }
        self.write_refused(page);
    }

    /// The events that were refused.
    fn write_refused(&self, page: &mut String) {
        let name = "tidegate_plugin_events_refused_total";
        page.push_str(&format!(
            "# HELP {name} Events that were not taken, by reason.\n# TYPE {name} counter\n"
        ));
        for entry in &self.entries {
            for (reason, count) in REASONS.iter().zip(entry.refusals.counts()) {
                page.push_str(&format!("{name}{{plugin=\"{}\",reason=\"{reason}\"}} {count}\n", entry.name));
            }
        }
    }
}
