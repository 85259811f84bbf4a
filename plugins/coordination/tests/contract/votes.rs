//! Votes by hand: over REST and as a call, who may, and what becomes of silence.

use std::time::Instant;

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::{
    active, gateway, has, is_time, member, next, number, ok, patch, problem, proposal, propose, quiet, text,
    vote, voter,
};

/// A gateway with voters by hand.
async fn with_voters(ids: &[&str]) -> Gateway {
    let gateway = gateway();
    for id in ids {
        voter(&gateway, id, "manual").await;
    }
    gateway
}

async fn proposed(gateway: &Gateway) -> String {
    text(&propose(gateway, json!({})).await["proposal_id"])
}

/// Status, votes for, against and abstaining, voters, rate.
fn tally(proposal: &Value) -> Value {
    let fields = ["status", "votes_for", "votes_against", "votes_abstain", "total_voters", "approval_rate"];
    json!(fields.map(|name| proposal[name].as_f64().map_or(proposal[name].clone(), |number| json!(number))))
}

/// Votes as a call of a session.
async fn call(session: &mut Socket, proposal: &str, voter: &str, vote: &str) -> Value {
    let data = json!({ "proposal_id": proposal, "voter_id": voter, "vote": vote });
    session.ask(&json!({ "action": "vote", "id": 7, "data": data })).await
}

#[tokio::test]
async fn a_proposal_is_pending_until_all_have_voted() {
    let gateway = with_voters(&["a", "b", "c"]).await;
    let mut session = member(&gateway, &["coordination"]).await;
    let mut expected = propose(&gateway, json!({ "timeout": null })).await;
    has(&expected, &crate::PROPOSAL);
    assert_eq!(tally(&expected), json!(["pending", 0.0, 0.0, 0.0, 3.0, 0.0]));
    assert_eq!(json!([expected["decided_at"], expected["decision_duration"]]), json!([null, null]));
    assert_eq!(next(&mut session, "coordination", "consensus_proposed").await, expected);
    let id = text(&expected["proposal_id"]);
    for (voter, count) in [("c", 1), ("a", 2)] {
        let now = ok(vote(&gateway, &id, voter, "for").await);
        expected["votes_for"] = json!(count);
        expected["approval_rate"] = json!(f64::from(count) / 3.0);
        // Two of three would do, but the third is still to be heard.
        assert_eq!(now, expected);
        assert_eq!(proposal(&gateway, &id).await, expected);
    }
    quiet(&mut session).await;
    let decided = ok(vote(&gateway, &id, "b", "against").await);
    assert_eq!(tally(&decided), json!(["approved", 2.0, 1.0, 0.0, 3.0, 2.0 / 3.0]));
    assert!(is_time(&decided["decided_at"]) && number(&decided["decision_duration"]) >= 0.0, "{decided}");
    assert_eq!(decided["created_at"], expected["created_at"]);
    assert_eq!(proposal(&gateway, &id).await, decided);
    let told = next(&mut session, "coordination", "consensus_decided").await;
    let rate = &decided["approval_rate"];
    assert_eq!(told, json!({ "proposal_id": id, "decision": "approved", "approval_rate": rate }));
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_vote_may_be_for_against_or_abstain() {
    for (votes, expected) in [
        (["for", "for"], json!(["approved", 2.0, 0.0, 0.0, 2.0, 1.0])),
        (["for", "against"], json!(["rejected", 1.0, 1.0, 0.0, 2.0, 0.5])),
        (["abstain", "for"], json!(["rejected", 1.0, 0.0, 1.0, 2.0, 0.5])),
        (["against", "abstain"], json!(["rejected", 0.0, 1.0, 1.0, 2.0, 0.0])),
    ] {
        let gateway = with_voters(&["a", "b"]).await;
        let id = proposed(&gateway).await;
        ok(vote(&gateway, &id, "a", votes[0]).await);
        assert_eq!(tally(&ok(vote(&gateway, &id, "b", votes[1]).await)), expected);
    }
}

#[tokio::test]
async fn who_votes_by_rule_has_voted_when_others_are_still_to() {
    let gateway = with_voters(&["hand"]).await;
    for (id, way) in [("for", "for"), ("against", "against"), ("abstain", "abstain"), ("auto", "auto")] {
        voter(&gateway, id, way).await;
    }
    let first = propose(&gateway, json!({})).await;
    assert_eq!(tally(&first), json!(["pending", 2.0, 1.0, 1.0, 5.0, 0.4]));
    let id = text(&first["proposal_id"]);
    for voter in ["for", "against", "abstain", "auto"] {
        assert!(
            !problem(&vote(&gateway, &id, voter, "for").await, 409).is_empty(),
            "a second vote of {voter}"
        );
    }
    assert_eq!(proposal(&gateway, &id).await, first);
    assert_eq!(
        tally(&ok(vote(&gateway, &id, "hand", "for").await)),
        json!(["rejected", 3.0, 1.0, 1.0, 5.0, 0.6])
    );
}

#[tokio::test]
async fn nobody_votes_twice_and_nobody_after_the_decision() {
    let gateway = with_voters(&["a", "b"]).await;
    let id = proposed(&gateway).await;
    ok(vote(&gateway, &id, "a", "for").await);
    for again in ["for", "against"] {
        assert!(!problem(&vote(&gateway, &id, "a", again).await, 409).is_empty());
    }
    assert_eq!(tally(&proposal(&gateway, &id).await), json!(["pending", 1.0, 0.0, 0.0, 2.0, 0.5]));
    let decided = ok(vote(&gateway, &id, "b", "for").await);
    for voter in ["a", "b"] {
        assert!(!problem(&vote(&gateway, &id, voter, "against").await, 409).is_empty());
    }
    assert_eq!(proposal(&gateway, &id).await, decided);
}

#[tokio::test]
async fn only_the_electorate_votes() {
    let gateway = with_voters(&["a"]).await;
    crate::create(&gateway, "idle").await;
    let first = propose(&gateway, json!({})).await;
    let id = text(&first["proposal_id"]);
    voter(&gateway, "late", "manual").await;
    crate::act(&gateway, "idle", "start").await;
    for outsider in ["late", "idle", "p", "x", "coordinator"] {
        assert!(!problem(&vote(&gateway, &id, outsider, "for").await, 403).is_empty(), "{outsider}");
    }
    assert_eq!(proposal(&gateway, &id).await, first);
    // Who was active at that moment may, whatever became of it.
    crate::act(&gateway, "a", "pause").await;
    patch(&gateway, "a", json!({ "config": { "vote": "against" } })).await;
    assert_eq!(tally(&ok(vote(&gateway, &id, "a", "for").await))[0], "approved");
}

#[tokio::test]
async fn silence_is_an_abstention_when_the_time_is_over() {
    let gateway = with_voters(&["a", "b", "c"]).await;
    let mut session = member(&gateway, &["coordination"]).await;
    for (voters, expected) in [
        (&[][..], json!(["rejected", 0.0, 0.0, 3.0, 3.0, 0.0])),
        (&["a"], json!(["rejected", 1.0, 0.0, 2.0, 3.0, 1.0 / 3.0])),
        (&["c", "b"], json!(["approved", 2.0, 0.0, 1.0, 3.0, 2.0 / 3.0])),
    ] {
        let begun = Instant::now();
        let proposed = propose(&gateway, json!({ "timeout": 2.0 })).await;
        let id = text(&proposed["proposal_id"]);
        next(&mut session, "coordination", "consensus_proposed").await;
        for voter in voters {
            ok(vote(&gateway, &id, voter, "for").await);
        }
        let told = next(&mut session, "coordination", "consensus_decided").await;
        assert!((1.9..11.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
        let decided = proposal(&gateway, &id).await;
        assert_eq!(tally(&decided), expected);
        assert!(number(&decided["decision_duration"]) >= 2.0, "{decided}");
        let (decision, rate) = (&decided["status"], &decided["approval_rate"]);
        assert_eq!(told, json!({ "proposal_id": id, "decision": decision, "approval_rate": rate }));
        assert!(!problem(&vote(&gateway, &id, "a", "for").await, 409).is_empty());
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn what_was_decided_in_time_is_not_decided_again() {
    let gateway = with_voters(&["a"]).await;
    let mut session = member(&gateway, &["coordination"]).await;
    let id = text(&propose(&gateway, json!({ "timeout": 2.0 })).await["proposal_id"]);
    ok(vote(&gateway, &id, "a", "against").await);
    let last = text(&propose(&gateway, json!({ "timeout": 2.5 })).await["proposal_id"]);
    for (kind, id) in [
        ("consensus_proposed", &id),
        ("consensus_decided", &id),
        ("consensus_proposed", &last),
        ("consensus_decided", &last),
    ] {
        assert_eq!(next(&mut session, "coordination", kind).await["proposal_id"], **id);
    }
}

#[tokio::test]
async fn without_a_timeout_there_are_thirty_seconds() {
    let gateway = with_voters(&["a"]).await;
    let mut session = member(&gateway, &["coordination"]).await;
    propose(&gateway, json!({})).await;
    let short = propose(&gateway, json!({ "timeout": 1.5 })).await;
    for _ in 0..2 {
        next(&mut session, "coordination", "consensus_proposed").await;
    }
    let told = next(&mut session, "coordination", "consensus_decided").await;
    assert_eq!(told["proposal_id"], short["proposal_id"]);
    assert_eq!(proposal(&gateway, "proposal_001").await["status"], "pending");
}

#[tokio::test]
async fn a_vote_may_be_a_call() {
    let gateway = with_voters(&["a", "b", "c"]).await;
    let id = proposed(&gateway).await;
    let mut session = member(&gateway, &[]).await;
    for (voter, choice) in [("a", "for"), ("b", "against")] {
        let reply = call(&mut session, &id, voter, choice).await;
        assert_eq!((&reply["success"], &reply["id"]), (&json!(true), &json!(7)), "{reply}");
        assert!(reply["message"].is_string(), "{reply}");
        assert_eq!(reply["data"], proposal(&gateway, &id).await);
    }
    let mut listener = member(&gateway, &["coordination"]).await;
    let data = json!({ "proposal_id": id, "voter_id": "c", "vote": "for", "extra": null });
    // Without an id, and in capitals.
    let reply = session.ask(&json!({ "action": "VOTE", "data": data })).await;
    assert_eq!(reply["success"], true, "{reply}");
    assert!(reply.get("id").is_none(), "{reply}");
    assert_eq!(tally(&reply["data"]), json!(["approved", 2.0, 1.0, 0.0, 3.0, 2.0 / 3.0]));
    assert_eq!(reply["data"], proposal(&gateway, &id).await);
    assert_eq!(next(&mut listener, "coordination", "consensus_decided").await["proposal_id"], id);
}

#[tokio::test]
async fn a_call_is_refused_as_a_request_is() {
    let gateway = with_voters(&["a", "b"]).await;
    let id = proposed(&gateway).await;
    let mut session = member(&gateway, &[]).await;
    active(&gateway, "late").await;
    ok(vote(&gateway, &id, "a", "for").await);
    for (proposal, voter, choice) in [
        (id.as_str(), "a", "for"),
        (&id, "late", "for"),
        (&id, "b", "perhaps"),
        (&id, "b", ""),
        ("proposal_999", "b", "for"),
    ] {
        let reply = call(&mut session, proposal, voter, choice).await;
        assert_eq!((&reply["success"], &reply["id"]), (&json!(false), &json!(7)), "{reply}");
        assert!(!text(&reply["message"]).is_empty(), "{reply}");
    }
    let unknown = call(&mut session, "proposal_999", "b", "for").await;
    assert!(text(&unknown["message"]).contains("Proposal 'proposal_999' not found"), "{unknown}");
    for data in [json!(null), json!({}), json!({ "proposal_id": id }), json!({ "proposal_id": 1, "vote": 2 })]
    {
        let reply = session.ask(&json!({ "action": "vote", "id": "x", "data": data })).await;
        assert_eq!((&reply["success"], &reply["id"]), (&json!(false), &json!("x")), "{reply}");
    }
    assert_eq!(tally(&proposal(&gateway, &id).await), json!(["pending", 1.0, 0.0, 0.0, 2.0, 0.5]));
    assert_eq!(call(&mut session, &id, "b", "for").await["data"]["status"], "approved");
}
