//! An endpoint that answers with the events since a cursor, and waits for the first where there is none yet. No session
//! lives between two such requests: what a client has got stands in its cursor alone.

mod bells;
mod page;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, select_all};
use http::{HeaderValue, Request, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use super::Entrance;
use super::admission::Refused;
use super::asked::Asked;
use crate::drain::Phase;
use crate::frame::{Bookmark, Form};
use crate::hub::{Filter, PastError};
use crate::identity::{Principal, Refusal};
use crate::router;
use crate::web::{self, Handoff, Problem, RequestBody, Response};
use bells::{Bell, Bells};
use page::{Page, Place, bookmark};

/// How long a request waits that does not say so, and how long one may.
const USUAL: Duration = Duration::from_secs(25);
const LONGEST: Duration = Duration::from_secs(60);

/// Events of one answer, where the request does not say, and at most.
const EVENTS: usize = 100;
const MOST_EVENTS: usize = 1000;

/// See the module's documentation.
pub struct Poll {
    entrance: Entrance,
    form: Form,
    /// For how long a request may wait at most, so that it is answered in its time.
    patience: Duration,
    bells: Bells,
}

/// A request that was understood.
struct Wish {
    rooms: Vec<Arc<str>>,
    filter: Filter,
    since: Option<Bookmark>,
    limit: usize,
    until: Instant,
}

impl router::Endpoint for Poll {
    fn answer(
        self: Rc<Self>,
        request: Request<RequestBody>,
        _handoff: Handoff,
    ) -> LocalBoxFuture<'static, Response> {
        Box::pin(
            async move { self.poll(&request).await.unwrap_or_else(|Refused(_, problem)| problem.into()) },
        )
    }
}

impl From<PastError> for Refused {
    fn from(error: PastError) -> Self {
        Self("history", Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
    }
}

impl Poll {
    /// Events are written in `form`; an answer must begin within `answer_timeout`.
    pub fn new(entrance: Entrance, form: Form, answer_timeout: Duration) -> Self {
        let patience = LONGEST.min(answer_timeout / 2);
        Self { entrance, form, patience, bells: Bells::default() }
    }

    async fn poll(&self, request: &Request<RequestBody>) -> Result<Response, Refused> {
        let waits = super::check_method(request.method())?;
        self.entrance.check_open()?;
        let mut asked = Asked::new(request.uri().query());
        let wish = self.wish(&mut asked, waits);
        let admitted = self.entrance.admit(request)?; // it has its place until it is answered
        asked.checked()?;
        self.entrance.check_rooms(admitted.principal(), &wish.rooms).await?;
        let bells = self.bells(&wish.rooms)?;
        let answer = match &wish.since {
            None => self.answer(&Page::default(), &self.places(&wish, &bells), false),
            Some(_) => self.wait(&wish, &bells).await?,
        };
        self.check_revoked(admitted.principal())?;
        Ok(answer)
    }

    fn wish(&self, asked: &mut Asked, waits: bool) -> Wish {
        let (rooms, types) = (asked.rooms(), asked.types(self.entrance.common.shard.hub()));
        if rooms.is_empty() {
            asked.wrong("rooms", "field required".into(), "missing");
        }
        let since = asked.value("cursor").map(str::parse::<Bookmark>).transpose();
        let since = since.unwrap_or_else(|error| {
            asked.wrong("cursor", error.to_string(), "cursor");
            None
        });
        let seconds = asked.number("timeout", 0.0..=f64::MAX, "seconds, none or more");
        let seconds = seconds.unwrap_or(USUAL.as_secs_f64());
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(self.patience);
        let limit = asked.number("limit", 1..=MOST_EVENTS, "a whole number from 1 to 1000").unwrap_or(EVENTS);
        let until = Instant::now() + if waits { wait } else { Duration::ZERO };
        Wish { rooms, filter: Filter::new(types, None), since, limit, until }
    }

    /// The bells of the rooms, all of which must keep history.
    fn bells(&self, rooms: &[Arc<str>]) -> Result<Vec<Rc<Bell>>, Refused> {
        let hub = self.entrance.common.shard.hub();
        let bell = |room| {
            let bell = self.bells.of(hub, room).map_err(PastError::from)?;
            if bell.keeps() { Ok(bell) } else { Err(no_history(room)) }
        };
        rooms.iter().map(bell).collect()
    }

    /// Where the client is in its rooms: in one that its cursor does not know, behind the last event.
    fn places(&self, wish: &Wish, bells: &[Rc<Bell>]) -> Vec<Place> {
        let place = |(room, bell): (&Arc<str>, &Rc<Bell>)| {
            let known = wish.since.as_ref().and_then(|since| since.find(room));
            Place { room: Arc::clone(room), cursor: known.unwrap_or_else(|| bell.cursor()) }
        };
        wish.rooms.iter().zip(bells).map(place).collect()
    }

    /// Answers as soon as there is something to tell, or when the time is over.
    async fn wait(&self, wish: &Wish, bells: &[Rc<Bell>]) -> Result<Response, Refused> {
        let hub = self.entrance.common.shard.hub();
        let mut places = self.places(wish, bells);
        loop {
            // Heard from here on: what is published while the histories are read rings.
            let rings = bells.iter().map(|bell| Box::pin(bell.rings())).collect::<Vec<_>>();
            let page = Page::read(hub, &mut places, &wish.filter, wish.limit).await?;
            let closing = self.entrance.phase.reached(Phase::Closing);
            let wakes = async {
                tokio::select! {
                    _ = select_all(rings) => true,
                    () = closing => false,
                }
            };
            if !page.is_empty() || !timeout_at(wish.until, wakes).await.unwrap_or(false) {
                return Ok(self.answer(&page, &places, true));
            }
        }
    }

    fn answer(&self, page: &Page, places: &[Place], resumed: bool) -> Response {
        let shard = &self.entrance.common.shard;
        for posted in &page.events {
            shard.counters().class(posted.room.class).of(&posted.kind).delivered.add(1);
        }
        let body = page.write(shard.hub().forms(), self.form, &bookmark(places), resumed);
        shard.counters().bytes_out.add(body.len() as u64);
        let mut response = web::answer(StatusCode::OK, "application/json", body);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Who was called back while it waited gets nothing.
    fn check_revoked(&self, principal: &Principal) -> Result<(), Refused> {
        match self.entrance.common.revocations.hold(principal) {
            true => Err(Refused(Refusal::Revoked.name(), Refusal::Revoked.into())),
            false => Ok(()),
        }
    }
}

fn no_history(room: &str) -> Refused {
    let detail = format!("the room '{room}' keeps no history: nothing of it can be polled");
    Refused("history", Problem::new(StatusCode::BAD_REQUEST, detail).with("room", room))
}
