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
    /// The same as [`publish`](Self::publish) for one target, to which the event is given away. Its room stays in `known`, for
    /// the next event to the same target: to look it up costs a third of all else.
    ///
    /// # Errors
    /// [`PublishError`], with the event; nothing has happened then.
    #[expect(clippy::result_large_err, reason = "the event goes back to who gave it, without an allocation")]
    pub fn publish_given(
        &self,
        target: &str,
        known: &mut Option<Arc<Room>>,
        event: Event,
    ) -> Result<Receipt, (PublishError, Event)> {
        let room = match known {
            Some(room) => room,
            None => {
                if let Err(error) = check_name(target) {
                    return Err((error.into(), event));
                }
                let Some(room) = self.target(target, event.id.is_some()) else {
                    self.metrics().published(&event.kind, self.rules().find(target).class);
                    return Ok(self.receipt(Published::Now(SmallVec::new()), &[None], &[target]));
                };
                known.insert(room)
            }
        };
        let log = self.registry.log().map(|log| &**log);
        match self.dispatch.publish_given(room, log, event) {
            Ok(published) => Ok(Receipt { published, targets: None }),
            Err((Untaken::Forgotten, event)) => {
                *known = None;
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
        let (posted, place) = open[0].post(event, &mut None, &self.space, now);
        let (posted, placed) = (Fresh::from_buf([posted]), Places::from_buf([place]));
        self.deliver(&mut open, &posted, &mut |shard| self.mailboxes[shard].wake());
        self.end(open, posted, &placed);
        Ok(Published::Now(placed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::frame::{Event, Forms, Timestamp};
    use crate::history::Keep;
    use crate::hub::{Config, Rule, Rules};
    use crate::metrics::Metrics;

    fn hub() -> Hub {
        let config = Config { shards: 1, mailbox: 1 << 20, rooms_per_session: 1 };
        let keep = Keep { size: 2, ttl: Duration::ZERO };
        let brief = Keep { size: 2, ttl: Duration::from_nanos(1) };
        let rule = |prefix: &str, keep| Rule { prefix: prefix.into(), keep, ..Rule::default() };
        let rules = Rules::new([rule("kept:", keep), rule("brief:", brief)]);
        Hub::new(config, rules, Forms::default(), Metrics::new(1))
    }

    fn event(hub: &Hub, id: Option<&str>) -> Event {
        Event {
            id: id.map(Into::into),
            ..Event::new(
                hub.types().find("alert_triggered").unwrap(),
                "1".into(),
                "test".into(),
                Timestamp(0),
            )
        }
    }

    fn offset(hub: &Hub, room: &str, known: &mut Option<Arc<Room>>, event: Event) -> u64 {
        let Ok(receipt) = hub.publish_given(room, known, event) else { panic!("it is refused") };
        receipt.now().unwrap()[0].cursor.offset
    }

    #[test]
    fn events_that_are_given_stand_in_order_with_those_that_are_lent() {
        let (hub, mut known) = (hub(), None);
        assert_eq!(offset(&hub, "kept:a", &mut known, event(&hub, None)), 1);
        hub.publish(&["kept:a"], &event(&hub, None)).unwrap();
        assert_eq!(offset(&hub, "kept:a", &mut known, event(&hub, Some("x"))), 3);
        assert_eq!(offset(&hub, "kept:a", &mut known, event(&hub, Some("x"))), 3, "it has been there");
    }

    #[test]
    fn a_room_that_has_been_forgotten_is_looked_up_again() {
        let (hub, mut known) = (hub(), None);
        assert_eq!(offset(&hub, "brief:a", &mut known, event(&hub, None)), 1);
        while hub.sweep() == 0 {} // its time is over with the next tick of the clock
        assert_eq!(offset(&hub, "brief:a", &mut known, event(&hub, None)), 1, "in another life");
        assert!(known.is_none());
        assert_eq!(offset(&hub, "brief:a", &mut known, event(&hub, None)), 2);
    }

    #[test]
    fn what_is_no_rooms_name_is_refused_and_the_event_comes_back() {
        let (hub, mut known) = (hub(), None);
        let Err((error, event)) = hub.publish_given("\n", &mut known, event(&hub, None)) else {
            panic!("it is taken")
        };
        assert!(matches!(error, PublishError::Name(_)) && &*event.data == b"1" && known.is_none());
    }
}
