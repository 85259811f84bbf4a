//! The events of one publish: mostly of one type, from one source and to one room, which are looked up once.

use std::sync::Arc;

use tidegate_plugin::abi::Buf;

use super::super::given::{self, Unneeded};
use super::super::refused::Why;
use super::super::shared::Shared;
use super::super::terms::Promise;
use super::super::validate::json;
use super::publish::Untaken;
use crate::frame::{Cursor, Event, EventType, Tags, Timestamp};
use crate::hub::{PublishError, Quiet, Receipt, Room};

/// An event that is as it should be, and still the plugin's.
pub(super) struct Judged<'a> {
    pub(super) kind: &'a EventType,
    pub(super) source: &'a str,
    pub(super) key: &'a str,
    pub(super) id: &'a str,
    pub(super) tags: Option<Tags>,
    pub(super) origin: &'a str,
    /// Milliseconds since 1970; 0: now.
    pub(super) time: i64,
    pub(super) data: Buf,
}

/// What the last event went to.
struct Target<'a> {
    name: &'a str,
    /// Whether it was quiet, once that has been asked.
    quiet: Option<Option<Quiet>>,
    /// Its room, once one event went there.
    room: Option<Arc<Room>>,
}

/// See the module's documentation.
pub(super) struct Batch<'a> {
    pub(super) shared: &'a Arc<Shared>,
    /// The last type, and what is promised of it.
    kind: Option<(&'a str, &'a EventType, Option<&'a Promise>)>,
    /// The last source that was named.
    source: Option<(&'a str, Arc<str>)>,
    target: Option<Target<'a>>,
    now: Option<Timestamp>,
    unneeded: Unneeded<'a>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>) -> Self {
        let unneeded = Unneeded::new(shared);
        Self { shared, kind: None, source: None, target: None, now: None, unneeded }
    }

    /// The type of an event whose data are as they should be.
    pub(super) fn judge(&mut self, name: &'a str, data: &[u8]) -> Result<&'a EventType, Why> {
        let terms = self.shared.terms.get();
        let (kind, promise) = match self.kind {
            Some((last, kind, promise)) if last == name => (kind, promise),
            _ => {
                let kind = self.shared.types.get().and_then(|types| types.get(name)).ok_or(Why::Type)?;
                let promise = terms.and_then(|terms| terms.promise(name));
                self.kind = Some((name, kind, promise));
                (kind, promise)
            }
        };
        terms.map_or_else(|| json(data), |terms| terms.hold(promise, data))?;
        Ok(kind)
    }

    /// Publishes an event without an id to a room that nobody is in and that keeps nothing: its buffer only goes back.
    /// None where the room is, or may be, another one; then nothing has happened.
    pub(super) fn publish_quietly(
        &mut self,
        room: &'a str,
        event: &Judged<'a>,
    ) -> Result<Option<Cursor>, Untaken> {
        let Some(quiet) = self.quiet(room) else { return Ok(None) };
        let hub = &self.shared.services.hub;
        if !hub.is_still(&quiet) {
            self.target = None; // somebody has come into some room: look again
            return Ok(None);
        }
        self.unneeded.take(event.data).ok_or(Untaken::Busy)?;
        Ok(Some(hub.publish_quietly(&quiet, event.kind)))
    }

    /// A room is asked for when it comes twice: that costs as much as a publish saves.
    fn quiet(&mut self, room: &'a str) -> Option<Quiet> {
        match &mut self.target {
            Some(last) if last.name == room => {
                *last.quiet.get_or_insert_with(|| self.shared.services.hub.quiet(room))
            }
            other => {
                *other = Some(Target { name: room, quiet: None, room: None });
                None
            }
        }
    }

    /// Publishes an event to one room.
    #[expect(clippy::result_large_err, reason = "the event goes back to who gave it, without an allocation")]
    pub(super) fn publish(&mut self, room: &'a str, event: Event) -> Result<Receipt, (PublishError, Event)> {
        let new = || Target { name: room, quiet: None, room: None };
        self.target.take_if(|last| last.name != room);
        let known = &mut self.target.get_or_insert_with(new).room;
        self.shared.services.hub.publish_given(room, known, event)
    }

    /// Takes an event's buffer over; on an error it is still the plugin's.
    pub(super) fn take(&mut self, event: &Judged<'a>) -> Result<Event, Untaken> {
        let given = |text: &str| (!text.is_empty()).then(|| text.into());
        Ok(Event {
            kind: event.kind.clone(),
            source: self.source(event.source),
            key: given(event.key),
            id: given(event.id),
            tags: event.tags.clone(),
            origin: given(event.origin),
            time: match event.time {
                0 => *self.now.get_or_insert_with(Timestamp::now),
                time => Timestamp(time),
            },
            data: given::take(self.shared, event.data).ok_or(Untaken::Busy)?,
        })
    }

    fn source(&mut self, source: &'a str) -> Arc<str> {
        if source.is_empty() {
            return Arc::clone(&self.shared.name);
        }
        match &self.source {
            Some((last, shared)) if *last == source => Arc::clone(shared),
            _ => Arc::clone(&self.source.insert((source, source.into())).1),
        }
    }
}
