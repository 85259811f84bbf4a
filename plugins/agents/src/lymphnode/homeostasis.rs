//! The temperature of all agents together, and the state that it stands for.

use serde::{Deserialize, Serialize, Serializer};

use crate::registry::Census;

/// Degrees with no agent at work, in hundredths.
const ASLEEP: u32 = 3650;
/// Degrees with some, in hundredths.
const AWAKE: u32 = 3700;
/// What it rises by where every agent is unwell, in hundredths of a degree.
const ALL_UNWELL: u32 = 200;
/// What it rises by with each recent detection, in hundredths of a degree.
const DETECTION: u64 = 10;
/// What it rises by with detections at most, so that a flood of them still leaves room for what agents suffer.
const DETECTIONS: u32 = 200;

/// Degrees, in hundredths so that the bounds are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Temperature(u32);

/// What a temperature stands for, from calm to alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum State {
    /// Below 37.
    #[default]
    #[serde(rename = "REPOUSO")]
    Rest,
    /// From 37.
    #[serde(rename = "VIGILÂNCIA")]
    Vigilance,
    /// From 37.5.
    #[serde(rename = "ATENÇÃO")]
    Attention,
    /// From 38.
    #[serde(rename = "ATIVAÇÃO")]
    Activation,
    /// From 39.
    #[serde(rename = "INFLAMAÇÃO")]
    Inflammation,
}

impl Temperature {
    /// That of the agents of `census`, which detected so much in the last minutes.
    pub(crate) fn of(census: Census, detections: u64) -> Self {
        let base = if census.active == 0 { ASLEEP } else { AWAKE };
        let share = if census.total == 0 { 0.0 } else { census.unwell as f64 / census.total as f64 };
        // At most ALL_UNWELL: the share is at most 1.
        let unwell = (share * f64::from(ALL_UNWELL)).round() as u32;
        let detected = u32::try_from(detections.saturating_mul(DETECTION)).unwrap_or(u32::MAX);
        Self(base + unwell + detected.min(DETECTIONS))
    }

    /// What it stands for.
    pub(crate) fn state(self) -> State {
        match self.0 {
            ..3700 => State::Rest,
            3700..3750 => State::Vigilance,
            3750..3800 => State::Attention,
            3800..3900 => State::Activation,
            3900.. => State::Inflammation,
        }
    }
}

impl Serialize for Temperature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl State {
    /// For people.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Rest => "No agent is active and nothing is detected",
            Self::Vigilance => "Agents are active and well; few threats are detected",
            Self::Attention => "Some agents are unwell, or threats are being detected",
            Self::Activation => "Many agents are unwell, or many threats are being detected",
            Self::Inflammation => {
                "Most agents are unwell, or threats are detected faster than the group should bear"
            }
        }
    }

    /// What to do about it.
    pub(crate) fn recommended_action(self) -> &'static str {
        match self {
            Self::Rest => "None; start agents when they are needed",
            Self::Vigilance => "None; go on watching",
            Self::Attention => "Look at agents that are lost or of low health",
            Self::Activation => "Restart or replace unwell agents, and clone those that detect",
            Self::Inflammation => "Act now: replace unwell agents, and contain the source of the threats",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temperature(total: usize, active: usize, unwell: usize, detections: u64) -> (f64, &'static str) {
        let temperature = Temperature::of(Census { total, active, unwell }, detections);
        let name = match temperature.state() {
            State::Rest => "rest",
            State::Vigilance => "vigilance",
            State::Attention => "attention",
            State::Activation => "activation",
            State::Inflammation => "inflammation",
        };
        (serde_json::to_value(temperature).unwrap().as_f64().unwrap(), name)
    }

    #[test]
    fn it_rises_with_activity_with_unwell_agents_and_with_detections() {
        assert_eq!(temperature(0, 0, 0, 0), (36.5, "rest"));
        assert_eq!(temperature(3, 0, 0, 0), (36.5, "rest"));
        assert_eq!(temperature(3, 1, 0, 0), (37.0, "vigilance"));
        assert_eq!(temperature(4, 4, 1, 0), (37.5, "attention"));
        assert_eq!(temperature(2, 1, 1, 0), (38.0, "activation"));
        assert_eq!(temperature(1, 1, 1, 0), (39.0, "inflammation"));
        assert_eq!(temperature(1, 1, 0, 4), (37.4, "vigilance"));
        assert_eq!(temperature(1, 1, 0, 5), (37.5, "attention"));
        assert_eq!(temperature(1, 1, 0, 10), (38.0, "activation"));
        assert_eq!(temperature(1, 1, 0, 20), (39.0, "inflammation"));
        assert_eq!(temperature(1, 1, 1, u64::MAX), (41.0, "inflammation"));
    }

    #[test]
    fn each_state_says_something() {
        let states =
            [State::Rest, State::Vigilance, State::Attention, State::Activation, State::Inflammation];
        assert!(states.iter().all(|s| !s.description().is_empty() && !s.recommended_action().is_empty()));
        let names: Vec<_> = states.iter().map(|s| serde_json::to_string(s).unwrap()).collect();
        let expected =
            ["REPOUSO", "VIGILÂNCIA", "ATENÇÃO", "ATIVAÇÃO", "INFLAMAÇÃO"].map(|name| format!("\"{name}\""));
        assert_eq!(names, expected);
    }
}
