//! Tidegate plugin `agents`: agents, their groups and their liveness, over REST and as events.
//!
//! Every change is kept in the host's store, then published to the rooms `agents` and `agent:<id>`, then answered.

mod body;
mod changes;
mod homeostasis;
mod lymphnode;
mod model;
mod registry;
mod routes;
mod stats;
mod time;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use tidegate_plugin::{FollowedEvent, Host, HttpRequest, HttpResponse, Manifest, Plugin, Result, manifest};
use tokio::sync::Mutex;

use changes::Changes;
use homeostasis::Homeostasis;
use registry::Registry;
use time::Timestamp;

/// How often silent agents are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// The plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Seconds after which an active agent that gives no sign of life is lost.
    pub heartbeat_timeout: f64,
    /// The types that an agent can have, lower case.
    pub agent_types: Vec<String>,
    /// What the groups' metrics call this node.
    pub lymphnode_id: String,
    /// What they call its area.
    pub area_responsabilidade: String,
}

/// The types that are listed as available.
pub(crate) const TYPES: [&str; 8] =
    ["neutrophil", "macrophage", "nk_cell", "dendritic", "helper_t", "cytotoxic_t", "b_cell", "t_reg"];
/// Names that some of the existing clients use for two of them.
const ALIASES: [&str; 2] = ["neutrofilo", "macrofago"];

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_timeout: 90.0,
            agent_types: TYPES.iter().chain(&ALIASES).map(|name| (*name).to_owned()).collect(),
            lymphnode_id: "lymphnode_api_001".to_owned(),
            area_responsabilidade: "api_managed".to_owned(),
        }
    }
}

/// What requests, followed events and the look-out share.
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) config: Config,
    /// One change at a time, so that none is lost.
    pub(crate) registry: Mutex<Registry>,
    pub(crate) homeostasis: RefCell<Homeostasis>,
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.host.clock().now_ms())
    }

    /// Publishes what a change is told by, and what it means for the temperature.
    pub(crate) async fn tell(&self, registry: &Registry, changes: Changes) -> Result<()> {
        let mut events = changes.into_events()?;
        let news = self.homeostasis.borrow_mut().judge(registry, self.now());
        if let Some(news) = news {
            events.push(news.event()?);
        }
        if !events.is_empty() {
            self.host.publish_all(events).await?;
        }
        Ok(())
    }
}

/// The plugin.
pub struct Agents(Rc<World>);

impl Plugin for Agents {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("manifest.json")
    }

    async fn start(host: Host, config: Config) -> Result<Self> {
        let registry = Registry::load(host.store()).await?;
        let homeostasis = Homeostasis::new(&registry, Timestamp(host.clock().now_ms()));
        let world = Rc::new(World {
            host,
            config,
            registry: Mutex::new(registry),
            homeostasis: RefCell::new(homeostasis),
        });
        tokio::task::spawn_local(look_out(Rc::clone(&world)));
        Ok(Self(world))
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        routes::answer(&self.0, &request).await
    }

    async fn follow(&self, event: FollowedEvent) -> Result<()> {
        let task: stats::Task = event.parse()?;
        let Some(agent) = task.assigned_agent.as_deref() else { return Ok(()) };
        let mut registry = self.0.registry.lock().await;
        let Some(mut record) = registry.find(agent).cloned() else { return Ok(()) };
        if record.tasks.count(&event.kind, task.duration) {
            registry.put(record).await?;
        }
        Ok(())
    }
}

/// Finds active agents that are silent, and what has cooled down.
async fn look_out(world: Rc<World>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = lose_the_silent(&world).await {
            world.host.log().warn(format!("silent agents could not be marked as lost: {error}"));
        }
    }
}

async fn lose_the_silent(world: &World) -> Result<()> {
    let mut registry = world.registry.lock().await;
    let now = world.now();
    let deadline = Timestamp(now.0 - (world.config.heartbeat_timeout * 1000.0) as i64);
    let mut changes = Changes::default();
    for mut record in registry.silent_since(deadline) {
        let before = record.agent.status;
        record.set_status(model::Status::Lost, now);
        changes.status(&record.agent, before);
        registry.put(record).await?;
    }
    world.tell(&registry, changes).await
}

tidegate_plugin::export!(Agents);
