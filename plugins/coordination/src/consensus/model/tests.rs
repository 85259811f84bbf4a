use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::roster::{News, Roster};
use crate::service::tests::proposal;

/// An electorate of so many who vote for, against, abstain, and by hand.
fn electorate(votes: [usize; 4]) -> Electorate {
    let mut roster = Roster::default();
    for (how, count) in ["for", "against", "abstain", "manual"].into_iter().zip(votes) {
        for n in 0..count {
            roster.hear(News::seen(&format!("{how}{n}"), how));
        }
    }
    Electorate::of(&roster, "coordinator:n").unwrap()
}

fn motion(votes: [usize; 4]) -> Motion {
    Motion::new(&proposal(json!({"timeout": 1.5})), 3, &electorate(votes), Timestamp(1000))
}

#[test]
fn a_proposal_has_the_fields_of_the_wire_in_their_order() {
    let expected = r#"{"proposal_id":"proposal_003","proposal_type":"t","proposal_data":{},"proposer_id":"p","status":"pending","votes_for":1,"votes_against":0,"votes_abstain":0,"total_voters":2,"approval_rate":0.5,"created_at":"1970-01-01T00:00:01.000Z","decided_at":null,"decision_duration":null}"#;
    assert_eq!(serde_json::to_string(&motion([1, 0, 0, 1]).proposal).unwrap(), expected);
}

#[test]
fn what_is_kept_comes_back() {
    let kept = serde_json::to_vec(&motion([1, 2, 3, 4])).unwrap();
    assert_eq!(serde_json::from_slice::<Motion>(&kept).unwrap(), motion([1, 2, 3, 4]));
}

#[test]
fn sixty_six_of_a_hundred_approve_and_not_one_less() {
    for (votes, expected) in [
        ([66, 34, 0, 0], Status::Approved),
        ([65, 35, 0, 0], Status::Rejected),
        ([33, 17, 0, 0], Status::Approved),
        ([2, 1, 0, 0], Status::Approved),
        ([2, 0, 2, 0], Status::Rejected),
        ([0, 0, 1, 0], Status::Rejected),
        ([659, 341, 0, 0], Status::Rejected),
        ([660, 340, 0, 0], Status::Approved),
        ([1, 0, 0, 0], Status::Approved),
        // Nobody at work: the coordinator alone.
        ([0, 0, 0, 0], Status::Approved),
    ] {
        let mut motion = motion(votes);
        assert!(motion.is_voted());
        motion.decide(Timestamp(1000));
        assert_eq!(motion.proposal.status, expected, "{votes:?}");
        let approves = motion.proposal.approval_rate >= 0.66;
        assert_eq!(approves, expected == Status::Approved, "{votes:?}");
    }
}

proptest! {
    #[test]
    fn each_votes_once_and_all_votes_are_those_of_the_electorate(
        alone in [0_usize..4, 0_usize..4, 0_usize..4], hands in 1_usize..6,
        ballots in proptest::collection::vec((0_usize..6, 0_usize..3), 0..20),
    ) {
        let [favour, against, abstain] = alone;
        let mut motion = motion([favour, against, abstain, hands]);
        let mut counts = alone;
        let mut voted = std::collections::HashSet::new();
        for (voter, vote) in ballots {
            let over = motion.is_over();
            let allowed = voter < hands && !voted.contains(&voter) && !over;
            let before = motion.clone();
            let counted = motion.count(&format!("manual{voter}"), [Vote::For, Vote::Against, Vote::Abstain][vote]);
            prop_assert_eq!(counted.is_ok(), allowed);
            match counted {
                Ok(()) => {
                    voted.insert(voter);
                    counts[vote] += 1;
                }
                Err(error) => {
                    prop_assert_eq!(error.http_status(), 409);
                    prop_assert_eq!(&motion, &before);
                }
            }
            prop_assert_eq!(motion.is_voted(), voted.len() == hands);
            if motion.is_voted() && !over {
                motion.decide(Timestamp(2000));
            }
        }
        if !motion.is_over() {
            motion.decide(Timestamp(2500));
            counts[2] += hands - voted.len();
        }
        let Proposal { votes_for, votes_against, votes_abstain, total_voters, .. } = motion.proposal;
        prop_assert_eq!([votes_for, votes_against, votes_abstain], counts);
        prop_assert_eq!(votes_for + votes_against + votes_abstain, total_voters);
        prop_assert_eq!(motion.proposal.approval_rate, votes_for as f64 / total_voters as f64);
    }
}
