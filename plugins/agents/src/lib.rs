//! The plugin `agents`: agents and their groups over REST, every change of them as an event.
//!
//! In the order of flow: a request comes in through `routes`, is judged by `validate` and done by the `service` (one change at a
//! time; what can be done is in `agents`, `actions`, `heartbeat` and `lymphnode`), which keeps agents in the `registry` over the
//! store (`shelf`) and publishes each `notice` of what has changed through the `world`.

mod actions;
mod agents;
mod heartbeat;
mod lymphnode;
mod model;
mod notice;
mod registry;
mod routes;
mod service;
mod settings;
mod shelf;
mod stats;
mod time;
mod validate;
mod world;

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tidegate_plugin::{
    Declared, FollowedEvent, Gap, Health, Host, HttpRequest, HttpResponse, Manifest, Plugin, Result, manifest,
};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{MissedTickBehavior, interval};

use routes::{Ask, Route};
use service::Service;
use settings::Settings;

/// Silent agents are looked for this often within their time-out, and at least once a second.
const SWEEPS: u32 = 4;

/// An instance of the plugin.
#[derive(Debug)]
pub struct Agents {
    service: Rc<Service<Host>>,
    sweeper: JoinHandle<()>,
}

/// The plugin's settings, as its README lists them.
#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub struct Config(Settings);

impl Plugin for Agents {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("manifest.json")
    }

    fn declare(config: &Config) -> Result<Declared> {
        config.0.check()?;
        Ok(Declared { routes: vec![routes::narrowed(&Self::manifest(), &config.0)?], ..Declared::default() })
    }

    async fn start(host: Host, Config(settings): Config) -> Result<Self> {
        let pause = (settings.heartbeat_timeout / SWEEPS).min(Duration::from_secs(1));
        let service = Rc::new(Service::open(host.clone(), settings).await?);
        let sweeper = spawn_local(sweep(service.clone(), host, pause));
        Ok(Self { service, sweeper })
    }

    async fn stop(&self) -> Result<()> {
        // A sweep that has the turn ends first: what it has written is published.
        let _turn = self.service.turn().await;
        self.sweeper.abort();
        Ok(())
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        let route = Route::at(request.route)?;
        let name = request.params.first().map_or("", |(_, value)| value);
        let ask = Ask { name, query: &request.query, body: &request.body };
        routes::answer(&self.service, route, &ask).await
    }

    async fn follow(&self, event: FollowedEvent) -> Result<()> {
        self.service.follow(&event).await
    }

    async fn gap(&self, gap: Gap) -> Result<()> {
        let count = gap.count.map_or_else(|| "some".to_owned(), |count| count.to_string());
        let what =
            format!("{count} events of room '{}' were missed: the agents' stats lack their tasks", gap.room);
        world::World::warn(&self.service.world, &what);
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        let census = self.service.registry.index().census();
        let details = json!({"agents": census.total, "active": census.active, "unwell": census.unwell});
        Ok(Health { details, ..Health::healthy() })
    }
}

/// Looks for silent agents for ever. What fails is tried again the next time.
async fn sweep(service: Rc<Service<Host>>, host: Host, pause: Duration) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = service.sweep().await {
            host.log().error(format_args!("looking for silent agents: {error}"));
        }
    }
}

tidegate_plugin::export!(Agents);
