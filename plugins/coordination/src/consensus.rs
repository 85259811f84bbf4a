//! Consensus: proposals, and the votes on them.

mod electorate;
mod model;

pub(crate) use model::{Motion, Proposal, Status};

use serde::Serialize;
use tidegate_plugin::{Error, Result};

use crate::collection::Record;
use crate::kept::Kept;
use crate::notice::COORDINATION;
use crate::service::{Service, Turn};
use crate::time::{Moment, Timestamp};
use crate::validate::{Ballot, NewProposal, ProposalList};
use crate::world::World;
use electorate::Electorate;

/// The answer of `GET /coordination/consensus/proposals`: a page, and how many the filter lets through.
#[derive(Debug, Serialize)]
pub(crate) struct ProposalPage {
    total: usize,
    proposals: Vec<Proposal>,
}

impl<W: World> Service<W> {
    /// Puts a proposal to the agents at work, whose votes are counted at once but for those given by hand.
    ///
    /// # Errors
    /// 503 where there are too many, 409 where too many agents would vote by hand.
    pub(crate) async fn propose(&self, wanted: &NewProposal) -> Result<Proposal> {
        let _turn = self.turn().await;
        if let Some(oldest) = self.proposals.oldest_to_forget()? {
            // Whoever is killed between the two leaves a decided proposal without voters, which goes as the next one.
            electorate::forget(&self.world, &oldest).await?;
            self.proposals.forget(&self.world, &oldest).await?;
        }
        let electorate = Electorate::of(&self.roster.borrow(), &self.coordinator)?;
        let (number, now) = (self.proposals.next_number(&self.world).await?, self.world.now());
        let mut kept = Kept::new(Motion::new(wanted, number, &electorate, now.wall));
        if kept.value.is_voted() {
            kept.value.decide(now.wall);
        }
        kept.say(("consensus_proposed", COORDINATION), now, |motion| motion.proposal.clone())?;
        announce(&mut kept, now)?;
        electorate.keep(&self.world, kept.value.name()).await?;
        self.proposals.place(&self.world, kept).await?.tell(&self.world).await.map(|motion| motion.proposal)
    }

    /// The proposal of that id.
    ///
    /// # Errors
    /// 404.
    pub(crate) async fn proposal(&self, id: &str) -> Result<Proposal> {
        self.catch_up().await;
        let motion = self.proposals.get(&self.world, id).await?;
        motion.map(|motion| motion.proposal).ok_or_else(|| proposal_not_found(id))
    }

    /// The page of proposals that `list` asks for.
    pub(crate) async fn list_proposals(&self, list: &ProposalList<'_>) -> Result<ProposalPage> {
        self.catch_up().await;
        let (mut total, mut names) = (0, Vec::new());
        for entry in self.proposals.index().iter().filter(|entry| list.wants(entry.card)) {
            if list.page.holds(total) {
                names.push(entry.name.to_string());
            }
            total += 1;
        }
        let motions = self.proposals.get_all(&self.world, &names).await?;
        Ok(ProposalPage { total, proposals: motions.into_iter().map(|motion| motion.proposal).collect() })
    }

    /// Takes a vote that is given by hand; the last one decides.
    ///
    /// # Errors
    /// 404, 403 outside the electorate, 409 for a second vote or a decided proposal.
    pub(crate) async fn vote(&self, id: &str, ballot: &Ballot) -> Result<Proposal> {
        let _turn = self.turn().await;
        let voter = ballot.voter_id.as_str();
        let motion = self.proposals.get(&self.world, id).await?.ok_or_else(|| proposal_not_found(id))?;
        if !motion.awaits(voter) && !electorate::holds(&self.world, id, voter).await? {
            let message = format!("'{voter}' is not in the electorate of proposal '{id}'");
            return Err(Error::denied(message));
        }
        let change = |kept: &mut Kept<Motion>, now: Moment| {
            kept.value.count(voter, ballot.vote)?;
            if kept.value.is_voted() {
                kept.value.decide(now.wall);
            }
            announce(kept, now)?;
            Ok(true)
        };
        let voted = self.proposals.revise(&self.world, id, change).await?;
        voted.map(|motion| motion.proposal).ok_or_else(|| proposal_not_found(id))
    }

    /// Decides a proposal whose time was up at `expiry`, unless that has been done: who was silent abstains.
    pub(crate) async fn time_out_proposal(
        &self,
        _turn: &Turn<'_>,
        id: &str,
        expiry: Timestamp,
    ) -> Result<()> {
        let change = |kept: &mut Kept<Motion>, now: Moment| {
            if kept.value.expiry() != Some(expiry) {
                return Ok(false);
            }
            kept.value.decide(expiry);
            announce(kept, now)?;
            Ok(true)
        };
        self.proposals.revise(&self.world, id, change).await.map(|_| ())
    }
}

#[derive(Serialize)]
struct Decided {
    proposal_id: String,
    decision: Status,
    approval_rate: f64,
}

/// Tells of the decision, where there is one by now.
fn announce(kept: &mut Kept<Motion>, now: Moment) -> Result<()> {
    if !kept.value.is_over() {
        return Ok(());
    }
    kept.say(("consensus_decided", COORDINATION), now, |Motion { proposal, .. }| Decided {
        proposal_id: proposal.proposal_id.clone(),
        decision: proposal.status,
        approval_rate: proposal.approval_rate,
    })
}

/// 404 for a proposal.
fn proposal_not_found(id: &str) -> Error {
    Error::not_found(format!("Proposal '{id}' not found"))
}

#[cfg(test)]
mod tests;
