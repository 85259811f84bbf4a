//! What the plugin needs of the world: its clock, chance, the store, the hub. The gateway gives it, and in tests a small one.

use tidegate_plugin::{Error, Event, Host, Op, Outcome, Result};
use uuid::Uuid;

use crate::notice::Notice;
use crate::time::{Moment, Timestamp};

/// Source of all events.
const SOURCE: &str = "agent_service";

/// The world. All futures stay on the plugin's thread.
pub(crate) trait World {
    /// What time it is.
    fn now(&self) -> Moment;

    /// Sixteen bytes by chance, but for the few bits that a UUIDv4 fixes.
    fn chance(&self) -> [u8; 16];

    /// Runs operations on the store in order, each for itself.
    async fn store(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>>;

    /// Publishes in order, and waits until all is as safe as the rooms promise.
    async fn publish(&self, notices: Vec<Notice>) -> Result<()>;

    /// Tells the operator.
    fn warn(&self, message: &str);

    /// A new agent's id.
    fn new_id(&self) -> String {
        uuid::Builder::from_random_bytes(self.chance()).into_uuid().to_string()
    }

    /// A number from -1 to 1, each as likely.
    fn swing(&self) -> f64 {
        let [.., a, b, c, d, e, f, g] = self.chance();
        let bits = u64::from_be_bytes([0, a, b, c, d, e, f, g]) >> 3;
        // 53 bits are what a float holds exactly.
        bits as f64 / ((1_u64 << 53) - 1) as f64 * 2.0 - 1.0
    }
}

impl World for Host {
    fn now(&self) -> Moment {
        let clock = self.clock();
        // A stopped gateway has no clock, and nobody is missed any more.
        let steady = clock.monotonic().unwrap_or_default().as_millis();
        Moment { wall: Timestamp(clock.now_ms()), steady: i64::try_from(steady).unwrap_or(i64::MAX) }
    }

    fn chance(&self) -> [u8; 16] {
        Uuid::new_v4().into_bytes()
    }

    async fn store(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>> {
        self.store().run(ops).await
    }

    async fn publish(&self, notices: Vec<Notice>) -> Result<()> {
        let event = |notice: Notice| {
            let event = Event::new(notice.kind).source(SOURCE).raw(notice.data);
            notice.rooms.into_iter().fold(event, Event::room)
        };
        self.publish_all(notices.into_iter().map(event).collect()).await.map_err(Error::from)?;
        Ok(())
    }

    fn warn(&self, message: &str) {
        self.log().warn(message);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! The small world of the tests.

    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use tidegate_plugin::{Bytes, Entry, Expect, Page, Status};

    use super::*;

    /// A world in memory, whose clock goes when told to.
    #[derive(Default)]
    pub(crate) struct Small {
        pub(crate) clock: Cell<i64>,
        chances: Cell<u64>,
        pub(crate) kept: RefCell<BTreeMap<String, (Bytes, u64)>>,
        revisions: Cell<u64>,
        pub(crate) published: RefCell<Vec<Notice>>,
        pub(crate) warnings: RefCell<Vec<String>>,
        /// How many of the next puts find that somebody else was quicker.
        pub(crate) rivals: Cell<usize>,
        /// Whether the store fails.
        pub(crate) broken: Cell<bool>,
    }

    impl Small {
        pub(crate) fn pass(&self, ms: i64) {
            self.clock.set(self.clock.get() + ms);
        }

        /// What was published since it was last asked, as `type data`.
        pub(crate) fn heard(&self) -> Vec<String> {
            let text = |n: Notice| format!("{} {}", n.kind, String::from_utf8_lossy(&n.data));
            self.published.take().into_iter().map(text).collect()
        }

        /// The types of what was published since it was last asked.
        pub(crate) fn kinds(&self) -> Vec<&'static str> {
            self.published.take().iter().map(|n| n.kind).collect()
        }

        /// What another node would do: writes the value again, changed, under another revision.
        pub(crate) fn meddle(&self, key: &str, change: impl FnOnce(&mut serde_json::Value)) {
            let mut value = serde_json::from_slice(&self.kept.borrow()[key].0).unwrap();
            change(&mut value);
            self.put(key, value.to_string().into());
        }

        fn put(&self, key: &str, value: Bytes) -> u64 {
            self.revisions.set(self.revisions.get() + 1);
            self.kept.borrow_mut().insert(key.into(), (value, self.revisions.get()));
            self.revisions.get()
        }

        fn one(&self, op: Op) -> Result<Outcome> {
            let entry = |(key, (value, revision)): (&String, &(Bytes, u64))| Entry {
                key: key.clone(),
                value: value.clone(),
                revision: *revision,
            };
            match op {
                Op::Get { key } => Ok(Outcome::Value(self.kept.borrow().get_key_value(&key).map(entry))),
                Op::List { prefix, after, limit } => {
                    let kept = self.kept.borrow();
                    let wanted = kept.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
                    let mut entries: Vec<_> = wanted.take(limit + 1).map(entry).collect();
                    let more = entries.len() > limit;
                    entries.truncate(limit);
                    Ok(Outcome::Page(Page { entries, more }))
                }
                Op::Delete { key, .. } => Ok(Outcome::Deleted(self.kept.borrow_mut().remove(&key).is_some())),
                Op::Put { key, value, expect, .. } => {
                    if let Some(left) = self.rivals.get().checked_sub(1)
                        && self.kept.borrow().contains_key(&key)
                    {
                        self.rivals.set(left);
                        let same = self.kept.borrow()[&key].0.clone();
                        self.put(&key, same);
                    }
                    let there = self.kept.borrow().get(&key).map(|(_, revision)| *revision);
                    let fits = match expect {
                        Expect::Any => true,
                        Expect::Absent => there.is_none(),
                        Expect::Revision(revision) => there == Some(revision),
                    };
                    if fits {
                        Ok(Outcome::Written(self.put(&key, value)))
                    } else {
                        Err(Status::CONFLICT.into())
                    }
                }
            }
        }
    }

    impl World for Small {
        fn now(&self) -> Moment {
            Moment { wall: Timestamp(1_700_000_000_000 + self.clock.get()), steady: self.clock.get() }
        }

        fn chance(&self) -> [u8; 16] {
            // Different each time, the same in each run, and spread over all bits.
            self.chances.set(self.chances.get() + 1);
            let seed = u128::from(self.chances.get());
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes()
        }

        async fn store(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>> {
            if self.broken.get() {
                return Err(Status::TIMEOUT.into());
            }
            Ok(ops.into_iter().map(|op| self.one(op)).collect())
        }

        async fn publish(&self, notices: Vec<Notice>) -> Result<()> {
            self.published.borrow_mut().extend(notices);
            Ok(())
        }

        fn warn(&self, message: &str) {
            self.warnings.borrow_mut().push(message.into());
        }
    }

    #[test]
    fn chance_swings_both_ways_and_never_too_far() {
        let world = Small::default();
        let swings: Vec<f64> = (0..1000).map(|_| world.swing()).collect();
        assert!(swings.iter().all(|s| (-1.0..=1.0).contains(s)));
        assert!(swings.iter().any(|s| *s < -0.5) && swings.iter().any(|s| *s > 0.5));
    }

    #[test]
    fn ids_are_uuids_of_version_4() {
        let id = Uuid::parse_str(&Small::default().new_id()).unwrap();
        assert_eq!(id.get_version_num(), 4);
    }
}
