//! Events of other processes.

use super::{ByLabel, Family, Kind, Link, Total};

/// Events of other processes.
#[derive(Debug, Default)]
pub struct Bus {
    /// Whether the channel that they come from can be reached.
    pub link: Link,
    /// Messages from there, by what became of them.
    pub messages: ByLabel<Total>,
}

impl Bus {
    /// Its figures; none where there is no such channel.
    pub(super) fn families(&self) -> Vec<Family> {
        let Some(up) = self.link.get() else { return Vec::new() };
        let about = "Whether the channel is there on which other processes publish events.";
        let up = Family::new(Kind::Gauge, "tidegate_bus_up", about).with([], f64::from(u8::from(up)));
        let about = "Messages of other processes, by what became of them.";
        let mut messages = Family::new(Kind::Counter, "tidegate_bus_messages", about);
        let all = self.messages.all();
        all.for_each(|(outcome, count)| messages.push([("outcome", outcome.into())], count as f64));
        vec![up, messages]
    }
}
