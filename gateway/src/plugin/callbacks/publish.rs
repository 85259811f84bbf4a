//! `tidegate.publish/1`: batches of events, taken in order up to the first that is refused.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;

use futures_util::FutureExt;
use hashbrown::HashMap;
use smallvec::SmallVec;
use tidegate_plugin::abi::{self, Host, Status};

use super::super::given;
use super::super::queue::{Committed, Task};
use super::super::refused::{Refused, Why};
use super::super::shared::Shared;
use super::super::validate::json;
use super::refusal;
use super::{enter, items, put, text};
use crate::frame::{Cursor, Event, EventType, Timestamp};
use crate::hub::PublishError;

pub(super) static TABLE: abi::Publish = abi::Publish { publish: Some(publish) };

/// Bytes of a source, key or id at most.
const LONGEST: usize = 512;

/// Why an event was not taken.
pub(super) enum Untaken {
    /// It may be, later.
    Busy,
    /// It never will be.
    Refused(Refused),
    /// The gateway's own fault.
    Fault,
}

impl Untaken {
    /// Tells whoever wants to know, and answers the status for the plugin.
    pub(super) fn told(self, shared: &Shared) -> Status {
        match self {
            Self::Busy => Status::BUSY,
            Self::Fault => Status::INTERNAL,
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
        let mut cursors = Vec::new();
        let (done, status) = publish_all(shared, events, token, &mut cursors);
        if token != 0 && done > 0 {
            let committed = Committed { token, count: done, cursors, status: Status::OK };
            shared.queue.owe(Task::Committed(Box::new(committed)));
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
    cursors: &mut Vec<Cursor>,
) -> (u64, Status) {
    let types = shared.types.read();
    let mut sources = Sources::default();
    for (done, event) in events.iter().enumerate() {
        // SAFETY: the event and all that it leads to are lent for the call.
        let published = unsafe { publish_one(shared, &types, &mut sources, event) };
        match published {
            Ok(placed) if token != 0 => cursors.extend(placed),
            Ok(_) => {}
            Err(untaken) => return (done as u64, untaken.told(shared)),
        }
    }
    (events.len() as u64, Status::OK)
}

/// The sources of a batch are mostly the same: one allocation for all.
#[derive(Default)]
struct Sources(Option<Arc<str>>);

impl Sources {
    fn get(&mut self, shared: &Shared, source: &str) -> Arc<str> {
        if source.is_empty() {
            return Arc::clone(&shared.name);
        }
        match &self.0 {
            Some(last) if **last == *source => Arc::clone(last),
            _ => Arc::clone(self.0.insert(source.into())),
        }
    }
}

/// # Safety
/// The event keeps the contract of `tg_event` for the call.
unsafe fn publish_one(
    shared: &Arc<Shared>,
    types: &HashMap<Box<str>, EventType>,
    sources: &mut Sources,
    event: &abi::Event,
) -> Result<SmallVec<[Cursor; 1]>, Untaken> {
    // SAFETY: the caller's promise, here and below.
    let refused = |why| unsafe { Untaken::Refused(Refused::new(event.kind.as_bytes(), why)) };
    // SAFETY: the caller's promise.
    let targets = unsafe { items(event.targets, event.targets_len) };
    // SAFETY: the caller's promise.
    let targets: Result<SmallVec<[&str; 4]>, Status> =
        targets.iter().map(|target| unsafe { text(*target) }).collect();
    let targets = targets.map_err(|_| refused(Why::Text { field: "room", what: NOT_UTF_8 }))?;
    // SAFETY: the caller's promise.
    let data = unsafe { read(shared, types, sources, event) }?;
    match shared.services.hub.publish(&targets, &data) {
        // Rooms in memory have committed when publish returns.
        Ok(receipt) => {
            let placed = receipt.committed().now_or_never().ok_or(Untaken::Fault)?;
            // A room that is named twice is published to once, and has a cursor for each time.
            let place = |target: &&str| placed.iter().find(|p| *p.room == **target).map(|p| p.cursor);
            Ok(match &*targets {
                [] | [_] => placed.iter().map(|placed| placed.cursor).collect(),
                many => many.iter().filter_map(place).collect(),
            })
        }
        Err(error) => {
            given::give_back(data);
            Err(match error {
                PublishError::Busy(_) => Untaken::Busy,
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
    let types = shared.types.read();
    // SAFETY: the caller's promise.
    unsafe { read(shared, &types, &mut Sources::default(), event) }
}

/// # Safety
/// As [`publish_one`].
unsafe fn read(
    shared: &Arc<Shared>,
    types: &HashMap<Box<str>, EventType>,
    sources: &mut Sources,
    event: &abi::Event,
) -> Result<Event, Untaken> {
    // SAFETY: the caller's promise, here and for all of these.
    let refused = |why| unsafe { Untaken::Refused(Refused::new(event.kind.as_bytes(), why)) };
    // SAFETY: as above.
    let word = |field, word| unsafe { short(field, word) }.map_err(refused);
    let (kind, source) = (word("type", event.kind)?, word("source", event.source)?);
    let (key, id) = (word("key", event.key)?, word("id", event.id)?);
    let kind = types.get(kind).ok_or_else(|| refused(Why::Type))?.clone();
    // SAFETY: the caller's promise; the bytes hold until they are released.
    let data = unsafe { event.data.as_bytes() };
    let judged = shared.terms.get().map_or_else(|| json(data), |terms| terms.judge(&kind.name, data));
    judged.map_err(refused)?;
    let given = |text: &str| (!text.is_empty()).then(|| text.into());
    Ok(Event {
        kind,
        source: sources.get(shared, source),
        key: given(key),
        id: given(id),
        time: if event.time == 0 { Timestamp::now() } else { Timestamp(event.time) },
        data: given::take(shared, event.data).ok_or(Untaken::Busy)?,
    })
}

/// What is said of a text that is none.
const NOT_UTF_8: &str = "not UTF-8";

/// A word of an event's: a text that is bounded.
///
/// # Safety
/// As [`text`].
unsafe fn short<'a>(field: &'static str, word: abi::Str) -> Result<&'a str, Why> {
    // SAFETY: the caller's promise.
    match unsafe { text(word) } {
        Ok(word) if word.len() <= LONGEST => Ok(word),
        Ok(_) => Err(Why::Text { field, what: "longer than 512 bytes" }),
        Err(_) => Err(Why::Text { field, what: NOT_UTF_8 }),
    }
}
