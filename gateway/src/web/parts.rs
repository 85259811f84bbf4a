//! What a gateway serves, in parts that a listener may have or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The paths of `[[endpoint]]`, where sessions begin.
    Endpoints,
    /// The routes of plugins.
    Plugins,
    /// `/`, `/api/v1`, `/ws/stats`, `/ws/broadcast`, `/openapi.json`, `/asyncapi.json`, `/docs` and
    /// `/playground`.
    Api,
    /// `/metrics` and all below it.
    Metrics,
    /// `/admin` and all below it.
    Admin,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Endpoints, Self::Plugins, Self::Api, Self::Metrics, Self::Admin];
}

/// The parts that a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(u8);

impl Default for Parts {
    fn default() -> Self {
        Self::new(&Part::ALL)
    }
}

impl Parts {
    /// These.
    pub fn new(parts: &[Part]) -> Self {
        Self(parts.iter().fold(0, |bits, part| bits | 1 << *part as u8))
    }

    /// Whether this is one of them.
    pub fn have(self, part: Part) -> bool {
        self.0 & 1 << part as u8 != 0
    }

    /// Whether they have this path of the gateway's own API. `/health` belongs to whoever asks how the gateway
    /// is: it is where the API or metrics are.
    pub fn have_core(self, path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next();
        match first {
            Some("metrics") => self.have(Part::Metrics),
            Some("admin") => self.have(Part::Admin),
            Some("health") => self.have(Part::Api) || self.have(Part::Metrics),
            _ => self.have(Part::Api),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_belongs_to_a_part_and_health_to_two() {
        let (mut answered, paths) = (
            Vec::new(),
            [
                "/",
                "/api/v1/rooms",
                "/docs/x.js",
                "/playground",
                "/metrics",
                "/metrics/list",
                "/admin/reload",
                "/health/live",
            ],
        );
        for part in Part::ALL {
            let parts = Parts::new(&[part]);
            assert!(parts.have(part) && Part::ALL.iter().filter(|other| parts.have(**other)).count() == 1);
            answered.push(paths.iter().filter(|path| parts.have_core(path)).copied().collect::<Vec<_>>());
        }
        assert_eq!(
            answered,
            [
                vec![],
                vec![],
                vec!["/", "/api/v1/rooms", "/docs/x.js", "/playground", "/health/live"],
                vec!["/metrics", "/metrics/list", "/health/live"],
                vec!["/admin/reload"],
            ]
        );
        assert!(paths.iter().all(|path| Parts::default().have_core(path)));
    }
}
