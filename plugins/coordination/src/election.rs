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

/// The election as the store keeps it: what is shown, and what is not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Reign {
    #[serde(flatten)]
    election: Election,
    /// A node's coordinator leads, who is never lost. Its id does not say so: an agent may be called like one.
    #[serde(default)]
    by_coordinator: bool,
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
        self.reign().await.map(|reign| reign.election)
    }

    /// Holds an election.
    pub(crate) async fn trigger(&self) -> Result<Election> {
        let turn = self.turn().await;
        self.elect(&turn, None).await
    }

    /// Has another leader elected where the one that is kept is not there any more.
    pub(crate) async fn replace_leader(&self, turn: &Turn<'_>) -> Result<()> {
        let reign = self.reign().await?;
        let leader = reign.election.leader_id.filter(|_| !reign.by_coordinator);
        match leader.filter(|leader| self.roster.borrow().has_lost(leader)) {
            Some(gone) => self.elect(turn, Some(&gone)).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Holds an election; with `instead_of` only where that one still leads, since another node may have been quicker.
    async fn elect(&self, _turn: &Turn<'_>, instead_of: Option<&str>) -> Result<Election> {
        let (fittest, voters) = {
            let roster = self.roster.borrow();
            (roster.fittest().map(str::to_owned), roster.active().count())
        };
        let change = |kept: &mut Kept<Reign>, now: Moment| {
            let Reign { election, by_coordinator } = &mut kept.value;
            if instead_of.is_some_and(|gone| *by_coordinator || election.leader_id.as_deref() != Some(gone)) {
                return Ok(false);
            }
            *by_coordinator = fittest.is_none();
            let changed = election.hold(fittest.as_ref().unwrap_or(&self.coordinator), voters, now.wall);
            kept.say(("election_triggered", COORDINATION), now, |Reign { election, .. }| Triggered {
                message: "Leader election triggered",
                election_term: election.election_term,
            })?;
            if changed {
                kept.say(("leader_elected", COORDINATION), now, |Reign { election, .. }| Elected {
                    leader_id: election.leader_id.clone(),
                    election_term: election.election_term,
                })?;
            }
            Ok(true)
        };
        let reign = match kept::revise(&self.world, KEY, Some(Reign::default()), change).await? {
            Revised::Written(written) => written.tell(&self.world).await?,
            Revised::Same(reign) => reign,
            Revised::Absent => Reign::default(),
        };
        Ok(reign.election)
    }

    async fn reign(&self) -> Result<Reign> {
        let found = shelf::get::<Kept<Reign>>(&self.world, KEY.into()).await?;
        Ok(found.map(|(kept, _)| kept.value).unwrap_or_default())
    }
}

/// What the life before this one has left untold of it.
pub(crate) async fn leftover(world: &impl World) -> Result<Option<Leftover>> {
    let found = shelf::get::<Kept<Reign>>(world, KEY.into()).await?;
    Ok(found.and_then(|(kept, _)| kept.untold_since()).map(|since| (since, KEY.to_owned())))
}

#[cfg(test)]
mod tests;
