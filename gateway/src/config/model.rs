//! The settings: plain types that say what there is, in which unit, and what holds when nothing is said.
//!
//! There is a file for each room of the house, and none of them knows another. The unit and the reason of each setting
//! stand at its field; `config/tidegate.toml` says the same to operators.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod api;
pub mod audit;
pub mod auth;
pub mod bus;
pub mod cors;
pub mod drain;
pub mod envelope;
pub mod http;
pub mod hub;
pub mod limits;
pub mod listener;
pub mod log;
pub mod metrics;
pub mod plugin;
pub mod revocations;
pub mod room;
pub mod session;
pub mod store;

/// The whole configuration of a gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What `GET /` answers as the service's name.
    pub name: String,
    /// What `GET /` answers as the version; empty: the program's own.
    pub api_version: String,
    /// What the gateway is used for; production refuses unsafe settings.
    pub environment: Environment,
    /// Unsafe settings that are meant.
    pub allow: Vec<Unsafe>,
    /// How many threads serve connections; 0: one per core.
    pub shards: u16,
    /// Where state is kept.
    pub data: store::Config,
    /// The addresses that are listened on.
    pub listener: Vec<listener::Config>,
    /// The paths where sessions begin.
    pub endpoint: Vec<session::Config>,
    /// The profiles by which endpoints and the API know who a client is.
    pub auth: BTreeMap<String, auth::Config>,
    /// Tokens that are called back.
    pub revocations: revocations::Config,
    /// Which web pages may use the gateway.
    pub cors: cors::Config,
    /// Rules for rooms; of those whose prefix a room's name starts with, the longest counts.
    pub room: Vec<room::Config>,
    /// The way of events to the sessions.
    pub hub: hub::Config,
    /// How HTTP is spoken: sizes and times.
    pub http: http::Config,
    /// Events of other processes.
    pub bus: bus::Config,
    /// What one client, and all together, may use.
    pub limits: limits::Config,
    /// The HTTP API.
    pub api: api::Config,
    /// What the gateway tells about itself.
    pub metrics: metrics::Config,
    /// The plugins to load.
    pub plugins: plugin::Config,
    /// How the gateway stops.
    pub drain: drain::Config,
    /// What is logged.
    pub log: log::Config,
    /// Who did what, for later.
    pub audit: audit::Config,
}

impl Config {
    /// Whether it is the real thing.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// Whether other machines reach any of its listeners.
    pub fn is_exposed(&self) -> bool {
        self.listener.iter().any(listener::Config::is_exposed)
    }

    /// How long what clients show may hold after it was issued, by all profiles; none: no end is known.
    pub fn longest_life(&self) -> Option<Duration> {
        let mut lives =
            self.auth.values().filter(|profile| profile.verifies()).map(auth::Config::longest_life);
        lives.try_fold(Duration::ZERO, |longest, life| life.map(|life| longest.max(life)))
    }
}

impl Default for Config {
    /// A gateway for development: one listener on loopback, an endpoint of each transport, anonymous access, no plugin.
    fn default() -> Self {
        let anonymous = auth::Config { anonymous: true, ..auth::Config::default() };
        Self {
            name: "Tidegate".into(),
            api_version: String::new(),
            environment: Environment::Development,
            allow: Vec::new(),
            shards: 0,
            data: store::Config::default(),
            listener: vec![listener::Config::default()],
            endpoint: session::Config::usual(),
            auth: BTreeMap::from([("default".into(), anonymous)]),
            revocations: revocations::Config::default(),
            cors: cors::Config::default(),
            room: vec![room::Config::default()],
            hub: hub::Config::default(),
            http: http::Config::default(),
            bus: bus::Config::default(),
            limits: limits::Config::default(),
            api: api::Config::default(),
            metrics: metrics::Config::default(),
            plugins: plugin::Config::default(),
            drain: drain::Config::default(),
            log: log::Config::default(),
            audit: audit::Config::default(),
        }
    }
}

/// What the gateway is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer's machine, or a test: test routes are served, anonymous access on loopback is fine.
    #[default]
    Development,
    /// The real thing: what is unsafe is refused at start.
    Production,
}

/// An unsafe setting that is refused unless it is allowed by this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unsafe {
    /// Anonymous rights on a listener that other machines reach.
    Anonymous,
    /// A secret that everybody can know, on such a listener.
    DevelopmentSecret,
}
