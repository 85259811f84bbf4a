//! What may be published, whoever publishes.

use smallvec::SmallVec;

use super::limiter::{Limiter, Party};
use super::{Clock, Limits, Rule, Verdict};

/// An event that somebody wants to publish.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// Where to; none: to everyone.
    pub rooms: &'a [&'a str],
    /// Its type.
    pub event_type: &'a str,
    /// What it is about.
    pub key: Option<&'a str>,
    /// Of its data.
    pub bytes: usize,
}

/// A limit that it has passed.
struct Level<'a> {
    limiter: &'a Limiter,
    rule: Rule,
    party: Party<'a>,
    cost: u32,
}

impl Level<'_> {
    fn give_back(self) {
        self.limiter.give_back(self.party, &self.rule, self.cost);
    }
}

/// The room of events without one.
const EVERYONE: [&str; 1] = [""];

impl Limits {
    /// An event goes through the limits of its rooms, its type and its key. What is refused at one level takes nothing
    /// at the others.
    ///
    /// # Errors
    /// The verdict of the level that refuses it.
    pub fn publish(&self, publication: Publication<'_>) -> Result<(), Verdict> {
        let (settings, now) = (self.settings.load(), Clock::now());
        let (rules, Publication { rooms, event_type, key, bytes }) = (&settings.publishes, publication);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut taken = SmallVec::<[Level<'_>; 5]>::new();
        let mut take = |limiter, rule: &Option<Rule>, party, cost| {
            let Some(rule) = *rule else { return Ok(()) };
            let verdict = Limiter::take(limiter, party, &rule, cost, now);
            if verdict.passes() {
                taken.push(Level { limiter, rule, party, cost });
                return Ok(());
            }
            taken.drain(..).for_each(Level::give_back);
            Err(verdict)
        };
        let rooms = if rooms.is_empty() { &EVERYONE } else { rooms };
        for room in rooms {
            take(&self.publishes_per_room, &rules.per_room, Party::Name(room), 1)?;
            take(&self.bytes_per_room, &rules.bytes_per_room, Party::Name(room), bytes)?;
        }
        take(&self.publishes_per_type, &rules.per_type, Party::Name(event_type), 1)?;
        take(&self.bytes_per_type, &rules.bytes_per_type, Party::Name(event_type), bytes)?;
        for (room, key) in rooms.iter().zip(key.into_iter().cycle()) {
            take(&self.publishes_per_key, &rules.per_key, Party::Key { room, key }, 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Publishes, Settings, Window};
    use crate::metrics::Metrics;
    use crate::units::Rate;

    fn rule(count: u32) -> Option<Rule> {
        Rule::new(format!("{count}/day").parse::<Rate>().unwrap(), 0, Window::Bucket, false)
    }

    fn limits(publishes: Publishes) -> Limits {
        Limits::new(Settings { publishes, ..Settings::default() }, &Metrics::new(1))
    }

    fn of<'a>(rooms: &'a [&'a str], event_type: &'a str, key: Option<&'a str>) -> Publication<'a> {
        Publication { rooms, event_type, key, bytes: 10 }
    }

    #[test]
    fn a_key_that_is_used_up_takes_nothing_from_its_room_and_type() {
        let all =
            Publishes { per_room: rule(3), per_type: rule(3), per_key: rule(1), ..Publishes::default() };
        let limits = limits(Publishes { bytes_per_room: rule(30), bytes_per_type: rule(30), ..all });
        let passes = |room, kind, key| limits.publish(of(&[room], kind, key)).is_ok();
        assert!(passes("r", "t", Some("k")));
        assert!((0..10).all(|_| !passes("r", "t", Some("k"))), "the key is used up");
        assert!(passes("r", "t", Some("l")) && passes("r", "t", None));
        assert!(!passes("r", "u", None), "the room is used up");
        assert!(!passes("s", "t", None), "the type is used up");
        assert!(passes("s", "u", Some("k")), "another room's key");
    }

    #[test]
    fn an_event_that_one_of_its_rooms_refuses_takes_nothing_from_the_others() {
        let limits = limits(Publishes { per_room: rule(1), ..Publishes::default() });
        assert!(limits.publish(of(&["b"], "t", None)).is_ok());
        assert!(limits.publish(of(&["a", "b"], "t", None)).is_err());
        assert!(limits.publish(of(&["a"], "t", None)).is_ok());
        assert!(limits.publish(of(&[], "t", None)).is_ok(), "everyone is a room of its own");
        assert!(limits.publish(of(&[], "t", None)).is_err());
    }

    #[test]
    fn an_event_of_more_bytes_than_may_be_at_once_is_owed_for() {
        let limits = limits(Publishes { bytes_per_room: rule(4), ..Publishes::default() });
        assert!(limits.publish(of(&["a"], "t", None)).is_ok(), "nothing was used");
        let wait = limits.publish(of(&["a"], "t", None)).unwrap_err().retry_after.unwrap();
        assert!(wait.as_secs() > 2 * 86_400, "{wait:?}: two and a half days are owed");
    }
}
