//! What a publisher is told.

use std::sync::Arc;

use futures_util::FutureExt;
use smallvec::SmallVec;

use super::publication::Published;
use crate::frame::Cursor;
use crate::history::log::WriteError;

/// The log of durable rooms cannot be written: nothing has been published. It is tried again each second.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the history of this room cannot be written: {0}")]
pub struct NotWritten(pub Arc<WriteError>);

/// Where an event came to stand in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The room's name; empty for the unnamed room.
    pub room: Arc<str>,
    /// The event's place.
    pub cursor: Cursor,
    /// The room's members at that moment; 0 where the event's id was known and nothing was sent.
    pub sent: usize,
}

/// A target's name, and its place where there is no such room.
pub(super) type Target = (Arc<str>, Option<Placed>);

/// Says where a publish came to stand, in the order of its targets, once it is as safe as its rooms promise.
#[derive(Debug)]
pub struct Receipt {
    pub(super) published: Published,
    /// The targets, where that is to come and they are several: each with its place, where there is no such room.
    pub(super) targets: Option<Box<[Target]>>,
}

impl Receipt {
    /// Waits for the commit; rooms in memory have committed already, and then this is ready at once.
    ///
    /// # Errors
    /// [`NotWritten`]: nothing has been published.
    pub async fn committed(self) -> Result<SmallVec<[Placed; 1]>, NotWritten> {
        let places = match self.published {
            Published::Now(places) => places,
            Published::Later(places) => places.await.unwrap_or_else(|_| Err(NotWritten::closed()))?,
        };
        Ok(match self.targets {
            None => places,
            Some(targets) => {
                let found = |name: &Arc<str>| places.iter().find(|place| place.room == *name).cloned();
                targets.into_iter().filter_map(|(name, place)| place.or_else(|| found(&name))).collect()
            }
        })
    }

    /// The places, where it is committed already.
    ///
    /// # Errors
    /// The receipt, where it is not.
    pub fn now(self) -> Result<SmallVec<[Placed; 1]>, Self> {
        match self.published {
            Published::Now(_) => Ok(self.committed().now_or_never().and_then(Result::ok).unwrap_or_default()),
            Published::Later(_) => Err(self),
        }
    }
}

impl NotWritten {
    fn closed() -> Self {
        Self(Arc::new(WriteError::Closed))
    }
}
