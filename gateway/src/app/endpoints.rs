//! Endpoints of the configuration, and the forms that their events have.

use std::rc::Rc;
use std::sync::Arc;

use super::identity::{Identity, Profiles as _};
use super::limits::Capacity;
use crate::config::Config;
use crate::config::model::session as settings;
use crate::dialect::envelope;
use crate::dialect::{Dialect, Echo, Envelope, EnvelopeFrame, Rooms, RoomsFrame};
use crate::drain::Drain;
use crate::endpoint::{Entrance, WebSocket};
use crate::frame::{Form, Forms};
use crate::router;
use crate::session::{self, Common, Heartbeat};
use crate::transport::Framing;
use crate::transport::websocket::Limits;
use crate::web::Located;

/// The forms of the endpoints' events: endpoints whose events look the same have one.
#[derive(Clone)]
pub(super) struct Wires(Arc<[(Look, Form)]>);

/// What events of an endpoint look like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Rooms(Framing),
    Envelope(Framing),
}

impl Wires {
    /// Those that the configuration needs.
    pub(super) fn of(config: &Config) -> (Self, Forms) {
        let mut forms = Forms::default();
        let mut known: Vec<(Look, Form)> = Vec::new();
        // Also where no endpoint has it: what a history keeps is taken out of its publisher's memory by a form.
        let usual = Look::Rooms(Framing::WebSocket);
        for look in std::iter::once(usual).chain(config.endpoint.iter().filter_map(look)) {
            if known.iter().all(|(other, _)| *other != look) {
                let form = match look {
                    Look::Rooms(framing) => forms.add(RoomsFrame(framing)),
                    Look::Envelope(framing) => forms.add(EnvelopeFrame(framing)),
                };
                known.push((look, form));
            }
        }
        (Self(known.into()), forms)
    }

    fn form(&self, settings: &settings::Config) -> Option<Form> {
        let look = look(settings)?;
        self.0.iter().find(|(known, _)| *known == look).map(|(_, form)| *form)
    }

    /// What the endpoint's frames mean.
    fn dialect(&self, settings: &settings::Config) -> Rc<dyn Dialect> {
        let framing = framing(settings);
        match (settings.dialect, self.form(settings)) {
            (settings::Dialect::Rooms, Some(form)) => Rc::new(Rooms::new(form, framing)),
            (settings::Dialect::Envelope, Some(form)) => {
                let streams = settings.envelope.as_ref().is_some_and(|envelope| envelope.stream);
                Rc::new(Envelope::new(form, framing, streams))
            }
            (settings::Dialect::Echo, _) => Rc::new(Echo(framing)),
            (dialect, None) => unreachable!("{dialect:?} has a form"),
        }
    }
}

fn look(settings: &settings::Config) -> Option<Look> {
    match settings.dialect {
        settings::Dialect::Rooms => Some(Look::Rooms(framing(settings))),
        settings::Dialect::Envelope => Some(Look::Envelope(framing(settings))),
        settings::Dialect::Echo => None,
    }
}

fn framing(settings: &settings::Config) -> Framing {
    match settings.transport {
        settings::Transport::WebSocket => Framing::WebSocket,
    }
}

/// Event types that clients of the endpoints know: there are such, whether any plugin declares them or not.
pub(super) fn event_types(config: &Config) -> Vec<String> {
    let of = |settings: &settings::Config| match settings.dialect {
        settings::Dialect::Envelope => envelope::SENT.map(|kind| kind.name().to_owned()).to_vec(),
        settings::Dialect::Rooms | settings::Dialect::Echo => Vec::new(),
    };
    config.endpoint.iter().flat_map(of).collect()
}

/// The endpoints of the configuration, for one shard.
pub(super) fn all(
    config: &Config,
    identity: &Identity,
    common: &Rc<Common>,
    capacity: &Capacity,
    wires: &Wires,
    phase: &Drain,
) -> Located<Rc<dyn router::Endpoint>> {
    Located::new(config.endpoint.iter().map(|settings| {
        let endpoint = Rc::new(endpoint(config, identity, settings, capacity, wires));
        common.shard.counters().opened.know(endpoint.dialect.name());
        let entrance = Entrance {
            common: Rc::clone(common),
            endpoint,
            refuses_by_close: settings.refuse == settings::Refuse::Close,
            phase: phase.clone(),
        };
        let endpoint: Rc<dyn router::Endpoint> = match settings.transport {
            settings::Transport::WebSocket => Rc::new(WebSocket(entrance)),
        };
        (settings.location(), endpoint)
    }))
}

fn endpoint(
    config: &Config,
    identity: &Identity,
    settings: &settings::Config,
    capacity: &Capacity,
    wires: &Wires,
) -> session::Endpoint {
    let message = settings.message.unwrap_or(config.limits.message).len();
    session::Endpoint {
        path: settings.location().path,
        dialect: wires.dialect(settings),
        framing: framing(settings),
        profile: identity.profile(&settings.auth),
        welcome: settings.welcome.clone(),
        auto_join: settings.auto_join.clone(),
        heartbeat: Heartbeat {
            interval: settings.heartbeat.interval.get(),
            timeout: settings.heartbeat.timeout.get(),
        },
        idle_timeout: settings.idle_timeout.get(),
        broadcasts: settings.broadcasts,
        limits: Limits { message, fragments: config.limits.fragments },
        backlog: config.limits.backlog_per_session.len(),
        places: capacity.endpoint(&settings.location()),
        recent: capacity.recent(&settings.location()),
        unknown: Arc::clone(&capacity.unknown),
    }
}
