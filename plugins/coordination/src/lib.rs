//! The plugin `coordination`: tasks, elections and consensus among agents, over REST and as events.
//!
//! In the order of flow: a request comes in through `routes`, is judged by `validate` and done by the `service` (one change at a
//! time; what can be done is in `tasks`, `election`, `consensus` and `status`), which knows agents from the `roster`, keeps
//! records in a `collection` over the store (`shelf`), each `kept` with the `notice`s that tell of it, and publishes these
//! through the `world`.

mod collection;
mod consensus;
mod election;
mod kept;
mod notice;
mod roster;
mod routes;
mod service;
mod settings;
mod shelf;
mod status;
mod tasks;
mod time;
mod validate;
mod world;

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tidegate_plugin::{
    Call, FollowedEvent, Gap, Health, Host, HttpRequest, HttpResponse, Manifest, Plugin, Reply, Result,
    manifest,
};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use routes::{Ask, Route};
use service::Service;
use settings::Settings;
use validate::Ballot;

/// The clock is looked at this often, though nothing is known to be due.
const LOOK: Duration = Duration::from_secs(1);

/// An instance of the plugin.
#[derive(Debug)]
pub struct Coordination {
    service: Rc<Service<Host>>,
    /// Told when something may be due sooner than was thought.
    sooner: Rc<Notify>,
    timekeeper: JoinHandle<()>,
}

/// The plugin's settings, as its README lists them.
#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub struct Config(Settings);

impl Plugin for Coordination {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("manifest.json")
    }

    async fn start(host: Host, Config(settings): Config) -> Result<Self> {
        let service = Rc::new(Service::open(host, &settings).await?);
        let sooner = Rc::new(Notify::new());
        let timekeeper = spawn_local(keep_time(service.clone(), sooner.clone()));
        Ok(Self { service, sooner, timekeeper })
    }

    async fn stop(&self) -> Result<()> {
        // A change that has the turn ends first: what it has written is published.
        let _turn = self.service.turn().await;
        self.timekeeper.abort();
        Ok(())
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        let route = Route::at(request.route)?;
        let name = request.params.first().map_or("", |(_, value)| value);
        let ask = Ask { name, query: &request.query, body: &request.body };
        let answer = routes::answer(&self.service, route, &ask).await;
        self.sooner.notify_one();
        answer
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        let (proposal, ballot) = Ballot::of_call(&call)?;
        Ok(Reply::json(&self.service.vote(&proposal, &ballot).await?)?.message("Vote counted"))
    }

    async fn follow(&self, event: FollowedEvent) -> Result<()> {
        self.service.follow(&event).await
    }

    async fn gap(&self, _gap: Gap) -> Result<()> {
        self.service.reread().await
    }

    async fn health(&self) -> Result<Health> {
        let details = json!({
            "agents": self.service.roster.borrow().all().count(),
            "tasks": self.service.tasks.index().len(),
            "proposals": self.service.proposals.index().len(),
        });
        Ok(Health { details, ..Health::healthy() })
    }
}

/// Does for ever what the clock makes due, beginning with what was due before the start.
async fn keep_time(service: Rc<Service<Host>>, sooner: Rc<Notify>) {
    loop {
        service.catch_up().await;
        let pause = service.due_in().map_or(LOOK, |left| left.min(LOOK));
        // Either way it is time to look again.
        let _sooner = timeout(pause, sooner.notified()).await;
    }
}

tidegate_plugin::export!(Coordination);
