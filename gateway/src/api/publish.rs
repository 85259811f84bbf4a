//! `POST /api/v1/publish`: one event, or a batch that is checked whole before anything is published.

mod shapes;

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Json;
use super::fields::{Fields, json as parse};
use super::{Api, Request};
use crate::audit::Deed;
use crate::documents::{Content, Operation, Tag};
use crate::frame::json::shorten;
use crate::frame::{Event, EventType, Timestamp};
use crate::hub::{PublishError, Receipt, check_name};
use crate::identity::{Question, Wish};
use crate::limits::{self, Publication};
use crate::web::{self, Invalid, Problem};
use shapes::{CutShort, Placed, PublishBody, Published};
pub(super) use shapes::{EventTypeName, RoomName};

/// The fields that say where an event goes, of which there is one at most.
const TARGETS: [&str; 4] = ["room", "rooms", "user", "role"];
/// Events of one batch at most.
const MOST: usize = 1000;
/// Bytes of a key or id at most.
const LONGEST: usize = 200;
/// Seconds after which a refused publish may be tried again.
const RETRY_AFTER: u16 = 1;

/// An event with where it goes.
struct Wanted {
    rooms: Vec<String>,
    /// Several rooms were asked for: the answer is a list.
    several: bool,
    event: Event,
}

pub(super) fn told() -> Operation {
    Operation::new("publish", Tag::Events, "Publish an event, or a batch of events")
        .more(
            "The answer comes when the events are as safe as their rooms promise: `{room, epoch, offset, sent}` for one \
             target, a list of these for `rooms`, a list with one such answer for each event of a batch.",
        )
        .body::<PublishBody>()
        .good("The events have their places")
        .answer(StatusCode::SERVICE_UNAVAILABLE, BUSY, Content::problem::<CutShort>())
        .answer(StatusCode::TOO_MANY_REQUESTS, LIMITED, Content::problem::<CutShort>())
}

/// When publishing is refused with 503.
pub(super) const BUSY: &str = "The gateway has too much to do";
/// When it is refused with 429.
pub(super) const LIMITED: &str = "Too many events of this room, type or key, or too many requests";

impl Wanted {
    async fn check_rights(&self, request: &Request) -> Result<(), Problem> {
        let rooms: Vec<_> = self.rooms.iter().map(String::as_str).collect();
        check_rights(request, &rooms, &self.event.kind.name).await
    }
}

/// Whether who asks may publish to all of these rooms, to everyone where there is none: by its scope, by the
/// rooms that its token is for, and by whoever its profile asks.
pub(super) async fn check_rights(request: &Request, rooms: &[&str], event_type: &str) -> Result<(), Problem> {
    let principal = &request.principal;
    let may = match rooms {
        [] => principal.may("publish") && principal.rooms.is_none(),
        rooms => rooms.iter().all(|room| principal.may_in("publish", room) && principal.may_enter(room)),
    };
    if !may {
        return Err(web::lacks_scope("publish"));
    }
    let Some(profile) = &request.profile else { return Ok(()) };
    let everyone = rooms.is_empty().then_some(None);
    for room in rooms.iter().copied().map(Some).chain(everyone) {
        let question = Question::new(Wish::Publish, principal).of_type(event_type);
        let question = room.into_iter().fold(question, Question::within);
        if !profile.permits(question).await {
            return Err(Problem::new(StatusCode::FORBIDDEN, "not allowed to publish there"));
        }
    }
    Ok(())
}

/// One target answers `{room, epoch, offset, sent}`, `rooms` a list of these, a batch a list with one such answer
/// for each event.
pub(super) async fn publish(api: &Api, request: &Request) -> Result<Json<Published>, Problem> {
    let body = parse(&request.body)?;
    if !body.get().trim_start().starts_with('[') {
        let wanted = wanted(api, body, vec!["body".into()])?;
        wanted.check_rights(request).await?;
        return Ok(Json(Begun::new(api, wanted)?.end(api, request).await?));
    }
    let batch: Vec<&RawValue> = serde_json::from_str(body.get()).unwrap_or_default();
    if batch.is_empty() || batch.len() > MOST {
        let msg = format!("expected 1 to {MOST} events").into();
        return Err(Problem::invalid(vec![Invalid { loc: vec!["body".into()], msg, kind: "list_length" }]));
    }
    let mut published = Vec::new();
    let all = check_all(api, &batch)?;
    for wanted in &all {
        wanted.check_rights(request).await?;
    }
    // Those that a log commits are on their way before the first is waited for: it writes them together. What comes behind
    // them and is not in a log waits for them, so that what is published is always the first ones.
    let (mut waiting, mut refused) = (Vec::new(), None);
    for wanted in all {
        if !waiting.is_empty() && !wanted.is_logged(api) {
            refused = end(api, request, &mut waiting, &mut published).await.err();
        }
        if refused.is_some() {
            break;
        }
        match Begun::new(api, wanted) {
            Ok(one) => waiting.push(one),
            Err(problem) => {
                refused = Some(problem);
                break;
            }
        }
    }
    let ended = end(api, request, &mut waiting, &mut published).await;
    let refused = refused.or(ended.err());
    match refused {
        None => Ok(Json(Published::Batch(published))),
        Some(problem) => Err(problem.with_all(&CutShort { published: Some(published) })),
    }
}

fn check_all(api: &Api, batch: &[&RawValue]) -> Result<Vec<Wanted>, Problem> {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for (index, value) in batch.iter().enumerate() {
        match wanted(api, value, vec!["body".into(), index.into()]) {
            Ok(wanted) => all.push(wanted),
            Err(problem) => errors.extend(problem.errors),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(Problem::invalid(errors)) }
}

/// Waits for those that are on their way, up to the first that is not committed.
async fn end(
    api: &Api,
    request: &Request,
    waiting: &mut Vec<Begun>,
    published: &mut Vec<Published>,
) -> Result<(), Problem> {
    for one in waiting.drain(..) {
        published.push(one.end(api, request).await?);
    }
    Ok(())
}

impl Wanted {
    /// Whether a log commits it.
    fn is_logged(&self, api: &Api) -> bool {
        let rules = api.hub.rules();
        self.rooms.iter().any(|room| rules.find(room).durable.is_some())
    }
}

/// An event that is published, and perhaps not committed yet.
struct Begun {
    wanted: Wanted,
    receipt: Receipt,
}

impl Begun {
    fn new(api: &Api, wanted: Wanted) -> Result<Self, Problem> {
        let targets: Vec<&str> = wanted.rooms.iter().map(String::as_str).collect();
        let (event_type, key) = (&*wanted.event.kind.name, wanted.event.key.as_deref());
        throttle(api, Publication { rooms: &targets, event_type, key, bytes: wanted.event.data.len() })?;
        let receipt = api.hub.publish(&targets, &wanted.event).map_err(problem)?;
        Ok(Self { wanted, receipt })
    }

    async fn end(self, api: &Api, request: &Request) -> Result<Published, Problem> {
        let Self { wanted, receipt } = self;
        let placed = receipt.committed().await.map_err(|error| problem(error.into()))?;
        record(api, request, &wanted.event, placed.iter().map(|placed| &*placed.room));
        let mut answers: Vec<Placed> = placed.into_iter().map(Placed::from).collect();
        Ok(if wanted.several { Published::Rooms(answers) } else { Published::One(answers.swap_remove(0)) })
    }
}

/// Has the audit log tell who has published, and where to.
pub(super) fn record<'a>(api: &Api, request: &Request, event: &Event, rooms: impl Iterator<Item = &'a str>) {
    for room in rooms {
        request.record(api, Deed::Published, |entry| {
            let entry = entry.event(&event.kind.name, event.id.as_deref());
            if room.is_empty() { entry } else { entry.target(room) }
        });
    }
}

fn wanted(api: &Api, value: &RawValue, place: Vec<Value>) -> Result<Wanted, Problem> {
    let mut body = Fields::of(value, place)?;
    let (rooms, several) = targets(&mut body);
    let kind = body.required_string("event_type").and_then(|name| {
        let kind = api.hub.types().find(&name);
        if kind.is_none() {
            let shown = shorten(&name);
            body.wrong("event_type", format!("'{shown}' is not a known event type"), "event_type");
        }
        kind
    });
    let data = body.required("data");
    let (key, id) = (short(&mut body, "key"), short(&mut body, "id"));
    body.check()?;
    let (Some(kind), Some(data)) = (kind, data) else { unreachable!("both were checked") };
    let event = event(kind, Bytes::copy_from_slice(data.get().as_bytes()), "api");
    Ok(Wanted { rooms, several, event: Event { key, id, ..event } })
}

/// The rooms that one of `room`, `rooms`, `user` and `role` says; none of them: everyone.
fn targets(body: &mut Fields<'_>) -> (Vec<String>, bool) {
    let given: Vec<_> = TARGETS.into_iter().filter(|field| body.raw(field).is_some()).collect();
    if given.len() > 1 {
        body.wrong(given[1], format!("'{}' says already where to", given[0]), "one_target");
    }
    let (rooms, several): (Vec<String>, bool) = match given.first() {
        None => (Vec::new(), false),
        Some(&"room") => (body.string("room").into_iter().map(Cow::into_owned).collect(), false),
        Some(&"rooms") => {
            (body.strings("rooms").unwrap_or_default().into_iter().map(Cow::into_owned).collect(), true)
        }
        Some(prefix) => (body.person(prefix).into_iter().map(|id| format!("{prefix}:{id}")).collect(), false),
    };
    if given.first() == Some(&"rooms") && rooms.is_empty() {
        body.wrong("rooms", "at least one room", "list_length");
    }
    for room in &rooms {
        if let Err(error) = check_name(room) {
            body.wrong(given[0], error.to_string(), "room_name");
        }
    }
    (rooms, several)
}

fn short(body: &mut Fields<'_>, name: &str) -> Option<Box<str>> {
    let text = body.string(name)?;
    if text.len() > LONGEST {
        body.wrong(name, format!("at most {LONGEST} bytes"), "string_too_long");
    }
    Some(text.into())
}

/// An event of the API.
pub(super) fn event(kind: EventType, data: Bytes, source: &str) -> Event {
    Event::new(kind, data, source.into(), Timestamp::now())
}

/// Counts an event against what may be published.
pub(super) fn throttle(api: &Api, publication: Publication<'_>) -> Result<(), Problem> {
    api.limits.publish(publication).map_err(|verdict| limits::problem(&verdict))
}

/// What a refused publish answers.
pub(super) fn problem(error: PublishError) -> Problem {
    match error {
        PublishError::Busy(busy) => Problem::busy(busy.to_string(), RETRY_AFTER),
        PublishError::NotWritten(error) => Problem::busy(error.to_string(), RETRY_AFTER),
        PublishError::Name(bad) => {
            Problem::invalid(vec![Invalid::at("body", "room", bad.to_string(), "room_name")])
        }
    }
}
