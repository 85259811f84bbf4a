//! The temperature of the region, and the state that it stands for.

use std::collections::VecDeque;

use serde_json::json;
use tidegate_plugin::{Event, Result};

use crate::changes::SOURCE;
use crate::model::Status;
use crate::registry::Registry;
use crate::time::Timestamp;

/// Detections count for so long, milliseconds.
const WINDOW: i64 = 5 * 60 * 1000;
/// Degrees when all agents are lost or failing.
const FEVER: f64 = 2.0;
/// Degrees for each detection, and for all of them at most.
const PER_DETECTION: f64 = 0.1;
const MOST_FOR_DETECTIONS: f64 = 2.0;

/// A state: its name, from which temperature on it holds, what it means, what to do.
pub(crate) struct Level {
    pub(crate) name: &'static str,
    from: f64,
    pub(crate) description: &'static str,
    pub(crate) recommended_action: &'static str,
}

/// Hottest first; the last one holds below all others.
const LEVELS: [Level; 5] = [
    Level {
        name: "INFLAMAÇÃO",
        from: 39.0,
        description: "Inflammation: the region is overwhelmed by threats or failing agents",
        recommended_action: "Bring in agents from elsewhere, replace those that are lost, and find the source",
    },
    Level {
        name: "ATIVAÇÃO",
        from: 38.0,
        description: "Activation: many threats are detected or many agents are failing",
        recommended_action: "Clone specialised agents and look after those that fail",
    },
    Level {
        name: "ATENÇÃO",
        from: 37.5,
        description: "Attention: more detections or failures than usual",
        recommended_action: "Watch the region closely and keep agents ready",
    },
    Level {
        name: "VIGILÂNCIA",
        from: 37.0,
        description: "Surveillance: agents are active and all is well",
        recommended_action: "Go on as now",
    },
    Level {
        name: "REPOUSO",
        from: f64::NEG_INFINITY,
        description: "Rest: no agent is active",
        recommended_action: "Start agents when the region needs them",
    },
];

/// See the module's documentation.
pub(crate) struct Homeostasis {
    /// When, and how many.
    detections: VecDeque<(Timestamp, u64)>,
    last: &'static str,
}

/// The state is another than before.
pub(crate) struct News {
    old: &'static str,
    new: &'static str,
    temperature: f64,
}

impl Homeostasis {
    pub(crate) fn new(registry: &Registry, now: Timestamp) -> Self {
        let mut homeostasis = Self { detections: VecDeque::new(), last: "" };
        homeostasis.last = homeostasis.level(registry, now).name;
        homeostasis
    }

    /// Agents have detected so many more.
    pub(crate) fn detected(&mut self, count: u64, now: Timestamp) {
        if count > 0 {
            self.detections.push_back((now, count));
        }
    }

    /// Degrees, to a hundredth.
    pub(crate) fn temperature(&self, registry: &Registry, now: Timestamp) -> f64 {
        let (mut all, mut active, mut ill) = (0u32, false, 0u32);
        for record in registry.all() {
            all += 1;
            active |= record.agent.status == Status::Active;
            ill += u32::from(record.agent.status == Status::Lost || record.agent.health < 0.5);
        }
        let recent = self.detections.iter().filter(|(at, _)| now.0 - at.0 < WINDOW);
        let detections: u64 = recent.map(|(_, count)| count).sum();
        let base = if active { 37.0 } else { 36.5 };
        let share = if all == 0 { 0.0 } else { f64::from(ill) / f64::from(all) };
        let heat = base + FEVER * share + (PER_DETECTION * detections as f64).min(MOST_FOR_DETECTIONS);
        (heat * 100.0).round() / 100.0
    }

    pub(crate) fn level(&self, registry: &Registry, now: Timestamp) -> &'static Level {
        let temperature = self.temperature(registry, now);
        LEVELS.iter().find(|level| temperature >= level.from).unwrap_or(&LEVELS[LEVELS.len() - 1])
    }

    /// Judges anew; tells where the state has changed.
    pub(crate) fn judge(&mut self, registry: &Registry, now: Timestamp) -> Option<News> {
        while self.detections.front().is_some_and(|(at, _)| now.0 - at.0 >= WINDOW) {
            self.detections.pop_front();
        }
        let (old, new) = (self.last, self.level(registry, now).name);
        self.last = new;
        (old != new).then(|| News { old, new, temperature: self.temperature(registry, now) })
    }
}

impl News {
    pub(crate) fn event(&self) -> Result<Event> {
        let data =
            json!({ "old_state": self.old, "new_state": self.new, "temperatura_regional": self.temperature });
        Event::new("homeostatic_state_changed").room("system").source(SOURCE).data(&data)
    }
}
