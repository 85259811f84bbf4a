//! An endpoint that sends events as `text/event-stream`, over whatever HTTP a client speaks.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use tokio::task::spawn_local;

use super::Entrance;
use super::admission::Refused;
use super::asked::Asked;
use crate::frame::Bookmark;
use crate::identity::Principal;
use crate::router;
use crate::session::{self, Inflow, Opening, Resume, Unopened, Wants};
use crate::transport::{Socket, pipe};
use crate::web::{self, Body, Handoff, Problem, RequestBody, Response};

/// Where browsers say how far they have got.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The same in the query, for clients that cannot set a header.
const LAST_EVENT_ID_IN_QUERY: &str = "last_event_id";

/// How long a client waits until it comes again whose stream has ended, milliseconds: it takes the first line for that.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// See the module's documentation.
pub struct Events {
    /// For clients in one room, whose events say how far they have got.
    pub entrance: Entrance,
    /// For those in several.
    pub several: Rc<session::Endpoint>,
}

impl router::Endpoint for Events {
    fn answer(
        self: Rc<Self>,
        request: Request<RequestBody>,
        _handoff: Handoff,
    ) -> LocalBoxFuture<'static, Response> {
        Box::pin(async move {
            let answer = self.accept(&request).await;
            answer.unwrap_or_else(|refused| self.entrance.refuse(refused))
        })
    }
}

impl From<Unopened> for Refused {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::TooManyOfUser => super::admission::No::Full.into(),
            Unopened::Room(room, error) => {
                let detail = format!("cannot join the room '{room}': {error}");
                let problem = Problem::new(StatusCode::FORBIDDEN, detail).because(error.label());
                Self("room", problem.with("room", &*room))
            }
        }
    }
}

impl Events {
    async fn accept(&self, request: &Request<RequestBody>) -> Result<Response, Refused> {
        let reads = super::check_method(request.method())?;
        let entrance = &self.entrance;
        entrance.check_open()?;
        let hub = entrance.common.shard.hub();
        let mut asked = Asked::new(request.uri().query());
        let (rooms, types) = (asked.rooms(), asked.types(hub));
        let admitted = entrance.admit(request)?;
        asked.checked()?;
        entrance.check_rooms(admitted.principal(), &rooms).await?;
        let several = self.are_several(admitted.principal(), &rooms);
        if !reads {
            return Ok(stream(web::whole("")));
        }
        let visitor = entrance.visitor(request, admitted)?;
        let (socket, outlet) = pipe();
        let opening = Opening {
            socket: Socket::Pipe(socket),
            answer: RETRY.to_vec(),
            source: Inflow::Nowhere,
            deflate: None,
        };
        let endpoint = Rc::clone(if several { &self.several } else { &entrance.endpoint });
        let wants = Wants { rooms, types, since: resume(request, &asked), in_frames: !several };
        let life = session::listen(Rc::clone(&entrance.common), endpoint, visitor, opening, &wants)?;
        spawn_local(life);
        Ok(stream(outlet.map_err(|never| match never {}).boxed_unsync()))
    }

    /// Whether a client needs to be told of several rooms how far it has got.
    fn are_several(&self, principal: &Principal, rooms: &[Arc<str>]) -> bool {
        let endpoint = &self.entrance.endpoint;
        let rules = self.entrance.common.shard.hub().rules();
        let keeps = |room: &str| rules.find(room).keep.size > 0;
        let mut all = endpoint.own_rooms(principal);
        all.extend(rooms.iter().map(ToString::to_string));
        all.sort();
        all.dedup();
        let keeping = all.iter().filter(|room| keeps(room)).count();
        rooms.len() > 1 || keeping + usize::from(endpoint.broadcasts && keeps("")) > 1
    }
}

/// How far the client has got that comes again. What it was never given is no error: a browser would give up, and as a
/// place that is gone it is told what it has to do.
fn resume<B>(request: &Request<B>, asked: &Asked) -> Resume {
    let header = request.headers().get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or("?"));
    match header.filter(|id| !id.is_empty()).or_else(|| asked.value(LAST_EVENT_ID_IN_QUERY)) {
        None => Resume::Now,
        Some(id) => id.parse::<Bookmark>().map_or(Resume::Unknown, Resume::After),
    }
}

/// The answer that goes on. Nobody on its way is to keep it, or to hold it back until there is more.
fn stream(body: Body) -> Response {
    let mut response = Response::new(body);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
