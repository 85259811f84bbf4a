//! What is counted over all agents, those that are gone too.

use std::cell::{Ref, RefCell};

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Expect, Result};

use super::homeostasis::{State, Temperature};
use crate::registry::Census;
use crate::shelf::{self, Put, TRIES};
use crate::time::Timestamp;
use crate::world::World;

/// Where it is kept.
const KEY: &str = "lymphnode";
/// How long a detection counts as recent, in milliseconds.
const RECENT: i64 = 5 * 60 * 1000;
/// Detections are remembered by the slice of time that they fall in, in milliseconds: what is kept is bounded.
const SLICE: i64 = 10 * 1000;

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) detections: u64,
    pub(crate) neutralizations: u64,
    pub(crate) clones_created: u64,
    pub(crate) clones_destroyed: u64,
    /// The state that was told last, so that a change is told once, over restarts and nodes too.
    pub(crate) state: State,
    /// The latest detections: when a slice of time began, in milliseconds since 1970, and how many fell in it.
    recent: Vec<(i64, u64)>,
}

impl Ledger {
    /// Notes what an agent reports to have happened since it last did.
    pub(crate) fn report(&mut self, detected: u64, neutralized: u64, now: Timestamp) {
        self.detections = self.detections.saturating_add(detected);
        self.neutralizations = self.neutralizations.saturating_add(neutralized);
        if detected == 0 {
            return;
        }
        self.recent.retain(|(slice, _)| is_recent(*slice, now));
        let slice = now.0 - now.0.rem_euclid(SLICE);
        match self.recent.iter_mut().find(|(at, _)| *at == slice) {
            Some((_, count)) => *count = count.saturating_add(detected),
            None => self.recent.push((slice, detected)),
        }
    }

    /// The temperature with these agents.
    pub(crate) fn temperature(&self, census: Census, now: Timestamp) -> Temperature {
        let recent = self.recent.iter().filter(|(slice, _)| is_recent(*slice, now));
        Temperature::of(census, recent.fold(0, |sum, (_, count)| sum.saturating_add(*count)))
    }

    /// Notes the state of now as told.
    pub(crate) fn judge(&mut self, census: Census, now: Timestamp) {
        self.state = self.temperature(census, now).state();
    }
}

/// Whether a slice of time, by its beginning, has been in the last minutes. One in the future is of a clock that was set back.
fn is_recent(slice: i64, now: Timestamp) -> bool {
    (now.0 - RECENT..=now.0).contains(&slice)
}

/// The ledger, and how it is kept.
#[derive(Debug, Default)]
pub(crate) struct LedgerKeeper {
    /// With the store's revision; `None`: it has none yet.
    kept: RefCell<(Ledger, Option<u64>)>,
}

impl LedgerKeeper {
    /// The ledger that the store keeps.
    pub(crate) async fn load(world: &impl World) -> Result<Self> {
        let keeper = Self::default();
        keeper.reload(world).await?;
        Ok(keeper)
    }

    /// The ledger of now. The borrow must not be held over an await.
    pub(crate) fn now(&self) -> Ref<'_, Ledger> {
        Ref::map(self.kept.borrow(), |(ledger, _)| ledger)
    }

    /// Changes the ledger, and gives it as it was and as it is. `change` may run more than once; where it changes nothing,
    /// nothing is written.
    pub(crate) async fn update(
        &self,
        world: &impl World,
        change: impl Fn(&mut Ledger, Timestamp),
    ) -> Result<(Ledger, Ledger)> {
        for _ in 0..TRIES {
            let (before, revision) = self.kept.borrow().clone();
            let mut after = before.clone();
            change(&mut after, world.now().wall);
            if after == before {
                return Ok((before, after));
            }
            let expect = revision.map_or(Expect::Absent, Expect::Revision);
            match shelf::put(world, KEY.into(), &after, expect).await? {
                Put::Written(revision) => {
                    self.kept.replace((after.clone(), Some(revision)));
                    return Ok((before, after));
                }
                Put::Conflict => self.reload(world).await?,
            }
        }
        Err(shelf::contended("The lymph node's ledger"))
    }

    async fn reload(&self, world: &impl World) -> Result<()> {
        let kept = shelf::get(world, KEY.into()).await?;
        self.kept.replace(kept.map_or_else(Default::default, |(ledger, revision)| (ledger, Some(revision))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::tests::Small;

    const NOBODY: Census = Census { total: 0, active: 0, unwell: 0 };

    #[test]
    fn detections_are_recent_for_five_minutes() {
        let mut ledger = Ledger::default();
        let degrees =
            |ledger: &Ledger, at| serde_json::to_value(ledger.temperature(NOBODY, Timestamp(at))).unwrap();
        ledger.report(2, 0, Timestamp(1_000_000));
        ledger.report(3, 0, Timestamp(1_005_000));
        assert_eq!(degrees(&ledger, 1_299_999), json!(37.0));
        assert_eq!(degrees(&ledger, 1_310_000), json!(36.5));
        assert_eq!(degrees(&ledger, 900_000), json!(36.5));
        assert_eq!(ledger.detections, 5);
    }

    #[test]
    fn what_is_remembered_of_detections_is_bounded() {
        let mut ledger = Ledger::default();
        (0..100_000).for_each(|n| ledger.report(1, 0, Timestamp(n * 100)));
        assert!(ledger.recent.len() <= 31);
        assert_eq!(ledger.detections, 100_000);
        ledger.report(u64::MAX, u64::MAX, Timestamp(0));
        assert_eq!((ledger.detections, ledger.neutralizations), (u64::MAX, u64::MAX));
    }

    #[tokio::test]
    async fn two_keepers_of_one_ledger_lose_nothing() {
        let world = Small::default();
        let (ours, theirs) =
            (LedgerKeeper::load(&world).await.unwrap(), LedgerKeeper::load(&world).await.unwrap());
        for keeper in [&ours, &theirs, &ours] {
            keeper.update(&world, |ledger, _| ledger.clones_created += 1).await.unwrap();
        }
        let (before, after) = theirs.update(&world, |ledger, _| ledger.clones_destroyed += 1).await.unwrap();
        assert_eq!((before.clones_created, before.clones_destroyed), (3, 0));
        assert_eq!(*LedgerKeeper::load(&world).await.unwrap().now(), after);
    }

    #[tokio::test]
    async fn a_change_that_changes_nothing_writes_nothing() {
        let world = Small::default();
        let keeper = LedgerKeeper::load(&world).await.unwrap();
        keeper.update(&world, |ledger, now| ledger.report(0, 0, now)).await.unwrap();
        assert!(world.kept.borrow().is_empty());
    }
}
