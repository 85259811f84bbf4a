//! A configured plugin over its instances: what is loaded, registered, started and stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::Method;
use parking_lot::Mutex;

use super::counts::Tally;
use super::door::Door;
use super::instance::{self, Abilities, Instance, Register};
use super::library::Library;
use super::manifest::{Declared, Manifest};
use super::refused::Refusals;
use super::shared::{Services, Shared, State};
use super::terms::Terms;
use super::{PluginError, Settings};
use crate::web::{Declaration, PluginInfo, RouteSpec, Routes, Spec};

/// Bytes that an instance may have given away and that are not released yet.
const BUDGET: usize = 64 * 1024 * 1024;
/// For how long `create` and `start` may take.
const START: Duration = Duration::from_secs(30);

/// A configured plugin.
pub(super) struct Entry {
    pub(super) name: Arc<str>,
    settings: Settings,
    /// None where it did not load; then why.
    library: Result<Arc<Library>, String>,
    door: Arc<Door>,
    services: Services,
    routes: Arc<Routes>,
    running: tokio::sync::Mutex<Option<Instance>>,
    /// The last instance, for lists.
    pub(super) last: Mutex<Option<Arc<Shared>>>,
    follows: Mutex<Option<u64>>,
    watches: Mutex<Option<u64>>,
    /// What it has declared, so that it is declared once however often it starts.
    declared: Mutex<Option<Vec<String>>>,
    /// The same whole, for the documents.
    told: Mutex<Option<Arc<Declaration>>>,
    /// Times that it was started again after it had failed.
    restarts: AtomicU64,
    /// Counted over all its instances.
    pub(super) tally: Arc<Tally>,
    /// Events of its that were refused.
    pub(super) refusals: Arc<Refusals>,
    /// A clash, which ends the start of the gateway.
    pub(super) clash: Mutex<Option<String>>,
    reserved: Vec<&'static str>,
}

impl Entry {
    pub(super) fn load(
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
            watches: Mutex::default(),
            declared: Mutex::default(),
            told: Mutex::default(),
            restarts: AtomicU64::new(0),
            tally: Arc::default(),
            refusals: Arc::default(),
            clash: Mutex::default(),
            reserved: reserved.to_vec(),
        })
    }

    /// Runs an order to its end, though who gave it may go: half of a start or stop would leave an instance that
    /// nobody looks after.
    pub(super) async fn to_its_end(
        &self,
        order: impl Future<Output = Result<(), String>> + Send + 'static,
    ) -> Result<(), String> {
        let done = self.services.control.spawn(order).await;
        done.unwrap_or_else(|error| Err(format!("the order was not carried out: {error}")))
    }

    /// Makes and starts an instance, unless one runs.
    pub(super) async fn start(self: &Arc<Self>) -> Result<(), String> {
        let mut running = self.running.lock().await;
        if running.as_ref().is_some_and(|instance| instance.shared.state() == State::Started) {
            return Ok(());
        }
        if self.last.lock().as_ref().is_some_and(|last| last.state() == State::Failed) {
            self.restarts.fetch_add(1, Relaxed);
        }
        let (library, shared, register) = self.instance()?;
        let config = self.settings.config.to_string();
        let (instance, started) =
            instance::start(library, Arc::clone(&shared), Arc::clone(&self.door), config, register)
                .map_err(|error| format!("its hook thread: {error}"))?;
        *running = Some(instance);
        let outcome = match tokio::time::timeout(START, started).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("its hook thread has ended".to_owned()),
            Err(_) => {
                let error = format!("start has not returned within {} seconds", START.as_secs());
                shared.enter(State::Failed, Some(error.clone()));
                Err(error)
            }
        };
        if outcome.is_err() {
            self.unfollow();
        }
        outcome
    }

    /// What the next instance is made of, where its settings fit its schema.
    fn instance(self: &Arc<Self>) -> Result<(Arc<Library>, Arc<Shared>, Register), String> {
        let library = Arc::clone(self.library.as_ref().map_err(Clone::clone)?);
        let shared = Shared::new(
            Arc::clone(&self.name),
            library.manifest.version.clone(),
            library.manifest.reads.clone(),
            self.services.clone(),
            BUDGET,
            Arc::clone(&self.tally),
            Arc::clone(&self.refusals),
        );
        *self.last.lock() = Some(Arc::clone(&shared));
        let wrong = library.manifest.check_config(&self.settings.config);
        if !wrong.is_empty() {
            let error = format!("its configuration does not fit: {}", wrong.join("; "));
            shared.enter(State::Failed, Some(error.clone()));
            return Err(error);
        }
        let (entry, ours) = (Arc::clone(self), Arc::clone(&shared));
        let register = Box::new(move |declared, abilities| entry.register(&ours, declared, abilities));
        Ok((library, shared, register))
    }

    /// Goes as far as a start without starting: makes an instance, on this thread, enters what it declares, and destroys it.
    pub(super) fn rehearse(self: &Arc<Self>) -> Result<(), String> {
        let (library, shared, register) = self.instance()?;
        let hooks = instance::make(&library, &shared, &self.settings.config.to_string(), register)?;
        hooks.destroy();
        Ok(())
    }

    /// Events and moments of sessions come no more, or come to another instance.
    fn unfollow(&self) {
        if let Some(follows) = self.follows.lock().take() {
            self.services.hub.unfollow(follows);
        }
        if let Some(watches) = self.watches.lock().take() {
            self.services.hub.moments().remove(watches);
        }
    }

    /// Stops the instance that runs, if one does.
    pub(super) async fn stop(&self, deadline: Duration) {
        let mut running = self.running.lock().await;
        if let Some(instance) = running.take() {
            self.unfollow();
            if instance.shared.state() == State::Started {
                instance.stop(deadline).await;
            }
            self.refusals.settle(&self.name);
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
        let terms = Terms::new(manifest, &more, self.settings.validate).map_err(|error| error.to_string())?;
        let _first = shared.terms.set(terms);
        if can.health {
            shared.set_health();
        }
        self.register_types(shared, manifest, &more);
        self.register_routes(manifest)?;
        self.register_calls(manifest, &more)?;
        *self.told.lock() = Some(Arc::new(self.declaration(manifest, &more)));
        self.door.behind.store(Some(Arc::clone(shared)));
        let follows: Vec<String> = manifest.follows.iter().chain(&more.follows).cloned().collect();
        self.unfollow();
        if !follows.is_empty() {
            *self.follows.lock() = Some(self.services.hub.follow(&follows, Arc::clone(&self.door) as _));
        }
        if let Some(wanted) = more.watches {
            let moments = self.services.hub.moments();
            *self.watches.lock() = Some(moments.add(wanted, Arc::clone(&self.door) as _));
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
        let _first = shared.types.set(known.collect());
    }

    /// Everything that this instance declares, as it holds.
    fn declaration(&self, manifest: &Manifest, more: &Declared) -> Declaration {
        let route = |route: &RouteSpec| RouteSpec {
            scope: self.scope(route).map(|scope| scope.to_string()),
            request: more.request(route).cloned(),
            ..route.clone()
        };
        Declaration {
            name: self.name.to_string(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            events: manifest.events.iter().chain(&more.events).cloned().collect(),
            routes: manifest.routes.iter().map(route).collect(),
            calls: manifest.calls.iter().chain(&more.calls).cloned().collect(),
            rooms: manifest.rooms.clone(),
        }
    }

    /// What the instance that runs declares; none where none does, since nobody would answer.
    pub(super) fn told(&self) -> Option<Arc<Declaration>> {
        let runs = self.last.lock().as_ref().is_some_and(|shared| shared.state() == State::Started);
        if runs { self.told.lock().clone() } else { None }
    }

    /// The scope that holds for a route.
    fn scope(&self, route: &RouteSpec) -> Option<Arc<str>> {
        let open = self.settings.open.iter().any(|open| *open == format!("{} {}", route.method, route.path));
        Spec::scope(&method(route), route.scope.as_deref(), open)
    }

    fn register_routes(&self, manifest: &Manifest) -> Result<(), String> {
        let spec = |(index, route): (usize, &RouteSpec)| Spec {
            method: method(route),
            path: route.path.clone(),
            index: index as u32,
            scope: self.scope(route),
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

    pub(super) fn info(&self) -> PluginInfo {
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
            abi: self.library.as_ref().map_or_else(|_| "".into(), |library| library.abi().into()),
            critical: self.library.as_ref().is_ok_and(|library| library.manifest.critical),
            restarts: self.restarts.load(Relaxed),
            panics: self.tally.panics.get(),
            queued: last.as_ref().map_or(0, |shared| shared.queue.waiting()),
            given_away_bytes: last.as_ref().map_or(0, |shared| shared.given.load(Relaxed)),
            last_error: last.as_ref().map_or_else(error, |shared| shared.last_error()),
            health: last.as_ref().and_then(|shared| shared.health()),
        }
    }
}

/// A route's method, which was checked with its manifest.
fn method(route: &RouteSpec) -> Method {
    route.method.parse().unwrap_or_default()
}
