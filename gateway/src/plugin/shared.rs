//! What an instance's hook thread, its callbacks and the rest of the gateway share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::counts::Tally;
use super::leases::Leases;
use super::metrics::Series;
use super::queue::{Queue, Task};
use super::refused::{Refusals, Refused};
use super::requests::{Requests, Waiting};
use super::terms::Terms;
use crate::audit::Deed;
use crate::frame::{Event, EventType, Timestamp};
use crate::hub::Hub;
use crate::hub::own::PluginChanged;
use crate::store::Store;
use crate::web::Health;

/// What all plugins get of the gateway.
#[derive(Clone)]
pub struct Services {
    /// Rooms and sessions.
    pub hub: Arc<Hub>,
    /// Key-value state.
    pub store: Arc<dyn Store>,
    /// Runs what waits for plugins: time-outs, the ends of answers.
    pub control: tokio::runtime::Handle,
    /// Told whenever an instance goes on to another state.
    pub changed: Arc<Notify>,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Created, not started.
    Loaded,
    /// Its hooks run and its callbacks answer.
    Started,
    /// It has been told to end.
    Stopping,
    /// It has ended.
    Stopped,
    /// It did not load, start or stop as it should.
    Failed,
    /// Stopped because of what it did.
    Quarantined,
}

impl State {
    /// Every state.
    pub(super) const ALL: [Self; 6] =
        [Self::Loaded, Self::Started, Self::Stopping, Self::Stopped, Self::Failed, Self::Quarantined];

    /// The word in lists and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Started => "started",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
        }
    }
}

/// See the module's documentation.
pub(super) struct Shared {
    /// The instance's name: its table's in the configuration.
    pub(super) name: Arc<str>,
    /// The library's version.
    pub(super) version: String,
    pub(super) services: Services,
    pub(super) queue: Queue,
    pub(super) requests: Requests,
    /// The event types that it has declared; set while it is made, before `start`.
    pub(super) types: OnceLock<HashMap<Box<str>, EventType>>,
    /// Instances whose `shared/` part of the store it may read.
    pub(super) reads: Vec<String>,
    /// Callbacks answer: from the call of `start` until it is stopped.
    pub(super) open: AtomicBool,
    /// Bytes that it has given away and that are not released, and how many there may be.
    pub(super) given: AtomicUsize,
    pub(super) budget: usize,
    pub(super) series: RwLock<Vec<Series>>,
    /// Counted over all instances of its plugin.
    pub(super) tally: Arc<Tally>,
    /// Events of this plugin that were refused, over all its instances.
    refusals: Arc<Refusals>,
    /// How many of this one were, and why the last.
    last_refused: Mutex<Option<(u64, String)>>,
    /// Its leases.
    pub(super) leases: Leases,
    /// Set while it is made, before `start`.
    pub(super) terms: OnceLock<Terms>,
    has_health: AtomicBool,
    health: Mutex<Option<Health>>,
    status: Mutex<(State, Option<String>)>,
}

impl Shared {
    pub(super) fn new(
        name: Arc<str>,
        version: String,
        reads: Vec<String>,
        services: Services,
        budget: usize,
        tally: Arc<Tally>,
        refusals: Arc<Refusals>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            version,
            services,
            queue: Queue::default(),
            requests: Requests::default(),
            types: OnceLock::new(),
            reads,
            open: AtomicBool::new(false),
            given: AtomicUsize::new(0),
            budget,
            series: RwLock::default(),
            tally,
            refusals,
            last_refused: Mutex::default(),
            leases: Leases::default(),
            terms: OnceLock::new(),
            has_health: AtomicBool::new(false),
            health: Mutex::default(),
            status: Mutex::new((State::Loaded, None)),
        })
    }

    /// Nobody waits for this answer any more: the plugin is told, if it knows of the request.
    pub(super) fn cancel(&self, number: u64) -> Option<Waiting> {
        let (waiting, delivered) = self.requests.cancel(number)?;
        if let Some(kind) = waiting.kind().filter(|_| delivered) {
            self.queue.owe(Task::Cancelled(number, kind));
        }
        Some(waiting)
    }

    /// A request was not taken, or not answered in time.
    pub(super) fn failed(&self) {
        self.tally.failures.add(1);
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// It can be asked how it is.
    pub(super) fn set_health(&self) {
        self.has_health.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_health(&self) -> bool {
        self.has_health.load(Ordering::Relaxed)
    }

    pub(super) fn health(&self) -> Option<Health> {
        self.health.lock().clone()
    }

    /// Keeps what it says of its health.
    pub(super) fn note_health(&self, health: Health) {
        *self.health.lock() = Some(health);
    }

    pub(super) fn state(&self) -> State {
        self.status.lock().0
    }

    /// An event of its was refused: counted, told in the log, and shown until something worse happens.
    pub(super) fn refused(&self, refused: &Refused) {
        self.refusals.note(&self.name, refused);
        let mut last = self.last_refused.lock();
        let before = last.as_ref().map_or(0, |(count, _)| *count);
        *last = Some((before + 1, refused.to_string()));
    }

    /// How many of its events were refused, and why the last.
    pub(super) fn last_refused(&self) -> Option<(u64, String)> {
        self.last_refused.lock().clone()
    }

    /// Why it failed, or else why the last of its events was refused.
    pub(super) fn last_error(&self) -> Option<String> {
        let failed = self.status.lock().1.clone();
        failed.or_else(|| self.last_refused().map(|(_, last)| last))
    }

    /// Goes on to another state, and tells room `system`.
    pub(super) fn enter(&self, state: State, error: Option<String>) {
        let mut status = self.status.lock();
        let old = std::mem::replace(&mut status.0, state);
        if let Some(error) = error {
            tracing::error!(plugin = %self.name, "{error}");
            status.1 = Some(error);
        }
        drop(status);
        if old != state {
            self.services.changed.notify_one();
            let audit = self.services.hub.audit();
            audit.record(Deed::PluginChanged, |entry| entry.target(&self.name).outcome(state.name()));
            tracing::info!(plugin = %self.name, "{} → {}", old.name(), state.name());
            self.tell(old, state);
        }
    }

    fn tell(&self, old: State, new: State) {
        let hub = &self.services.hub;
        let Some(kind) = hub.types().find("plugin_changed") else { return };
        let changed = PluginChanged {
            plugin: &self.name,
            old_state: old.name(),
            new_state: new.name(),
            version: &self.version,
        };
        let (data, source) = (serde_json::json!(changed).to_string().into(), "gateway".into());
        let event = Event::new(kind, data, source, Timestamp::now());
        if let Err(error) = hub.publish(&["system"], &event) {
            tracing::warn!(plugin = %self.name, %error, "plugin_changed was not published");
        }
    }
}
