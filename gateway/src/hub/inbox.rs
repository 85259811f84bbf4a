//! Inboxes: rooms of one user each, in which the gateway keeps how far that user has got.
//!
//! The cursor is the last event of a room beside the inbox, whose name no client can say: so it is as safe as the inbox's own
//! events, wherever these are kept, and comes back with them.

use serde::{Deserialize, Serialize};

use super::room::Room;
use super::types::Types;
use super::{BadName, Hub, PublishError, check_name};
use crate::frame::{Cursor, Event, Since, Timestamp};
use crate::history::Read;

/// What the names of the rooms begin with in which cursors are kept. No other room's name has a control character.
pub(super) const BESIDE: char = '\u{1}';
/// The type of their events, which nobody declares.
const KIND: &str = "acknowledged";

/// Why a cursor is not kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AckError {
    /// Not a room's name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Its rule has no `inbox`.
    #[error("this room keeps no inbox")]
    NoInbox,
    /// It is of another life of the room, or ahead of it.
    #[error("no event of this room has this cursor")]
    NoEvent,
    /// It could not be kept.
    #[error(transparent)]
    NotKept(#[from] PublishError),
}

/// A cursor as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    epoch: u64,
    offset: u64,
}

impl From<Cursor> for Kept {
    fn from(Cursor { epoch, offset }: Cursor) -> Self {
        Self { epoch: epoch.0, offset }
    }
}

impl Hub {
    /// From where the user of the inbox `name` wants its events, who does not say: after the last that it has
    /// acknowledged.
    pub fn unread(&self, name: &str) -> Since {
        let acknowledged = self.registry.find(name).and_then(|room| room.lock().acknowledged);
        acknowledged.map_or(Since::Start, Since::After)
    }

    /// Keeps how far the user of the inbox `name` has got, and answers that: never less than before.
    ///
    /// # Errors
    /// [`AckError`].
    pub async fn acknowledge(&self, name: &str, cursor: Cursor) -> Result<Cursor, AckError> {
        check_name(name)?;
        if !self.rules().find(name).inbox {
            return Err(AckError::NoInbox);
        }
        let (receipt, room, cursor) = {
            let _one_at_a_time = self.registry.acknowledging.lock(); // so that they are kept in their order
            let room = self.registry.find(name).ok_or(AckError::NoEvent)?;
            let mut state = room.lock();
            let now = state.history.cursor();
            if cursor.epoch != now.epoch || cursor.offset > now.offset {
                return Err(AckError::NoEvent);
            }
            let further = |other: Option<Cursor>| {
                other.filter(|other| other.epoch == cursor.epoch && other.offset >= cursor.offset)
            };
            if let Some(kept) = further(state.acknowledged) {
                return Ok(kept);
            }
            // What somebody else has said meanwhile is not taken back by what is kept after it.
            let cursor = further(state.acknowledging).unwrap_or(cursor);
            state.acknowledging = Some(cursor);
            drop(state); // no room is locked while another is looked for
            (self.publish_beside(name, cursor)?, room, cursor)
        };
        receipt.committed().await.map_err(PublishError::from)?;
        let mut state = room.lock();
        let kept =
            state.acknowledged.filter(|kept| kept.epoch == cursor.epoch && kept.offset > cursor.offset);
        state.acknowledged = Some(kept.unwrap_or(cursor));
        Ok(cursor)
    }

    fn publish_beside(&self, name: &str, cursor: Cursor) -> Result<super::Receipt, PublishError> {
        let event = Event::new(
            self.types.intern(KIND),
            serde_json::to_vec(&Kept::from(cursor)).unwrap_or_default().into(),
            "gateway".into(),
            Timestamp::now(),
        );
        self.place(&[&beside(name)], &event, &mut |shard| self.mailboxes()[shard].wake())
    }
}

/// The room in which the cursor of an inbox is kept.
pub(super) fn beside(inbox: &str) -> String {
    format!("{BESIDE}{inbox}")
}

/// The cursor that `room` keeps, which was found in a log.
pub(super) fn kept(room: &Room, types: &Types) -> Option<Cursor> {
    let state = room.lock();
    let events = match state.history.since(state.history.before_last(1), 1) {
        Read::Found { events, .. } => events,
        Read::Stored(fetch) => {
            drop(state);
            let fetched = fetch.fetch(&|name| types.intern(name));
            fetched.inspect_err(|error| tracing::error!(%error, "an inbox's cursor cannot be read")).ok()?
        }
        Read::Lost => return None,
    };
    let kept: Kept = serde_json::from_slice(&events.last()?.payload()).ok()?;
    Some(Cursor { epoch: crate::frame::Epoch(kept.epoch), offset: kept.offset })
}
