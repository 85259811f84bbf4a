//! The limits that the configuration says.

use std::sync::Arc;

use crate::config::Config;
use crate::config::model::limits::{self as settings, Class, Store, Window};
use crate::config::model::session;
use crate::limits::{self, BadStore, Limits, Publishes, Recent, Rule, Settings};
use crate::metrics::Metrics;
use crate::session::Places;
use crate::units::{ByteRate, Rate};
use crate::web::{Located, Location};

/// How many sessions there may be, over all shards.
pub(super) struct Capacity {
    endpoints: Located<Arc<Places>>,
    recent: Located<Arc<Recent>>,
    /// Of whom nobody knows who they are.
    pub(super) unknown: Arc<Places>,
}

impl Capacity {
    pub(super) fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let endpoints = config.endpoint.iter();
        let recent = endpoints.clone().filter_map(|one| {
            Some((one.location(), Recent::new("messages_per_user", one.rate_per_user()?, metrics)))
        });
        Self {
            recent: Located::new(recent),
            endpoints: Located::new(
                endpoints.map(|one| (one.location(), Places::new(one.max_sessions as usize))),
            ),
            unknown: Places::new(config.limits.unauthenticated.sessions as usize),
        }
    }

    /// From now on `config` holds.
    pub(super) fn set(&self, config: &Config) {
        for (location, places) in self.endpoints.iter() {
            if let Some(endpoint) = config.endpoint.iter().find(|one| one.location() == *location) {
                places.set(endpoint.max_sessions as usize);
            }
        }
        for (location, recent) in self.recent.iter() {
            let endpoint = config.endpoint.iter().find(|one| one.location() == *location);
            if let Some(rate) = endpoint.and_then(session::Config::rate_per_user) {
                recent.set(rate);
            }
        }
        self.unknown.set(config.limits.unauthenticated.sessions as usize);
    }

    /// The places of the endpoint that is there.
    pub(super) fn endpoint(&self, location: &Location) -> Arc<Places> {
        self.endpoints.at(location).map_or_else(|| Places::new(0), Arc::clone)
    }

    /// What users have sent of late at the endpoint that is there, where that counts.
    pub(super) fn recent(&self, location: &Location) -> Option<Arc<Recent>> {
        self.recent.at(location).map(Arc::clone)
    }
}

/// Holds everybody to the configuration, together with other nodes where it says so.
pub(super) async fn open(config: &Config, metrics: &Arc<Metrics>) -> Result<Arc<Limits>, BadStore> {
    let Store::Redis(url) = &config.limits.store else {
        return Ok(Arc::new(Limits::new(settings(config), metrics)));
    };
    let store = limits::Store::new(url.expose())?;
    let limits = Arc::new(Limits::sharing(settings(config), metrics));
    limits.share(store).await;
    Ok(limits)
}

/// How much there may be of what.
pub(super) fn settings(config: &Config) -> Settings {
    let all = &config.limits;
    let bucket = |rate, burst, dry_run| Rule::new(rate, burst, limits::Window::Bucket, dry_run);
    let (handshakes, frames, refusals) = (&all.handshakes, &all.frames, &all.refusals);
    let handshake = |rate, name| bucket(rate, handshakes.burst, handshakes.dry_run.holds(name));
    let usual = Class::default();
    Settings {
        exempt: all.exempt.clone(),
        handshakes_per_address: handshake(handshakes.per_address, "per_address"),
        handshakes_per_subnet: handshake(handshakes.per_subnet, "per_subnet"),
        requests_per_address: Rule::new(
            all.requests.per_address,
            all.requests.burst,
            window(all.requests.window),
            all.requests.dry_run.holds("per_address"),
        ),
        frames_per_session: bucket(frames.per_session, frames.burst, frames.dry_run.holds("per_session")),
        refusals_per_session: bucket(
            refusals.per_session,
            refusals.burst,
            refusals.dry_run.holds("per_session"),
        ),
        usual: class(all, &usual),
        classes: all.class.iter().map(|(name, own)| (name.clone(), class(all, own))).collect(),
        publishes: publishes(all),
    }
}

/// What a class says, and for the rest what holds for all.
fn class(all: &settings::Config, own: &Class) -> limits::Class {
    let (requests, bytes) = (&all.requests, &all.bytes);
    let request = |own_rate: Option<Rate>, rate: Rate, name| {
        let burst = own.requests.burst.unwrap_or(requests.burst);
        Rule::new(own_rate.unwrap_or(rate), burst, window(requests.window), requests.dry_run.holds(name))
    };
    let of_bytes = |own_rate: Option<ByteRate>, rate: ByteRate, name| {
        let burst = own.bytes.burst.unwrap_or(bytes.burst);
        Rule::of_bytes(own_rate.unwrap_or(rate), burst, bytes.dry_run.holds(name))
    };
    limits::Class {
        requests_per_session: request(own.requests.per_session, requests.per_session, "per_session"),
        requests_per_user: request(own.requests.per_user, requests.per_user, "per_user"),
        bytes_per_session: of_bytes(own.bytes.per_session, bytes.per_session, "per_session"),
        bytes_per_user: of_bytes(own.bytes.per_user, bytes.per_user, "per_user"),
    }
}

fn publishes(all: &settings::Config) -> Publishes {
    let (publishes, bytes) = (&all.publishes, &all.bytes);
    let event = |rate: Rate, name| {
        Rule::new(rate, publishes.burst, window(publishes.window), publishes.dry_run.holds(name))
    };
    let of_bytes = |rate: ByteRate, name| Rule::of_bytes(rate, bytes.burst, bytes.dry_run.holds(name));
    Publishes {
        per_room: event(publishes.per_room, "per_room"),
        per_type: event(publishes.per_type, "per_type"),
        per_key: event(publishes.per_key, "per_key"),
        bytes_per_room: of_bytes(bytes.per_room, "per_room"),
        bytes_per_type: of_bytes(bytes.per_type, "per_type"),
    }
}

fn window(window: Window) -> limits::Window {
    match window {
        Window::Sliding => limits::Window::Sliding,
        Window::Bucket => limits::Window::Bucket,
    }
}
