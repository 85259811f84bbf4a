//! Who votes, and how, when nobody votes by hand.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{
    PROPOSAL, active, create, gateway, has, heartbeat, is_time, member, next, number, patch, proposal,
    propose, quiet, text, voter,
};

/// Votes for, against, abstaining; voters; status.
#[track_caller]
fn tally(proposal: &Value, votes: [u64; 3], status: &str) {
    let voters: u64 = votes.iter().sum();
    let fields = ["votes_for", "votes_against", "votes_abstain", "total_voters", "status"];
    let found = json!(fields.map(|name| proposal[name].clone()));
    assert_eq!(found, json!([votes[0], votes[1], votes[2], voters, status]), "{proposal}");
    assert_eq!(number(&proposal["approval_rate"]), votes[0] as f64 / voters as f64, "{proposal}");
}

#[tokio::test]
async fn without_agents_the_coordinator_alone_votes_for() {
    let gateway = gateway();
    let mut session = member(&gateway, &["coordination"]).await;
    create(&gateway, "inactive").await;
    let body =
        json!({ "proposal_data": { "é": [1, null, {}] }, "timeout": 5, "status": "rejected", "extra": 1 });
    let decided = propose(&gateway, body).await;
    has(&decided, &PROPOSAL);
    assert!(is_time(&decided["created_at"]) && is_time(&decided["decided_at"]), "{decided}");
    let duration = number(&decided["decision_duration"]);
    assert!((0.0..5.0).contains(&duration), "{decided}");
    let expected = json!({
        "proposal_id": "proposal_001", "proposal_type": "quarantine",
        "proposal_data": { "é": [1, null, {}] }, "proposer_id": "p", "status": "approved", "votes_for": 1,
        "votes_against": 0, "votes_abstain": 0, "total_voters": 1, "approval_rate": 1.0,
        "created_at": decided["created_at"], "decided_at": decided["decided_at"],
        "decision_duration": decided["decision_duration"],
    });
    assert_eq!(decided, expected);
    assert_eq!(proposal(&gateway, "proposal_001").await, decided);
    assert_eq!(proposal(&gateway, "proposal_001/").await, decided);
    assert_eq!(next(&mut session, "coordination", "consensus_proposed").await, decided);
    let outcome = next(&mut session, "coordination", "consensus_decided").await;
    let expected = json!({ "proposal_id": "proposal_001", "decision": "approved", "approval_rate": 1.0 });
    assert_eq!(outcome, expected);
    quiet(&mut session).await;
}

#[tokio::test]
async fn proposals_are_counted() {
    let gateway = gateway();
    for id in ["proposal_001", "proposal_002", "proposal_003"] {
        assert_eq!(propose(&gateway, json!({ "proposal_type": id })).await["proposal_id"], id);
    }
}

#[tokio::test]
async fn the_electorate_is_the_active_agents_at_that_moment() {
    let gateway = gateway();
    for id in ["a", "b", "c"] {
        active(&gateway, id).await;
    }
    create(&gateway, "inactive").await;
    let first = propose(&gateway, json!({})).await;
    tally(&first, [3, 0, 0], "approved");
    crate::act(&gateway, "a", "pause").await;
    patch(&gateway, "b", json!({ "status": "lost" })).await;
    tally(&propose(&gateway, json!({})).await, [1, 0, 0], "approved");
    crate::act(&gateway, "inactive", "start").await;
    tally(&propose(&gateway, json!({})).await, [2, 0, 0], "approved");
    crate::remove(&gateway, "c").await;
    tally(&propose(&gateway, json!({})).await, [1, 0, 0], "approved");
    assert_eq!(proposal(&gateway, &text(&first["proposal_id"])).await, first, "what is decided stays");
}

#[tokio::test]
async fn an_agent_votes_as_its_configuration_says() {
    let gateway = gateway();
    active(&gateway, "a").await;
    for (vote, votes, status) in [
        ("for", [1, 0, 0], "approved"),
        ("against", [0, 1, 0], "rejected"),
        ("abstain", [0, 0, 1], "rejected"),
        ("auto", [1, 0, 0], "approved"),
    ] {
        patch(&gateway, "a", json!({ "config": { "vote": vote } })).await;
        tally(&propose(&gateway, json!({})).await, votes, status);
    }
}

#[tokio::test]
async fn an_agent_that_is_left_to_itself_votes_by_its_health() {
    let gateway = gateway();
    active(&gateway, "default").await;
    voter(&gateway, "auto", "auto").await;
    for (health, votes, status) in
        [(0.5, [2, 0, 0], "approved"), (0.49, [0, 0, 2], "rejected"), (0.51, [2, 0, 0], "approved")]
    {
        patch(&gateway, "default", json!({ "health": health })).await;
        heartbeat(&gateway, "auto", json!({ "health": health })).await;
        tally(&propose(&gateway, json!({})).await, votes, status);
    }
    // A vote that is set does not ask for health.
    patch(&gateway, "auto", json!({ "health": 0.1, "config": { "vote": "for" } })).await;
    patch(&gateway, "default", json!({ "health": 1, "config": { "vote": "against" } })).await;
    tally(&propose(&gateway, json!({})).await, [1, 1, 0], "rejected");
}

#[tokio::test]
async fn two_of_three_are_enough_and_half_is_not() {
    let gateway = gateway();
    let mut session = member(&gateway, &["coordination"]).await;
    for (votes, counted, status) in [
        (["for", "for", "against"], [2, 1, 0], "approved"),
        (["for", "abstain", "for"], [2, 0, 1], "approved"),
        (["for", "abstain", "against"], [1, 1, 1], "rejected"),
        (["against", "against", "against"], [0, 3, 0], "rejected"),
    ] {
        for (id, vote) in ["a", "b", "c"].into_iter().zip(votes) {
            voter(&gateway, id, vote).await;
        }
        let decided = propose(&gateway, json!({})).await;
        tally(&decided, counted, status);
        assert_eq!(next(&mut session, "coordination", "consensus_proposed").await, decided);
        let told = next(&mut session, "coordination", "consensus_decided").await;
        let expected = json!({
            "proposal_id": decided["proposal_id"], "decision": status, "approval_rate": decided["approval_rate"],
        });
        assert_eq!(told, expected);
        for id in ["a", "b", "c"] {
            crate::remove(&gateway, id).await;
        }
    }
}

/// Has so many voters, the first of which vote for; a decided proposal.
async fn of_fifty(gateway: &Gateway, supporters: usize) -> Value {
    for n in 0..50 {
        let vote = if n < supporters { "for" } else { "against" };
        patch(gateway, &format!("a{n}"), json!({ "config": { "vote": vote } })).await;
    }
    propose(gateway, json!({})).await
}

#[tokio::test]
async fn sixty_six_of_a_hundred_is_the_edge() {
    let gateway = gateway();
    for n in 0..50 {
        active(&gateway, &format!("a{n}")).await;
    }
    tally(&of_fifty(&gateway, 33).await, [33, 17, 0], "approved");
    tally(&of_fifty(&gateway, 32).await, [32, 18, 0], "rejected");
    tally(&of_fifty(&gateway, 34).await, [34, 16, 0], "approved");
}
