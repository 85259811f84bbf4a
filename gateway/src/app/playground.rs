//! What the configuration says to the page `/playground`.

use serde::Serialize;

use crate::api::{Playable, Playground};
use crate::config::Config;
use crate::config::model::session as settings;
use crate::web::Part;

/// The endpoints that a page of this gateway can connect to.
pub(super) fn playground(config: &Config) -> Playground {
    let there = config.endpoint.iter().filter(|endpoint| is_reachable(config, endpoint));
    Playground { name: config.name.clone(), endpoints: there.map(|one| playable(config, one)).collect() }
}

/// A page may connect to its own listener alone, and has to name a path.
fn is_reachable(config: &Config, endpoint: &settings::Config) -> bool {
    let own = endpoint.listener.as_ref();
    let mut listeners = config.listener.iter().filter(|listener| own.is_none_or(|own| *own == listener.name));
    !endpoint.any && listeners.any(|listener| listener.serves(Part::Api) && listener.serves(Part::Endpoints))
}

fn playable(config: &Config, endpoint: &settings::Config) -> Playable {
    let profile = config.auth.get(&endpoint.auth);
    let tokens = profile.map_or(&[][..], |profile| &profile.take_from);
    let is_socketio = endpoint.dialect == settings::Dialect::SocketIo;
    Playable {
        path: endpoint.path.clone(),
        transport: word(&endpoint.transport),
        dialect: word(&endpoint.dialect),
        anonymous: profile.is_some_and(|profile| profile.anonymous),
        tokens: tokens.iter().map(word).collect(),
        namespaces: if is_socketio { endpoint.socketio.namespaces.clone() } else { Vec::new() },
    }
}

/// The configuration's word for a choice that it offers.
fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
