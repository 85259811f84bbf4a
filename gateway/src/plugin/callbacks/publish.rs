//! `tidegate.publish/1`: batches of events, taken in order up to the first that is refused.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;

use smallvec::SmallVec;
use tidegate_plugin::abi::{self, Host, Status};

use super::super::given;
use super::super::refused::{Refused, Why};
use super::super::shared::Shared;
use super::batch::{Batch, Judged};
use super::refusal;
use super::{enter, items, put, text};
use crate::frame::{Event, Tags};
use crate::hub::PublishError;
use commit::Place;

mod commit;

pub(super) static TABLE: abi::Publish = abi::Publish { publish: Some(publish) };

/// Bytes of a source, key or id at most.
const LONGEST: usize = 512;

/// Tags of an event at most.
const MOST_TAGS: u64 = 32;

/// Why an event was not taken.
pub(super) enum Untaken {
    /// It may be, later.
    Busy,
    /// It never will be.
    Refused(Refused),
}

impl Untaken {
    /// Tells whoever wants to know, and answers the status for the plugin.
    pub(super) fn told(self, shared: &Shared) -> Status {
        match self {
            Self::Busy => Status::BUSY,
            Self::Refused(refused) => {
                shared.refused(&refused);
                refusal::remember(refused.to_string());
                Status::INVALID
            }
        }
    }
}

unsafe extern "C" fn publish(
    host: *const Host,
    events: *const abi::Event,
    count: u64,
    token: u64,
    taken: *mut u64,
) -> Status {
    let publish = |shared: &Arc<Shared>| {
        if taken.is_null() {
            return Status::INVALID; // before anything is taken
        }
        // SAFETY: the plugin lends its batch for the call.
        let events = unsafe { items(events, count) };
        refusal::forget();
        let mut places = Vec::new();
        let (done, status) = publish_all(shared, events, token, &mut places);
        if token != 0 && done > 0 {
            commit::owe(shared, token, done, places);
        }
        if status == Status::BUSY {
            shared.queue.was_busy(0);
        }
        // SAFETY: a place of the plugin's.
        let told = unsafe { put(taken, done) };
        if told.is_ok() { status } else { told }
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, publish) }
}

fn publish_all(
    shared: &Arc<Shared>,
    events: &[abi::Event],
    token: u64,
    places: &mut Vec<Place>,
) -> (u64, Status) {
    let mut batch = Batch::new(shared);
    let mut wanted = (token != 0).then_some(places);
    for (done, event) in events.iter().enumerate() {
        // SAFETY: the event and all that it leads to are lent for the call.
        if let Err(untaken) = unsafe { publish_one(&mut batch, event, wanted.as_deref_mut()) } {
            return (done as u64, untaken.told(shared));
        }
    }
    (events.len() as u64, Status::OK)
}

/// # Safety
/// The event keeps the contract of `tg_event` for the call.
unsafe fn publish_one<'a>(
    batch: &mut Batch<'a>,
    event: &'a abi::Event,
    places: Option<&mut Vec<Place>>,
) -> Result<(), Untaken> {
    // SAFETY: the caller's promise, here and below.
    let refused = |why| unsafe { Untaken::Refused(Refused::new(event.kind.as_bytes(), why)) };
    // SAFETY: the caller's promise.
    let targets = unsafe { items(event.targets, event.targets_len) };
    let mut rooms: SmallVec<[&str; 4]> = SmallVec::new();
    for target in targets {
        // SAFETY: the caller's promise.
        let room = unsafe { text(*target) };
        rooms.push(room.map_err(|_| refused(Why::Text { field: "room", what: NOT_UTF_8 }))?);
    }
    // SAFETY: the caller's promise.
    let judged = unsafe { judge(batch, event) }?;
    if let ([room], "") = (&*rooms, judged.id)
        && let Some(cursor) = batch.publish_quietly(room, &judged)?
    {
        if let Some(places) = places {
            places.push(Place::Known(cursor));
        }
        return Ok(());
    }
    let event = batch.take(&judged)?;
    let published = match &*rooms {
        [room] => batch.publish(room, event),
        rooms => batch.shared.services.hub.publish(rooms, &event).map_err(|error| (error, event)),
    };
    match published {
        Ok(receipt) => {
            if let Some(places) = places {
                commit::place(&rooms, receipt, places);
            }
            Ok(())
        }
        Err((error, event)) => {
            given::give_back(event);
            Err(match error {
                // It is told to go on when there is space; a log is tried again each second.
                PublishError::Busy(_) | PublishError::NotWritten(_) => Untaken::Busy,
                PublishError::Name(name) => refused(Why::Room(name)),
            })
        }
    }
}

/// Judges an event and takes its buffer over; on an error the buffer is still the plugin's.
///
/// # Safety
/// As [`publish_one`].
pub(super) unsafe fn read_event(shared: &Arc<Shared>, event: &abi::Event) -> Result<Event, Untaken> {
    let mut batch = Batch::new(shared);
    // SAFETY: the caller's promise.
    let judged = unsafe { judge(&mut batch, event) }?;
    batch.take(&judged)
}

/// # Safety
/// As [`publish_one`].
unsafe fn judge<'a>(batch: &mut Batch<'a>, event: &'a abi::Event) -> Result<Judged<'a>, Untaken> {
    // SAFETY: the caller's promise, here and for all of these.
    let refused = |why| unsafe { Untaken::Refused(Refused::new(event.kind.as_bytes(), why)) };
    // SAFETY: as above.
    let word = |field, word| unsafe { short(field, word) }.map_err(refused);
    let (kind, source) = (word("type", event.kind)?, word("source", event.source)?);
    let (key, id) = (word("key", event.key)?, word("id", event.id)?);
    let origin = word("origin", event.origin)?;
    // SAFETY: the caller's promise.
    let tags = unsafe { tags(event) }.map_err(refused)?;
    // SAFETY: the caller's promise; the bytes hold until they are released.
    let data = unsafe { event.data.as_bytes() };
    let kind = batch.judge(kind, data).map_err(refused)?;
    Ok(Judged { kind, source, key, id, tags, origin, time: event.time, data: event.data })
}

/// What is said of a text that is none.
const NOT_UTF_8: &str = "not UTF-8";

/// An event's tags, as many as it may have.
///
/// # Safety
/// As [`publish_one`].
unsafe fn tags(event: &abi::Event) -> Result<Option<Tags>, Why> {
    if event.tags_len == 0 {
        return Ok(None);
    }
    if event.tags_len > MOST_TAGS {
        return Err(Why::Text { field: "tags", what: "more than 32" });
    }
    // SAFETY: the caller's promise.
    let pairs = unsafe { items(event.tags, event.tags_len) };
    let word = |word: abi::Str| {
        // SAFETY: the caller's promise.
        unsafe { short("tags", word) }
    };
    let pairs: Result<Vec<_>, Why> =
        pairs.iter().map(|pair| Ok((word(pair.name)?, word(pair.value)?))).collect();
    Ok(Tags::new(pairs?))
}

/// A word of an event's: a text that is bounded.
///
/// # Safety
/// As [`text`].
unsafe fn short<'a>(field: &'static str, word: abi::Str) -> Result<&'a str, Why> {
    if word.len == 0 {
        return Ok(""); // as most are
    }
    // SAFETY: the caller's promise.
    match unsafe { text(word) } {
        Ok(word) if word.len() <= LONGEST => Ok(word),
        Ok(_) => Err(Why::Text { field, what: "longer than 512 bytes" }),
        Err(_) => Err(Why::Text { field, what: NOT_UTF_8 }),
    }
}
