//! The plugin's settings.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tidegate_plugin::{Error, Result};

/// The types of agents that the specification of the service names.
const TYPES: [&str; 8] =
    ["neutrophil", "macrophage", "nk_cell", "dendritic", "helper_t", "cytotoxic_t", "b_cell", "t_reg"];
/// Older names, which clients still use.
const OLDER_TYPES: [&str; 2] = ["neutrofilo", "macrofago"];
/// Below this the sweeps for silent agents would be all that the plugin does.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);

/// The settings, each with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// How long an active agent may be silent.
    #[serde(deserialize_with = "duration")]
    pub(crate) heartbeat_timeout: Duration,
    /// The types that a new agent may have, in lower case.
    pub(crate) agent_types: Vec<String>,
    /// How many agents there may be, so that memory is bounded.
    pub(crate) max_agents: usize,
    /// The name of the lymph node, as its metrics show it.
    pub(crate) lymphnode_id: String,
    /// What it is responsible for.
    pub(crate) area_responsabilidade: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_timeout: Duration::from_secs(90),
            agent_types: TYPES.into_iter().chain(OLDER_TYPES).map(String::from).collect(),
            max_agents: 100_000,
            lymphnode_id: "lymphnode_api_001".into(),
            area_responsabilidade: "api_managed".into(),
        }
    }
}

impl Settings {
    /// The types that are offered to who asks: those allowed, without the older names for some of them.
    pub(crate) fn available_types(&self) -> impl Iterator<Item = &str> {
        self.agent_types.iter().map(String::as_str).filter(|name| !OLDER_TYPES.contains(name))
    }

    /// What the schema of the manifest cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        if self.heartbeat_timeout < SHORTEST_TIMEOUT {
            let what =
                format!("heartbeat_timeout: it is at least {}", humantime::format_duration(SHORTEST_TIMEOUT));
            return Err(Error::invalid(what));
        }
        match self.agent_types.iter().find(|name| **name != name.to_lowercase()) {
            Some(name) => Err(Error::invalid(format!("agent_types: '{name}' is not in lower case"))),
            None => Ok(()),
        }
    }
}

/// As people write it, `90s` or `1m 30s`, or in seconds.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Seconds(f64),
    }
    let wrong = |what: String| de::Error::custom(format!("heartbeat_timeout: {what}"));
    match Written::deserialize(deserializer)? {
        Written::Text(text) => humantime::parse_duration(&text)
            .map_err(|error| wrong(format!("'{text}' is no duration: {error}"))),
        Written::Seconds(seconds) => Duration::try_from_secs_f64(seconds)
            .map_err(|error| wrong(format!("{seconds} is no number of seconds: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn every_setting_has_a_default() {
        let settings: Settings = from_value(json!({})).unwrap();
        assert_eq!(settings.heartbeat_timeout, Duration::from_secs(90));
        assert_eq!(settings.agent_types.len(), 10);
        assert_eq!(settings.available_types().collect::<Vec<_>>(), TYPES);
        assert!(settings.check().is_ok());
    }

    #[test]
    fn a_time_out_is_text_or_seconds() {
        let timeout =
            |value| from_value::<Settings>(json!({"heartbeat_timeout": value})).unwrap().heartbeat_timeout;
        assert_eq!(timeout(json!("1m 30s")), Duration::from_secs(90));
        assert_eq!(
            (timeout(json!(0.3)), timeout(json!(2))),
            (Duration::from_millis(300), Duration::from_secs(2))
        );
    }

    #[test]
    fn what_is_wrong_with_a_setting_is_said() {
        let error = |settings| match from_value::<Settings>(settings) {
            Ok(settings) => settings.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error(json!({"heartbeat_timeout": "soon"})).contains("'soon' is no duration"));
        assert!(error(json!({"heartbeat_timeout": -1})).contains("-1 is no number of seconds"));
        assert_eq!(error(json!({"heartbeat_timeout": "5ms"})), "heartbeat_timeout: it is at least 100ms");
        assert_eq!(error(json!({"agent_types": ["Big"]})), "agent_types: 'Big' is not in lower case");
    }
}
