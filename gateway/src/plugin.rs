//! The plugin host: libraries behind the C ABI, each instance with a thread of its own for its hooks. No code of a
//! plugin runs on a shard.

mod alone;
mod callbacks;
pub mod command;
mod counts;
mod door;
mod entry;
mod given;
mod health;
mod hooks;
mod instance;
mod leases;
mod library;
mod manifest;
mod metrics;
mod queue;
mod refused;
mod requests;
mod shared;
mod terms;
pub mod trial;
mod validate;
mod watches;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub use library::{Library, LoadError, NotElf, Why};
pub use manifest::{Flaw, Manifest, ManifestError};
pub use refused::Why as WhyRefused;
pub use shared::{Services, State};
pub use terms::{Terms, Validate};

use crate::metrics::Family;
use crate::web::{AdminError, Declaration, Outcome, PluginAdmin, PluginInfo, Routes};
use entry::Entry;
use shared::Shared;

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
    /// Which of its events are held against their schemas.
    pub validate: Validate,
    /// The plugin's own settings.
    pub config: Value,
}

/// Why the gateway cannot start with these plugins; one that merely does not load or start is `failed` instead.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No library is there.
    #[error("plugin '{name}': no library at {}: plugins.directory says where", list(.candidates))]
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
        let plugins = Arc::new(Self { entries });
        tokio::spawn(refused::watch(Arc::downgrade(&plugins)));
        Ok(plugins)
    }

    /// Stops all, the last started first, each within `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        for entry in self.entries.iter().rev() {
            entry.stop(deadline).await;
        }
    }

    /// What the host counts of the plugins, and the time series that they opened themselves.
    pub fn families(&self) -> Vec<Family> {
        let mut all = self.counts();
        let instances = self.instances();
        let locked: Vec<_> =
            instances.iter().map(|shared| (Arc::clone(&shared.name), shared.series.read())).collect();
        let series: Vec<_> =
            locked.iter().map(|(name, series)| (Arc::clone(name), series.iter().collect())).collect();
        let theirs = metrics::families(&series, &all);
        all.extend(theirs);
        all
    }

    /// The last instance of each.
    fn instances(&self) -> Vec<Arc<Shared>> {
        self.entries.iter().filter_map(|entry| entry.last.lock().clone()).collect()
    }

    /// One of them, as lists show it.
    pub fn info(&self, name: &str) -> Option<PluginInfo> {
        self.find(name).map(|entry| entry.info())
    }

    fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| *entry.name == *name)
    }
}

impl PluginAdmin for Plugins {
    fn list(&self) -> Vec<PluginInfo> {
        self.entries.iter().map(|entry| entry.info()).collect()
    }

    fn declared(&self) -> Vec<Arc<Declaration>> {
        self.entries.iter().filter_map(|entry| entry.told()).collect()
    }

    fn start(&self, name: &str) -> Outcome {
        let (entry, name) = (self.find(name).cloned(), name.to_owned());
        Box::pin(async move {
            let entry = entry.ok_or(AdminError::NotFound(name))?;
            let ours = Arc::clone(&entry);
            entry.to_its_end(async move { ours.start().await }).await.map_err(AdminError::Failed)?;
            Ok(entry.info())
        })
    }

    fn stop(&self, name: &str) -> Outcome {
        let (entry, name) = (self.find(name).cloned(), name.to_owned());
        Box::pin(async move {
            let entry = entry.ok_or(AdminError::NotFound(name))?;
            let ours = Arc::clone(&entry);
            let stop = async move {
                ours.stop(STOP).await;
                Ok(())
            };
            entry.to_its_end(stop).await.map_err(AdminError::Failed)?;
            Ok(entry.info())
        })
    }

    fn metrics(&self) -> Vec<Family> {
        self.families()
    }
}
