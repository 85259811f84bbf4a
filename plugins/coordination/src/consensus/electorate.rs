//! Who may vote on a proposal: fixed when it is proposed, and kept beside it, since there may be more than one value holds.

use tidegate_plugin::{Error, Expect, Result};

use crate::roster::{Agent, Roster, Vote};
use crate::shelf;
use crate::world::World;

/// So many can vote by hand: their names are part of the proposal until they have.
const MOST_BY_HAND: usize = 2048;
/// Names in one value: with the longest names there are it is half of what a value may have.
const CHUNK: usize = 2048;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Electorate(Vec<(String, Option<Vote>)>);

impl Electorate {
    /// The agents at work, or where there is none the coordinator, who votes for.
    ///
    /// # Errors
    /// 409 where too many would vote by hand.
    pub(crate) fn of(roster: &Roster, coordinator: &str) -> Result<Self> {
        let mut voters: Vec<_> =
            roster.active().map(|(id, agent)| (id.to_owned(), Agent::vote(agent))).collect();
        if voters.is_empty() {
            voters.push((coordinator.to_owned(), Some(Vote::For)));
        }
        let by_hand = voters.iter().filter(|(_, vote)| vote.is_none()).count();
        if by_hand > MOST_BY_HAND {
            let message =
                format!("{by_hand} agents vote by hand, and at most {MOST_BY_HAND} can on one proposal");
            return Err(Error::conflict(message));
        }
        Ok(Self(voters))
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Who votes by hand.
    pub(crate) fn by_hand(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, vote)| vote.is_none()).map(|(id, _)| id.as_str())
    }

    /// The votes of the others.
    pub(crate) fn by_themselves(&self) -> impl Iterator<Item = Vote> {
        self.0.iter().filter_map(|(_, vote)| *vote)
    }

    /// Keeps who may vote on that proposal.
    pub(crate) async fn keep(&self, world: &impl World, proposal: &str) -> Result<()> {
        for (n, chunk) in self.0.chunks(CHUNK).enumerate() {
            let names: Vec<&str> = chunk.iter().map(|(id, _)| id.as_str()).collect();
            shelf::put(world, key(proposal, n), &names, Expect::Any).await?;
        }
        Ok(())
    }
}

/// Whether that one may vote on that proposal.
pub(crate) async fn holds(world: &impl World, proposal: &str, voter: &str) -> Result<bool> {
    let mut found = false;
    let look = |names: Vec<String>| found |= names.iter().any(|name| name == voter);
    shelf::each(world, &prefix(proposal), look).await?;
    Ok(found)
}

/// Forgets who may vote on that proposal.
pub(crate) async fn forget(world: &impl World, proposal: &str) -> Result<()> {
    let mut chunks = 0;
    shelf::each(world, &prefix(proposal), |_: Vec<String>| chunks += 1).await?;
    for n in 0..chunks {
        shelf::delete(world, key(proposal, n), Expect::Any).await?;
    }
    Ok(())
}

fn key(proposal: &str, n: usize) -> String {
    format!("{}{n:06}", prefix(proposal))
}

fn prefix(proposal: &str) -> String {
    format!("electorate/{proposal}/")
}
