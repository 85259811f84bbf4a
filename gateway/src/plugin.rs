//! The plugin host: libraries behind the C ABI, each instance with a thread of its own for its hooks. No code of a
//! plugin runs on a shard.

mod callbacks;
mod door;
mod given;
mod hooks;
mod instance;
mod library;
mod manifest;
mod metrics;
mod queue;
mod requests;
mod shared;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use parking_lot::Mutex;
use serde_json::Value;

pub use library::{Library, LoadError, Why, clean_up};
pub use manifest::{Manifest, ManifestError};
pub use shared::{Services, State};

use crate::web::{AdminError, Outcome, PluginAdmin, PluginInfo, Routes, Spec};
use door::Door;
use instance::{Abilities, Instance};
use manifest::Declared;
use shared::Shared;

/// Bytes that an instance may have given away and that are not released yet.
const BUDGET: usize = 64 * 1024 * 1024;
/// For how long `create` and `start` may take.
const START: Duration = Duration::from_secs(30);
/// For how long an instance may take to stop by order of the API.
const STOP: Duration = Duration::from_secs(10);

/// What the configuration says of an instance.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The instance's name.
    pub name: String,
    /// Where its library may be; the first that is there counts.
    pub candidates: Vec<PathBuf>,
    /// The SHA-256 that the library must have.
    pub sha256: Option<String>,
    /// Routes that need no scope, as `POST /path`.
    pub open: Vec<String>,
    /// The plugin's own settings.
    pub config: Value,
}

/// Why the gateway cannot start with these plugins; one that merely does not load or start is `failed` instead.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No library is there.
    #[error("plugin '{name}': no library at {}", list(.candidates))]
    Missing {
        /// The instance.
        name: String,
        /// Where it was looked for.
        candidates: Vec<PathBuf>,
    },
    /// Two want the same route or call.
    #[error("{0}")]
    Clash(String),
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// All configured plugins.
pub struct Plugins {
    entries: Vec<Arc<Entry>>,
}

/// A configured plugin.
struct Entry {
    name: Arc<str>,
    settings: Settings,
    /// None where it did not load; then why.
    library: Result<Arc<Library>, String>,
    door: Arc<Door>,
    services: Services,
    routes: Arc<Routes>,
    running: tokio::sync::Mutex<Option<Instance>>,
    /// The last instance, for lists.
    last: Mutex<Option<Arc<Shared>>>,
    follows: Mutex<Option<u64>>,
    /// What it has declared, so that it is declared once however often it starts.
    declared: Mutex<Option<Vec<String>>>,
    /// A clash, which ends the start of the gateway.
    clash: Mutex<Option<String>>,
    reserved: Vec<&'static str>,
}

impl Plugins {
    /// Loads and starts what is configured, in order. `reserved`: names that a call cannot have.
    ///
    /// # Errors
    /// [`PluginError`].
    pub async fn start(
        settings: Vec<Settings>,
        services: Services,
        routes: Arc<Routes>,
        reserved: Vec<&'static str>,
    ) -> Result<Arc<Self>, PluginError> {
        let mut entries = Vec::new();
        for settings in settings {
            let entry = Arc::new(Entry::load(settings, &services, &routes, &reserved)?);
            let started = entry.start().await;
            if let Some(clash) = entry.clash.lock().take() {
                return Err(PluginError::Clash(clash));
            }
            if let Err(error) = started {
                tracing::error!(plugin = %entry.name, "not started: {error}");
            }
            entries.push(entry);
        }
        Ok(Arc::new(Self { entries }))
    }

    /// Stops all, the last started first, each within `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        for entry in self.entries.iter().rev() {
            entry.stop(deadline).await;
        }
        clean_up();
    }

    /// Appends the time series of all instances to a Prometheus page.
    pub fn write_metrics(&self, page: &mut String) {
        let instances: Vec<Arc<Shared>> =
            self.entries.iter().filter_map(|entry| entry.last.lock().clone()).collect();
        let locked: Vec<_> =
            instances.iter().map(|shared| (Arc::clone(&shared.name), shared.series.read())).collect();
        let series: Vec<_> =
            locked.iter().map(|(name, series)| (Arc::clone(name), series.iter().collect())).collect();
        metrics::write(page, &series);
    }

    fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| *entry.name == *name)
    }
}

impl PluginAdmin for Plugins {
    fn list(&self) -> Vec<PluginInfo> {
        self.entries.iter().map(|entry| entry.info()).collect()
    }

    fn start(&self, name: &str) -> Outcome {
        let (entry, name) = (self.find(name).cloned(), name.to_owned());
        Box::pin(async move {
            let entry = entry.ok_or(AdminError::NotFound(name))?;
            entry.start().await.map_err(AdminError::Failed)?;
            Ok(entry.info())
        })
    }

    fn stop(&self, name: &str) -> Outcome {
        let (entry, name) = (self.find(name).cloned(), name.to_owned());
        Box::pin(async move {
            let entry = entry.ok_or(AdminError::NotFound(name))?;
            entry.stop(STOP).await;
            Ok(entry.info())
        })
    }

    fn metrics(&self, page: &mut String) {
        self.write_metrics(page);
    }
}

impl Entry {
    fn load(
        settings: Settings,
        services: &Services,
        routes: &Arc<Routes>,
        reserved: &[&'static str],
    ) -> Result<Self, PluginError> {
        let Some(path) = settings.candidates.iter().find(|path| path.exists()) else {
            return Err(PluginError::Missing { name: settings.name, candidates: settings.candidates });
        };
        let library = Library::load(path, settings.sha256.as_deref());
        let library = library.map(Arc::new).map_err(|error| error.to_string());
        let name: Arc<str> = settings.name.as_str().into();
        let specs = library.as_ref().map_or(&[][..], |library| &library.manifest.routes);
        Ok(Self {
            door: Door::new(Arc::clone(&name), specs),
            name,
            settings,
            library,
            services: services.clone(),
            routes: Arc::clone(routes),
            running: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            follows: Mutex::default(),
            declared: Mutex::default(),
            clash: Mutex::default(),
            reserved: reserved.to_vec(),
        })
    }

    /// Makes and starts an instance, unless one runs.
    async fn start(self: &Arc<Self>) -> Result<(), String> {
        let mut running = self.running.lock().await;
        if running.as_ref().is_some_and(|instance| instance.shared.state() == State::Started) {
            return Ok(());
        }
        let library = Arc::clone(self.library.as_ref().map_err(Clone::clone)?);
        let wrong = library.manifest.check_config(&self.settings.config);
        let shared = Shared::new(
            Arc::clone(&self.name),
            library.manifest.version.clone(),
            library.manifest.reads.clone(),
            self.services.clone(),
            BUDGET,
        );
        *self.last.lock() = Some(Arc::clone(&shared));
        if !wrong.is_empty() {
            let error = format!("its configuration does not fit: {}", wrong.join("; "));
            shared.enter(State::Failed, Some(error.clone()));
            return Err(error);
        }
        let entry = Arc::clone(self);
        let ours = Arc::clone(&shared);
        let register = Box::new(move |declared, abilities| entry.register(&ours, declared, abilities));
        let config = self.settings.config.to_string();
        let (instance, started) =
            instance::start(library, Arc::clone(&shared), Arc::clone(&self.door), config, register)
                .map_err(|error| format!("its hook thread: {error}"))?;
        *running = Some(instance);
        match tokio::time::timeout(START, started).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("its hook thread has ended".to_owned()),
            Err(_) => {
                let error = format!("start has not returned within {} seconds", START.as_secs());
                shared.enter(State::Failed, Some(error.clone()));
                Err(error)
            }
        }
    }

    /// Stops the instance that runs, if one does.
    async fn stop(&self, deadline: Duration) {
        let mut running = self.running.lock().await;
        if let Some(instance) = running.take() {
            if let Some(follows) = self.follows.lock().take() {
                self.services.hub.unfollow(follows);
            }
            if instance.shared.state() == State::Started {
                instance.stop(deadline).await;
            }
        }
    }

    /// Enters what the library and the instance declare; on the hook thread, before `start`.
    fn register(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        more: Declared,
        can: Abilities,
    ) -> Result<(), String> {
        let Ok(library) = &self.library else { return Err("it is not loaded".to_owned()) };
        let manifest = &library.manifest;
        let lacks = |what: &str, id: &str| Err(format!("it declares {what} but has no extension '{id}'"));
        if !manifest.routes.is_empty() && !can.routes {
            return lacks("routes", tidegate_plugin::abi::ext::HTTP);
        }
        if (!manifest.calls.is_empty() || !more.calls.is_empty()) && !can.calls {
            return lacks("calls", tidegate_plugin::abi::ext::CALLS);
        }
        if (!manifest.follows.is_empty() || !more.follows.is_empty()) && !can.follow {
            return lacks("rooms to follow", tidegate_plugin::abi::ext::FOLLOW);
        }
        self.register_types(shared, manifest, &more);
        self.register_routes(manifest)?;
        self.register_calls(manifest, &more)?;
        self.door.behind.store(Some(Arc::clone(shared)));
        let follows: Vec<String> = manifest.follows.iter().chain(&more.follows).cloned().collect();
        if !follows.is_empty() {
            *self.follows.lock() = Some(self.services.hub.follow(&follows, Arc::clone(&self.door) as _));
        }
        Ok(())
    }

    fn register_types(&self, shared: &Shared, manifest: &Manifest, more: &Declared) {
        let types = self.services.hub.types();
        let names: Vec<String> =
            manifest.events.iter().chain(&more.events).map(|event| event.kind.clone()).collect();
        types.declare(names.iter().map(String::as_str));
        if let Some(before) = self.declared.lock().replace(names.clone()) {
            types.withdraw(before.iter().map(String::as_str));
        }
        let known = names.iter().filter_map(|name| Some((name.as_str().into(), types.find(name)?)));
        *shared.types.write() = known.collect();
    }

    fn register_routes(&self, manifest: &Manifest) -> Result<(), String> {
        let spec = |(index, route): (usize, &manifest::RouteSpec)| {
            let method = route.method.parse::<Method>().unwrap_or_default();
            let open =
                self.settings.open.iter().any(|open| *open == format!("{} {}", route.method, route.path));
            let scope = Spec::scope(&method, route.scope.as_deref(), open);
            Spec { method, path: route.path.clone(), index: index as u32, scope }
        };
        let specs = manifest.routes.iter().enumerate().map(spec).collect();
        self.routes
            .declare(&self.name, specs, Arc::clone(&self.door) as _)
            .map_err(|clash| self.clashes(clash.to_string()))
    }

    fn register_calls(self: &Arc<Self>, manifest: &Manifest, more: &Declared) -> Result<(), String> {
        let calls = || manifest.calls.iter().chain(&more.calls);
        self.door.set_calls(calls());
        for call in calls() {
            if self.reserved.contains(&call.name.as_str()) {
                let text = format!(
                    "plugin '{}': the call '{}' is a request of the gateway's own",
                    self.name, call.name
                );
                return Err(self.clashes(text));
            }
            let taken = self.services.hub.calls().declare(
                &call.name,
                &self.name,
                call.scope.as_deref(),
                Arc::clone(&self.door) as _,
            );
            if let Err(other) = taken {
                let text =
                    format!("plugins '{}' and '{other}' both declare the call '{}'", self.name, call.name);
                return Err(self.clashes(text));
            }
        }
        Ok(())
    }

    fn clashes(&self, text: String) -> String {
        *self.clash.lock() = Some(text.clone());
        text
    }

    fn info(&self) -> PluginInfo {
        use std::sync::atomic::Ordering::Relaxed;
        let last = self.last.lock().clone();
        let (plugin, version) = match &self.library {
            Ok(library) => (library.manifest.name.as_str(), library.manifest.version.as_str()),
            Err(_) => ("", ""),
        };
        let state = last.as_ref().map_or(State::Failed, |shared| shared.state());
        let error = || self.library.as_ref().err().cloned();
        PluginInfo {
            name: Arc::clone(&self.name),
            plugin: plugin.into(),
            state: state.name(),
            version: version.into(),
            abi: self.library.as_ref().map_or_else(|_| "".into(), |l| abi_of(l).into()),
            critical: self.library.as_ref().is_ok_and(|library| library.manifest.critical),
            restarts: 0,
            panics: last.as_ref().map_or(0, |shared| shared.panics.load(Relaxed)),
            queued: last.as_ref().map_or(0, |shared| shared.queue.waiting()),
            given_away_bytes: last.as_ref().map_or(0, |shared| shared.given.load(Relaxed)),
            last_error: last.as_ref().map_or_else(error, |shared| shared.last_error()),
        }
    }
}

fn abi_of(library: &Library) -> String {
    format!("{}.{}", library.table.abi_major, library.table.abi_minor)
}
