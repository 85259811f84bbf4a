//! The plugins of a configuration: started, or only asked what they make of their settings.

use std::sync::Arc;

use tokio::runtime::{Builder, Handle};

use super::{StartError, parts};
use crate::config::{Complaint, Config, Key, model};
use crate::dialect::Rooms;
use crate::drain::Drain;
use crate::health::Health;
use crate::hub::Hub;
use crate::plugin::{Plugins, Services, Settings, Validate, trial};
use crate::router::Router;
use crate::store::Store;
use crate::web::Routes;

/// Where plugins may have routes: beside the gateway's own paths and the endpoints.
pub(super) fn routes(config: &Config) -> Arc<Routes> {
    let endpoints = config.endpoint.iter().map(|endpoint| endpoint.path.clone());
    Arc::new(Routes::new(Router::is_core).beside(endpoints))
}

/// Starts the plugins, and has the health of all parts watched from then on.
pub(super) async fn start(
    config: &Config,
    hub: &Arc<Hub>,
    store: Arc<dyn Store>,
    routes: &Arc<Routes>,
    phase: &Drain,
) -> Result<(Arc<Plugins>, Arc<Health>), StartError> {
    let (hub, changed) = (Arc::clone(hub), Arc::default());
    let (control, ours) = (Handle::current(), Arc::clone(&changed));
    let services = Services { hub: Arc::clone(&hub), store: Arc::clone(&store), control, changed: ours };
    let plugins = Plugins::start(settings(config), services, Arc::clone(routes), reserved()).await?;
    let health = parts::health(&hub, &plugins, store, phase);
    health.check().await; // so that nobody meets a gateway that does not know how it is
    tokio::spawn(Arc::clone(&health).watch(changed));
    Ok((plugins, health))
}

/// Has every plugin made of its settings and asked what it declares, and starts none: what would keep one from starting
/// that its schema does not say. A plugin's code runs, in this process.
pub fn rehearse(config: &Config) -> Vec<Complaint> {
    let about = |name: &str| Key::of("plugins").then(name);
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string());
    let rehearsal = async { trial::rehearse(settings(config), &routes(config), &reserved()) };
    match runtime.and_then(|runtime| runtime.block_on(rehearsal)) {
        Ok(complaints) => complaints.into_iter().map(|(name, why)| (about(&name), why)).collect(),
        Err(error) => vec![(Key::of("plugins"), format!("cannot be tried: {error}"))],
    }
}

/// Names that no call of a plugin's may have.
fn reserved() -> Vec<&'static str> {
    Rooms::reserved().collect()
}

fn settings(config: &Config) -> Vec<Settings> {
    let enabled = config.plugins.instances.iter().filter(|(_, instance)| instance.enabled);
    enabled
        .map(|(name, instance)| Settings {
            name: name.clone(),
            candidates: config.plugins.candidates(name, instance),
            sha256: instance.sha256.clone(),
            open: instance.open.clone(),
            validate: match instance.validate {
                model::plugin::Validate::Always => Validate::Always,
                model::plugin::Validate::Sample => Validate::Sample,
                model::plugin::Validate::Off => Validate::Off,
            },
            config: instance.settings.clone().into(),
        })
        .collect()
}
