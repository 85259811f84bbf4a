//! Elections: who leads, and since which term.

use serde::{Deserialize, Serialize};
use tidegate_plugin::Result;

use crate::collection::Leftover;
use crate::kept::{self, Kept, Revised};
use crate::notice::COORDINATION;
use crate::service::{Service, Turn};
use crate::shelf;
use crate::time::{Moment, Timestamp};
use crate::world::World;

/// Where it is kept: one value, so that a term is taken by whoever writes it first, and by nobody else.
const KEY: &str = "shared/election";

/// What elections have come to, as answers show it; the fields in the order of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Election {
    pub(crate) has_leader: bool,
    pub(crate) leader_id: Option<String>,
    /// Grows by one with each election.
    pub(crate) election_term: u64,
    pub(crate) last_election: Option<Timestamp>,
    pub(crate) total_elections: u64,
    /// Elections with another leader than before.
    pub(crate) leader_changes: u64,
    /// How many agents were at work at the last election.
    pub(crate) eligible_voters: usize,
}

#[derive(Serialize)]
struct Triggered {
    message: &'static str,
    election_term: u64,
}

#[derive(Serialize)]
struct Elected {
    leader_id: Option<String>,
    election_term: u64,
}

impl Election {
    /// Holds one; answers whether somebody else leads than before.
    fn hold(&mut self, winner: &str, voters: usize, now: Timestamp) -> bool {
        let changed = self.leader_id.as_deref() != Some(winner);
        self.has_leader = true;
        self.leader_id = Some(winner.to_owned());
        self.election_term += 1;
        self.last_election = Some(now);
        self.total_elections += 1;
        self.leader_changes += u64::from(changed);
        self.eligible_voters = voters;
        changed
    }
}

impl<W: World> Service<W> {
    /// What elections have come to.
    pub(crate) async fn election(&self) -> Result<Election> {
        self.catch_up().await;
        self.kept_election().await
    }

    /// Holds an election.
    pub(crate) async fn trigger(&self) -> Result<Election> {
        let turn = self.turn().await;
        self.elect(&turn, None).await
    }

    /// Has another leader elected where the one that is kept is not there any more.
    pub(crate) async fn replace_leader(&self, turn: &Turn<'_>) -> Result<()> {
        let leader = self.kept_election().await?.leader_id;
        match leader.filter(|leader| self.roster.borrow().has_lost(leader)) {
            Some(gone) => self.elect(turn, Some(&gone)).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Holds an election; with `instead_of` only where that one still leads, since another node may have been quicker.
    async fn elect(&self, _turn: &Turn<'_>, instead_of: Option<&str>) -> Result<Election> {
        let (winner, voters) = {
            let roster = self.roster.borrow();
            (roster.fittest().unwrap_or(&self.coordinator).to_owned(), roster.active().count())
        };
        let change = |kept: &mut Kept<Election>, now: Moment| {
            if instead_of.is_some_and(|gone| kept.value.leader_id.as_deref() != Some(gone)) {
                return Ok(false);
            }
            let changed = kept.value.hold(&winner, voters, now.wall);
            kept.say(("election_triggered", COORDINATION), now, |election| Triggered {
                message: "Leader election triggered",
                election_term: election.election_term,
            })?;
            if changed {
                kept.say(("leader_elected", COORDINATION), now, |election| Elected {
                    leader_id: election.leader_id.clone(),
                    election_term: election.election_term,
                })?;
            }
            Ok(true)
        };
        match kept::revise(&self.world, KEY, Some(Election::default()), change).await? {
            Revised::Written(written) => written.tell(&self.world).await,
            Revised::Same(election) => Ok(election),
            Revised::Absent => Ok(Election::default()),
        }
    }

    async fn kept_election(&self) -> Result<Election> {
        let found = shelf::get::<Kept<Election>>(&self.world, KEY.into()).await?;
        Ok(found.map(|(kept, _)| kept.value).unwrap_or_default())
    }
}

/// What the life before this one has left untold of it.
pub(crate) async fn leftover(world: &impl World) -> Result<Option<Leftover>> {
    let found = shelf::get::<Kept<Election>>(world, KEY.into()).await?;
    Ok(found.and_then(|(kept, _)| kept.untold_since()).map(|since| (since, KEY.to_owned())))
}

#[cfg(test)]
mod tests;
