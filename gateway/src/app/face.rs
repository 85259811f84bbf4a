//! What the configuration says of the gateway to those outside.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::config::Config;
use crate::config::model::session as settings;
use crate::documents::{Dialect, Endpoint, Face, Server, Transport};
use crate::web::Part;

/// The gateway's names, and where it is. `addresses`: where the listeners really listen.
pub(super) fn face(config: &Config, addresses: &[(Arc<str>, SocketAddr)]) -> Face {
    let own = env!("CARGO_PKG_VERSION");
    let version = if config.api_version.is_empty() { own } else { &config.api_version };
    let anonymous = |profile: &str| config.auth.get(profile).is_some_and(|profile| profile.anonymous);
    let endpoint = |endpoint: &settings::Config| Endpoint {
        path: if endpoint.any { "/".into() } else { endpoint.path.clone() },
        transport: match endpoint.transport {
            settings::Transport::WebSocket | settings::Transport::EngineIo => Transport::Channel,
            settings::Transport::Sse => Transport::Sse,
            settings::Transport::Poll => Transport::Poll,
        },
        dialect: match endpoint.dialect {
            settings::Dialect::Rooms => Dialect::Rooms,
            settings::Dialect::Topics => Dialect::Topics,
            settings::Dialect::Stream => Dialect::Stream,
            settings::Dialect::Envelope => Dialect::Envelope,
            settings::Dialect::Echo => Dialect::Echo,
            settings::Dialect::SocketIo => Dialect::SocketIo,
        },
        welcome: endpoint.greeting().to_owned(),
        heartbeat: endpoint.heartbeat.interval.get().as_secs(),
        message: endpoint.message.unwrap_or(config.limits.message).len(),
        anonymous: anonymous(&endpoint.auth),
        auto_join: endpoint.first_rooms(),
    };
    Face {
        name: config.name.clone(),
        version: version.to_owned(),
        servers: addresses.iter().filter_map(|address| server(config, address)).collect(),
        endpoints: config.endpoint.iter().map(endpoint).collect(),
        anonymous: anonymous(&config.api.auth),
    }
}

/// A listener as clients find it: where it listens on all addresses, by its first name, or on this machine. One that is
/// there for operators alone is nobody else's business.
fn server(config: &Config, (name, address): &(Arc<str>, SocketAddr)) -> Option<Server> {
    let listener = config.listener.iter().find(|listener| *listener.name == **name)?;
    if ![Part::Api, Part::Plugins, Part::Endpoints].iter().any(|part| listener.serves(*part)) {
        return None;
    }
    let named = listener.hosts.iter().find(|host| *host != "*");
    let host = match (named, address) {
        (Some(host), address) if address.ip().is_unspecified() => format!("{host}:{}", address.port()),
        (None, SocketAddr::V4(address)) if address.ip().is_unspecified() => {
            SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())).to_string()
        }
        (None, SocketAddr::V6(address)) if address.ip().is_unspecified() => {
            SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())).to_string()
        }
        (_, address) => address.to_string(),
    };
    Some(Server { name: name.to_string(), host, tls: listener.tls.is_some() })
}
