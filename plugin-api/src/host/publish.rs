//! Publishing: waiting until events are safe, or not waiting at all.
#![allow(unsafe_code, reason = "events are lent to the callback")]

use crate::abi::{self, Status, Str};
use crate::buffer::{give, take_back};
use crate::event::{Event, Receipt};
use crate::{Error, Host, Result};

use super::bridge::{Bridge, pairs};
use super::flow::Told;

tokio::task_local! {
    /// Set while [`Plugin::start`](crate::Plugin::start) runs: no hook can come before it has returned.
    pub(crate) static STARTING: ();
}

/// Why not all of a batch was published.
#[derive(Debug, thiserror::Error)]
#[error("publish: {reason}")]
pub struct PublishError {
    /// What the host answered for the first event that was refused or lost.
    pub status: Status,
    /// The same for people; for an event that was refused which type it was of, which field of its data, and what is wrong.
    pub reason: String,
    /// What became of the events that were taken, in order: safe, or lost.
    pub taken: Vec<Result<Receipt, Status>>,
    /// The events that were not taken, in order.
    pub rest: Vec<Event>,
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        Self::new(error.status, error.to_string())
    }
}

impl Host {
    /// Publishes an event, and waits until it is as safe as its rooms promise. Busy is waited for.
    ///
    /// # Errors
    /// `INVALID` for an undeclared type, data against its schema, a bad room name; `CLOSED` after stop; whatever lost it.
    pub async fn publish(&self, event: Event) -> Result<Receipt> {
        let mut receipts = self.publish_all(vec![event]).await?;
        receipts.pop().ok_or_else(|| Error::internal("publish: no receipt"))
    }

    /// Publishes events in order, and waits until they are as safe as their rooms promise. Busy is waited for, between two of
    /// them too. A source moves its own position once this has answered.
    ///
    /// # Errors
    /// Those of the first event that is refused, with what became of those before it.
    pub async fn publish_all(&self, events: Vec<Event>) -> Result<Vec<Receipt>, PublishError> {
        let mut rest = events;
        let mut taken: Vec<Told> = Vec::with_capacity(rest.len());
        if STARTING.try_with(|()| ()).is_ok() {
            let reason = "its confirmation cannot come before start has returned: spawn a task".into();
            return Err(PublishError { status: Status::UNSUPPORTED, reason, taken, rest });
        }
        while !rest.is_empty() {
            let mut resumes = self.flow().resumes();
            let waiting = self.flow().expect(rest.iter().map(|event| event.rooms.len().max(1)));
            let (status, count) = hand_over(self.bridge(), &rest, waiting.token());
            // Asked before anything is awaited: it is this thread's last publish that counts.
            let reason = why(self.bridge(), status);
            taken.extend(waiting.taken(count).await);
            rest.drain(..count);
            match status {
                Status::OK => {}
                // A resume that came before we saw the BUSY ends the wait at once.
                Status::BUSY if resumes.changed().await.is_ok() => {}
                status => return Err(PublishError { status, reason, taken, rest }),
            }
        }
        match taken.iter().find_map(|told| told.as_ref().err()).copied() {
            None => Ok(taken.into_iter().flatten().collect()),
            Some(status) => {
                let reason = format!("{status} before it was safe");
                Err(PublishError { status, reason, taken, rest })
            }
        }
    }

    /// Publishes events in order without waiting for anything: not until they are safe, and not when it is busy.
    ///
    /// # Errors
    /// Those of the first event that is refused, with the events that were not taken.
    pub fn try_publish(&self, mut events: Vec<Event>) -> Result<(), PublishError> {
        let (status, count) = hand_over(self.bridge(), &events, 0);
        if status.is_ok() {
            return Ok(());
        }
        let (reason, rest) = (why(self.bridge(), status), events.split_off(count));
        Err(PublishError { status, reason, taken: Vec::new(), rest })
    }
}

/// What a publish of this thread's came to, for people.
pub(super) fn why(bridge: &Bridge, status: Status) -> String {
    let refusal = if status == Status::INVALID { bridge.refusal() } else { None };
    refusal.map_or_else(|| status.to_string(), |refusal| format!("{status}: {refusal}"))
}

/// Lends events to the callback and gives their data; answers how many were taken.
fn hand_over(bridge: &Bridge, events: &[Event], token: u64) -> (Status, usize) {
    let rooms: Vec<Vec<Str>> = events.iter().map(|e| e.rooms.iter().map(|r| Str::new(r)).collect()).collect();
    let tags: Vec<_> = events.iter().map(|e| pairs(&e.tags)).collect();
    let lent: Vec<_> = events.iter().zip(&rooms).zip(&tags).map(|((e, r), t)| lend(e, r, t)).collect();
    // SAFETY: all that they lead to is in `events`, `rooms` and `tags`.
    let (status, count) = unsafe { bridge.publish(&lent, token) };
    lent[count..].iter().for_each(|event| take_back(event.data));
    (status, count)
}

/// An event as the boundary has it: lent, but for its data, which is made ready to be given.
pub(super) fn lend(event: &Event, rooms: &[Str], tags: &[abi::Pair]) -> abi::Event {
    abi::Event {
        targets: rooms.as_ptr(),
        targets_len: rooms.len() as u64,
        kind: Str::new(&event.kind),
        source: Str::new(&event.source),
        key: Str::new(&event.key),
        id: Str::new(&event.id),
        tags: tags.as_ptr(),
        tags_len: tags.len() as u64,
        data: give(event.data.clone()),
        time: event.time,
        origin: Str::new(&event.origin),
    }
}
