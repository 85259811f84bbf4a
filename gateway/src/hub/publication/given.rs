//! Publishing an event that is given away, to one room: it is posted as it is, where several rooms need it each for
//! themselves, and so none of what it refers to is counted once more.

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use super::{Dispatch, Fresh, Open, Places, Published, Unit, reserve};
use crate::frame::{Event, weight};
use crate::history::log::Log;
use crate::hub::room::Room;
use crate::hub::{Busy, Hub, PublishError, Receipt, check_name};

/// Why a room has not taken an event.
enum Untaken {
    /// It has been forgotten meanwhile: its name is to be looked up again.
    Forgotten,
    Refused(PublishError),
}

impl Hub {
    /// The same as [`publish`](Self::publish) for one target, to which the event is given away.
    ///
    /// # Errors
    /// [`PublishError`], with the event; nothing has happened then.
    #[expect(clippy::result_large_err, reason = "the event goes back to who gave it, without an allocation")]
    pub fn publish_given(&self, target: &str, event: Event) -> Result<Receipt, (PublishError, Event)> {
        if let Err(error) = check_name(target) {
            return Err((error.into(), event));
        }
        let Some(room) = self.target(target, event.id.is_some()) else {
            self.metrics().published(&event.kind, self.rules().find(target).class);
            return Ok(self.receipt(Published::Now(SmallVec::new()), &[None], &[target]));
        };
        let log = self.registry.log().map(|log| &**log);
        match self.dispatch.publish_given(&room, log, event) {
            Ok(published) => Ok(Receipt { published, targets: None }),
            Err((Untaken::Forgotten, event)) => {
                self.publish(&[target], &event).map_err(|error| (error, event))
            }
            Err((Untaken::Refused(error), event)) => Err((self.refused(error), event)),
        }
    }
}

impl Dispatch {
    #[expect(clippy::result_large_err, reason = "as above")]
    #[inline]
    fn publish_given(
        self: &Arc<Self>,
        room: &Arc<Room>,
        log: Option<&Log<Unit>>,
        event: Event,
    ) -> Result<Published, (Untaken, Event)> {
        let state = room.lock();
        if state.gone {
            return Err((Untaken::Forgotten, event));
        }
        let known = event.id.as_deref().and_then(|id| state.ids.find(id));
        let mut open: SmallVec<[Open<'_>; 1]> = SmallVec::new();
        open.push(Open { room, state, known });
        if let Some(log) = log.filter(|_| room.is_logged()) {
            let left = self.leave_to_log(&mut open, log, &event);
            return left.map(Published::Later).map_err(|error| (Untaken::Refused(error), event));
        }
        if !reserve(&open, &self.mailboxes, weight(&event)) {
            return Err((Untaken::Refused(Busy.into()), event));
        }
        let now = Instant::now();
        let (posted, place) = open[0].post(event, &self.space, now);
        let (posted, placed) = (Fresh::from_buf([posted]), Places::from_buf([place]));
        self.deliver(&mut open, &posted, &mut |shard| self.mailboxes[shard].wake());
        self.end(open, posted, &placed);
        Ok(Published::Now(placed))
    }
}
