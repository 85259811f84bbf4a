//! `tidegate.publish/1`: batches of events, taken in order up to the first that is refused.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;

use futures_util::FutureExt;
use hashbrown::HashMap;
use smallvec::SmallVec;
use tidegate_plugin::abi::{self, Host, Status};

use super::super::given;
use super::super::queue::{Committed, Task};
use super::super::shared::Shared;
use super::super::validate::is_json;
use super::{enter, items, put, text};
use crate::frame::{Cursor, Event, EventType, Timestamp};
use crate::hub::PublishError;

pub(super) static TABLE: abi::Publish = abi::Publish { publish: Some(publish) };

/// Bytes of a key or id at most.
const LONGEST: usize = 512;

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
            Err(status) => return (done as u64, status),
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
) -> Result<SmallVec<[Cursor; 1]>, Status> {
    // SAFETY: the caller's promise.
    let targets = unsafe { items(event.targets, event.targets_len) };
    // SAFETY: the caller's promise.
    let targets: SmallVec<[&str; 4]> =
        targets.iter().map(|target| unsafe { text(*target) }).collect::<Result<_, _>>()?;
    // SAFETY: the caller's promise.
    let event = unsafe { read(shared, types, sources, event) }?;
    match shared.services.hub.publish(&targets, &event) {
        // Rooms in memory have committed when publish returns.
        Ok(receipt) => {
            let placed = receipt.committed().now_or_never().ok_or(Status::INTERNAL)?;
            // A room that is named twice is published to once, and has a cursor for each time.
            let place = |target: &&str| placed.iter().find(|p| *p.room == **target).map(|p| p.cursor);
            Ok(match &*targets {
                [] | [_] => placed.iter().map(|placed| placed.cursor).collect(),
                many => many.iter().filter_map(place).collect(),
            })
        }
        Err(error) => {
            given::give_back(event);
            Err(match error {
                PublishError::Busy(_) => Status::BUSY,
                PublishError::Name(_) => Status::INVALID,
            })
        }
    }
}

/// Judges an event and takes its buffer over; on an error the buffer is still the plugin's.
///
/// # Safety
/// As [`publish_one`].
pub(super) unsafe fn read_event(shared: &Arc<Shared>, event: &abi::Event) -> Result<Event, Status> {
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
) -> Result<Event, Status> {
    // SAFETY: the caller's promise, for all of these.
    let (kind, source, key, id) =
        unsafe { (text(event.kind)?, text(event.source)?, text(event.key)?, text(event.id)?) };
    let kind = types.get(kind).ok_or(Status::INVALID)?.clone();
    if key.len() > LONGEST || id.len() > LONGEST || source.len() > LONGEST {
        return Err(Status::INVALID);
    }
    // SAFETY: the caller's promise; the bytes hold until they are released.
    let data = unsafe { event.data.as_bytes() };
    if !is_json(data) || !shared.terms.get().is_none_or(|terms| terms.lets(&kind.name, data)) {
        tracing::debug!(plugin = %shared.name, event_type = %kind.name, "refused: no JSON, or against its schema");
        return Err(Status::INVALID);
    }
    let given = |text: &str| (!text.is_empty()).then(|| text.into());
    Ok(Event {
        kind,
        source: sources.get(shared, source),
        key: given(key),
        id: given(id),
        time: if event.time == 0 { Timestamp::now() } else { Timestamp(event.time) },
        data: given::take(shared, event.data).ok_or(Status::BUSY)?,
    })
}
