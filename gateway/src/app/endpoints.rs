//! Endpoints of the configuration, and the forms that their events have.

use std::rc::Rc;
use std::sync::Arc;

use super::identity::{Identity, Profiles as _};
use super::limits::Capacity;
use crate::config::Config;
use crate::config::model::session as settings;
use crate::dialect::{Dialect, Echo, Events, EventsFrame, Rooms, RoomsFrame};
use crate::drain::Drain;
use crate::endpoint::{Entrance, Events as EventStream, Poll, WebSocket};
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
    /// Of clients in one room, or in several.
    Events {
        with_ids: bool,
    },
}

impl Wires {
    /// Those that the configuration needs.
    pub(super) fn of(config: &Config) -> (Self, Forms) {
        let mut forms = Forms::default();
        let mut known: Vec<(Look, Form)> = Vec::new();
        // Also where no endpoint has it: what a history keeps is taken out of its publisher's memory by a form.
        let usual = Look::Rooms(Framing::WebSocket);
        for look in std::iter::once(usual).chain(config.endpoint.iter().flat_map(looks)) {
            if known.iter().all(|(other, _)| *other != look) {
                let form = match look {
                    Look::Rooms(framing) => forms.add(RoomsFrame(framing)),
                    Look::Events { with_ids } => forms.add(EventsFrame { with_ids }),
                };
                known.push((look, form));
            }
        }
        (Self(known.into()), forms)
    }

    fn form(&self, look: &Look) -> Form {
        let found = self.0.iter().find(|(known, _)| known == look).map(|(_, form)| *form);
        found.unwrap_or_else(|| unreachable!("{look:?} has a form"))
    }

    /// What the frames of an endpoint mean whose events look so; none where it takes none.
    fn dialect(&self, settings: &settings::Config, look: Option<&Look>) -> Rc<dyn Dialect> {
        match look {
            Some(look @ Look::Rooms(framing)) => Rc::new(Rooms::new(self.form(look), *framing)),
            Some(look @ Look::Events { .. }) => Rc::new(Events(self.form(look))),
            None => Rc::new(Echo(framing(settings))),
        }
    }
}

/// What the events of an endpoint look like, for one client or another.
fn looks(settings: &settings::Config) -> Vec<Look> {
    match (settings.dialect, settings.transport) {
        (settings::Dialect::Rooms, settings::Transport::WebSocket) => vec![Look::Rooms(framing(settings))],
        (settings::Dialect::Rooms, settings::Transport::Sse) => {
            vec![Look::Events { with_ids: true }, Look::Events { with_ids: false }]
        }
        (settings::Dialect::Rooms, settings::Transport::Poll) => vec![Look::Rooms(Framing::Bare)],
        (settings::Dialect::Echo, _) => Vec::new(),
    }
}

fn framing(settings: &settings::Config) -> Framing {
    match settings.transport {
        settings::Transport::WebSocket => Framing::WebSocket,
        settings::Transport::Sse => Framing::EventStream,
        settings::Transport::Poll => Framing::Bare,
    }
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
        let looks = looks(settings);
        let of =
            |look| Rc::new(endpoint(config, identity, settings, capacity, wires.dialect(settings, look)));
        let form = looks.first().map(|look| wires.form(look));
        let entrance = Entrance {
            common: Rc::clone(common),
            endpoint: of(looks.first()),
            refuses_by_close: settings.refuse == settings::Refuse::Close,
            phase: phase.clone(),
        };
        common.shard.counters().opened.know(entrance.endpoint.dialect.name());
        let endpoint: Rc<dyn router::Endpoint> = match (settings.transport, form) {
            (settings::Transport::Sse, _) => Rc::new(EventStream { entrance, several: of(looks.last()) }),
            (settings::Transport::Poll, Some(form)) => {
                Rc::new(Poll::new(entrance, form, config.http.answer_timeout.get()))
            }
            (settings::Transport::WebSocket | settings::Transport::Poll, _) => Rc::new(WebSocket(entrance)),
        };
        (settings.location(), endpoint)
    }))
}

fn endpoint(
    config: &Config,
    identity: &Identity,
    settings: &settings::Config,
    capacity: &Capacity,
    dialect: Rc<dyn Dialect>,
) -> session::Endpoint {
    let message = settings.message.unwrap_or(config.limits.message).len();
    session::Endpoint {
        path: settings.location().path,
        dialect,
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
        unknown: Arc::clone(&capacity.unknown),
    }
}
