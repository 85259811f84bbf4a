//! Several proposals at once, and what they do not disturb.

use serde_json::json;

use crate::{gateway, member, next, ok, proposal, propose, text, trigger, vote, voter};

#[tokio::test]
async fn each_proposal_has_its_own_votes_and_its_own_end() {
    let gateway = gateway();
    for id in ["a", "b"] {
        voter(&gateway, id, "manual").await;
    }
    let mut session = member(&gateway, &["coordination"]).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let proposed = propose(&gateway, json!({ "proposal_data": { "n": n } })).await;
        assert_eq!(next(&mut session, "coordination", "consensus_proposed").await, proposed);
        ids.push(text(&proposed["proposal_id"]));
    }
    for (id, choice) in [(&ids[2], "for"), (&ids[0], "against"), (&ids[1], "for")] {
        ok(vote(&gateway, id, "a", choice).await);
    }
    for (n, decision, rate) in [(1, "approved", 1.0), (0, "rejected", 0.5), (2, "approved", 1.0)] {
        let decided = ok(vote(&gateway, &ids[n], "b", "for").await);
        assert_eq!((&decided["proposal_data"], &decided["status"]), (&json!({ "n": n }), &json!(decision)));
        let told = next(&mut session, "coordination", "consensus_decided").await;
        assert_eq!(told, json!({ "proposal_id": ids[n], "decision": decision, "approval_rate": rate }));
    }
}

#[tokio::test]
async fn a_voter_that_is_gone_stays_in_the_electorate() {
    let gateway = gateway();
    for id in ["a", "b", "c"] {
        voter(&gateway, id, "manual").await;
    }
    let proposed = propose(&gateway, json!({ "timeout": 1.5 })).await;
    let id = text(&proposed["proposal_id"]);
    let mut session = member(&gateway, &["coordination"]).await;
    crate::remove(&gateway, "c").await;
    assert_eq!(ok(vote(&gateway, &id, "a", "for").await)["total_voters"], 3);
    ok(vote(&gateway, &id, "b", "for").await);
    next(&mut session, "coordination", "consensus_decided").await;
    let decided = proposal(&gateway, &id).await;
    assert_eq!(json!([decided["total_voters"], decided["votes_for"]]), json!([3, 2]));
    assert_eq!(decided["status"], "approved");
}

#[tokio::test]
async fn the_leader_has_one_vote_as_all_have() {
    let gateway = gateway();
    for (id, way) in [("a", "for"), ("b", "against"), ("c", "against")] {
        voter(&gateway, id, way).await;
    }
    assert_eq!(trigger(&gateway).await["leader_id"], "a");
    let decided = propose(&gateway, json!({ "proposer_id": "a" })).await;
    assert_eq!(json!([decided["status"], decided["total_voters"]]), json!(["rejected", 3]));
}

#[tokio::test]
async fn who_proposes_need_not_be_an_agent() {
    let gateway = gateway();
    for proposer in ["nobody", "coordinator:x", "é 1"] {
        assert_eq!(propose(&gateway, json!({ "proposer_id": proposer })).await["proposer_id"], proposer);
    }
}
