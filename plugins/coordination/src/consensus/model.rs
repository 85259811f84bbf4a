//! A proposal, and how votes decide it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_plugin::{Error, Result};

use super::electorate::Electorate;
use crate::collection::Record;
use crate::roster::Vote;
use crate::time::Timestamp;
use crate::validate::NewProposal;

/// So many votes of a hundred approve.
const MAJORITY: usize = 66;

/// A proposal, as answers and events show it; the fields in the order of the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    pub(crate) proposal_id: String,
    pub(crate) proposal_type: String,
    pub(crate) proposal_data: Map<String, Value>,
    pub(crate) proposer_id: String,
    pub(crate) status: Status,
    pub(crate) votes_for: usize,
    pub(crate) votes_against: usize,
    pub(crate) votes_abstain: usize,
    /// The electorate.
    pub(crate) total_voters: usize,
    /// `votes_for / total_voters`, so far.
    pub(crate) approval_rate: f64,
    pub(crate) created_at: Timestamp,
    pub(crate) decided_at: Option<Timestamp>,
    /// Seconds.
    pub(crate) decision_duration: Option<f64>,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Votes are awaited.
    Pending,
    Approved,
    Rejected,
}

/// A proposal as the store keeps it: what is shown, and what is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Motion {
    #[serde(flatten)]
    pub(crate) proposal: Proposal,
    /// Seconds from its creation.
    timeout: f64,
    /// Who votes by hand and has not yet.
    awaited: BTreeSet<String>,
}

impl Status {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

impl Motion {
    /// A new one, with the votes that are given by themselves.
    pub(crate) fn new(wanted: &NewProposal, number: u64, electorate: &Electorate, now: Timestamp) -> Self {
        let NewProposal { proposal_type, proposal_data, proposer_id, timeout } = wanted.clone();
        let proposal = Proposal {
            proposal_id: format!("proposal_{number:03}"),
            proposal_type,
            proposal_data,
            proposer_id,
            status: Status::Pending,
            votes_for: 0,
            votes_against: 0,
            votes_abstain: 0,
            total_voters: electorate.len(),
            approval_rate: 0.0,
            created_at: now,
            decided_at: None,
            decision_duration: None,
        };
        let awaited = electorate.by_hand().map(str::to_owned).collect();
        let mut motion = Self { proposal, timeout, awaited };
        electorate.by_themselves().for_each(|vote| motion.add(vote));
        motion
    }

    /// Whether that one votes by hand and has not yet.
    pub(crate) fn awaits(&self, voter: &str) -> bool {
        self.awaited.contains(voter)
    }

    /// Whether all have voted.
    pub(crate) fn is_voted(&self) -> bool {
        self.awaited.is_empty()
    }

    /// Counts the vote of one of the electorate.
    ///
    /// # Errors
    /// 409 where it is decided, or that one has voted.
    pub(crate) fn count(&mut self, voter: &str, vote: Vote) -> Result<()> {
        let id = &self.proposal.proposal_id;
        if self.is_over() {
            let how = self.proposal.status.name();
            return Err(Error::conflict(format!("Proposal '{id}' is decided already: {how}")));
        }
        if !self.awaited.remove(voter) {
            return Err(Error::conflict(format!("'{voter}' has voted on proposal '{id}' already")));
        }
        self.add(vote);
        Ok(())
    }

    /// Decides it: who has not voted abstains.
    pub(crate) fn decide(&mut self, now: Timestamp) {
        let silent = std::mem::take(&mut self.awaited).len();
        let proposal = &mut self.proposal;
        proposal.votes_abstain += silent;
        // In integers: no share is rounded up into a majority.
        let approved = proposal.votes_for * 100 >= proposal.total_voters * MAJORITY;
        proposal.status = if approved { Status::Approved } else { Status::Rejected };
        proposal.decided_at = Some(now);
        proposal.decision_duration = Some(now.seconds_since(proposal.created_at));
    }

    fn add(&mut self, vote: Vote) {
        let proposal = &mut self.proposal;
        match vote {
            Vote::For => proposal.votes_for += 1,
            Vote::Against => proposal.votes_against += 1,
            Vote::Abstain => proposal.votes_abstain += 1,
        }
        // Whoever votes is one of the electorate, so there is one.
        proposal.approval_rate = proposal.votes_for as f64 / proposal.total_voters as f64;
    }
}

impl Record for Motion {
    type Card = Status;
    const PREFIX: &'static str = "shared/proposal/";
    const COUNTER: &'static str = "number/proposal";

    fn name(&self) -> &str {
        &self.proposal.proposal_id
    }

    fn card(&self) -> Status {
        self.proposal.status
    }

    fn expiry(&self) -> Option<Timestamp> {
        (!self.is_over()).then(|| self.proposal.created_at.after(self.timeout))
    }

    fn is_over(&self) -> bool {
        self.proposal.status != Status::Pending
    }
}

#[cfg(test)]
mod tests;
