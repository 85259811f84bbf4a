use serde_json::{Value, json};
use tidegate_plugin::Query;

use super::*;
use crate::service::tests::{agent, ballot, on, proposal, service, tell, voter};
use crate::settings::Settings;
use crate::world::tests::Small;

const ID: &str = "proposal_001";

/// A service with agents that vote like this.
async fn voters(votes: &[(&str, &str)]) -> Service<Small> {
    let service = service(&[]).await;
    for (id, vote) in votes {
        tell(&service, "agent_created", voter(id, vote)).await;
    }
    service.world.heard();
    service
}

async fn propose(service: &Service<Small>) -> Proposal {
    service.propose(&proposal(json!({}))).await.unwrap()
}

fn heard(world: &Small) -> Vec<(String, Value)> {
    let one = |notice: crate::notice::Notice| {
        assert_eq!(notice.room, "coordination");
        (notice.kind.into_owned(), serde_json::from_str(notice.data.get()).unwrap())
    };
    world.heard().into_iter().map(one).collect()
}

#[tokio::test]
async fn where_nobody_votes_by_hand_the_answer_is_the_decision() {
    let service = voters(&[("a", "for"), ("b", "against"), ("c", "auto"), ("d", "abstain")]).await;
    tell(&service, "agent_created", agent("weak", "active", 0.4, 0.0)).await;
    tell(&service, "agent_created", agent("off", "inactive", 1.0, 0.0)).await;
    service.world.heard();
    let proposal = propose(&service).await;
    let votes = (proposal.votes_for, proposal.votes_against, proposal.votes_abstain, proposal.total_voters);
    assert_eq!((votes, proposal.status), ((2, 1, 2, 5), Status::Rejected));
    assert_eq!((proposal.decided_at, proposal.decision_duration), (Some(proposal.created_at), Some(0.0)));
    let decided = json!({"proposal_id": ID, "decision": "rejected", "approval_rate": 0.4});
    let proposed = serde_json::to_value(&proposal).unwrap();
    let expected = [("consensus_proposed".to_owned(), proposed), ("consensus_decided".to_owned(), decided)];
    assert_eq!(heard(&service.world), expected);
}

#[tokio::test]
async fn where_nobody_is_at_work_the_coordinator_votes_for() {
    let service = voters(&[]).await;
    let proposal = propose(&service).await;
    assert_eq!((proposal.status, proposal.total_voters, proposal.approval_rate), (Status::Approved, 1, 1.0));
    let again = service.vote(ID, &ballot(&service.coordinator, "for")).await.unwrap_err();
    assert_eq!(again.http_status(), 409);
}

#[tokio::test]
async fn votes_by_hand_are_awaited_and_the_last_one_decides() {
    let service = voters(&[("a", "for"), ("m", "manual"), ("n", "manual")]).await;
    let pending = propose(&service).await;
    assert_eq!((pending.status, pending.decided_at, pending.votes_for), (Status::Pending, None, 1));
    assert_eq!(heard(&service.world).len(), 1);
    service.world.pass(2000);
    let one = service.vote(ID, &ballot("m", "against")).await.unwrap();
    assert_eq!((one.status, one.votes_against), (Status::Pending, 1));
    assert!(heard(&service.world).is_empty());
    service.world.pass(500);
    let last = service.vote(ID, &ballot("n", "for")).await.unwrap();
    assert_eq!((last.status, last.decision_duration), (Status::Approved, Some(2.5)));
    assert_eq!(service.proposal(ID).await.unwrap(), last);
    let expected = json!({"proposal_id": ID, "decision": "approved", "approval_rate": last.approval_rate});
    assert_eq!(heard(&service.world), [("consensus_decided".to_owned(), expected)]);
    assert_eq!(service.due_in(), None);
}

#[tokio::test]
async fn strangers_may_not_vote_and_nobody_votes_twice_or_too_late() {
    let service = voters(&[("a", "for"), ("m", "manual"), ("n", "manual")]).await;
    let refused = async |id, voter| {
        let error = service.vote(id, &ballot(voter, "for")).await.unwrap_err();
        (error.http_status(), error.to_string())
    };
    assert_eq!(refused("proposal_1", "m").await, (404, "Proposal 'proposal_1' not found".into()));
    propose(&service).await;
    tell(&service, "agent_created", voter("late", "manual")).await;
    let outside = |voter| (403, format!("'{voter}' is not in the electorate of proposal 'proposal_001'"));
    let twice = |voter| (409, format!("'{voter}' has voted on proposal 'proposal_001' already"));
    assert_eq!(refused(ID, "late").await, outside("late"));
    assert_eq!(refused(ID, "").await, outside(""));
    assert_eq!(refused(ID, "a").await, twice("a"));
    service.vote(ID, &ballot("m", "abstain")).await.unwrap();
    assert_eq!(refused(ID, "m").await, twice("m"));
    service.vote(ID, &ballot("n", "for")).await.unwrap();
    let decided = (409, "Proposal 'proposal_001' is decided already: approved".to_owned());
    assert_eq!(refused(ID, "n").await, decided);
    assert_eq!(refused(ID, "late").await, outside("late"));
    assert_eq!(service.proposal(ID).await.unwrap().votes_for, 2);
}

#[tokio::test]
async fn the_electorate_is_fixed_when_it_is_proposed() {
    let service = voters(&[("m", "manual"), ("n", "manual")]).await;
    propose(&service).await;
    tell(&service, "agent_deleted", json!({"agent_id": "m"})).await;
    tell(&service, "agent_updated", voter("n", "for")).await;
    assert_eq!(service.proposal(ID).await.unwrap().status, Status::Pending);
    service.vote(ID, &ballot("m", "for")).await.unwrap();
    assert_eq!(service.vote(ID, &ballot("n", "for")).await.unwrap().status, Status::Approved);
}

#[tokio::test]
async fn past_its_time_who_is_silent_abstains_also_while_nobody_was_there() {
    let service = voters(&[("a", "for"), ("m", "manual"), ("n", "manual")]).await;
    let created = propose(&service).await.created_at;
    service.propose(&proposal(json!({"timeout": 0.5}))).await.unwrap();
    service.vote(ID, &ballot("m", "against")).await.unwrap();
    service.world.pass(500);
    assert_eq!(service.proposal("proposal_002").await.unwrap().votes_abstain, 2);
    service.world.heard();
    service.world.pass(3_600_000);
    let after = on(&service.world.node()).await;
    let proposal = after.proposal(ID).await.unwrap();
    assert_eq!((proposal.status, proposal.votes_abstain), (Status::Rejected, 1));
    assert_eq!((proposal.decided_at, proposal.decision_duration), (Some(created.after(30.0)), Some(30.0)));
    assert_eq!(heard(&after.world).len(), 1);
    assert_eq!(service.vote(ID, &ballot("n", "for")).await.unwrap_err().http_status(), 409);
}

#[tokio::test]
async fn of_two_nodes_one_decides_and_no_vote_counts_twice() {
    let ours = voters(&[("m", "manual"), ("n", "manual")]).await;
    propose(&ours).await;
    let theirs = on(&ours.world.node()).await;
    let (one, other) = (ballot("m", "for"), ballot("m", "for"));
    let votes = tokio::join!(ours.vote(ID, &one), theirs.vote(ID, &other));
    assert_eq!(u8::from(votes.0.is_ok()) + u8::from(votes.1.is_ok()), 1);
    assert_eq!(theirs.proposal(ID).await.unwrap().votes_for, 1);
    ours.world.heard();
    ours.world.pass(30_000);
    tokio::join!(ours.catch_up(), theirs.catch_up());
    assert_eq!(heard(&ours.world).len(), 1);
}

#[tokio::test]
async fn a_list_is_a_page_and_the_total_of_all_that_the_filter_lets_through() {
    let service = voters(&[("m", "manual")]).await;
    for n in 1..=4 {
        propose(&service).await;
        if n % 2 == 0 {
            service.vote(&format!("proposal_{n:03}"), &ballot("m", "for")).await.unwrap();
        }
    }
    let list = async |query: &str| {
        let query = Query::parse(query);
        let page = service.list_proposals(&ProposalList::parse(&query).unwrap()).await.unwrap();
        (page.total, page.proposals.into_iter().map(|p| p.proposal_id).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(list("limit=3").await, (4, "proposal_001 proposal_002 proposal_003".into()));
    assert_eq!(list("status=pending&skip=1").await, (2, "proposal_003".into()));
    assert_eq!(list("status=approved").await, (2, "proposal_002 proposal_004".into()));
    assert_eq!(list("status=open").await, (0, String::new()));
}

#[tokio::test]
async fn a_large_electorate_is_kept_whole_and_forgotten_with_its_proposal() {
    let settings = Settings { max_proposals: 1, ..Settings::default() };
    let service = Service::open(Small::default(), &settings).await.unwrap();
    for n in 0..5000 {
        let news = crate::roster::News::seen(&format!("{n:0100}"), "against");
        service.roster.borrow_mut().hear(news);
    }
    assert_eq!(propose(&service).await.total_voters, 5000);
    let last = format!("{:0100}", 4999);
    assert_eq!(service.vote(ID, &ballot(&last, "for")).await.unwrap_err().http_status(), 409);
    assert_eq!(service.vote(ID, &ballot("5000", "for")).await.unwrap_err().http_status(), 403);
    propose(&service).await;
    assert!(service.proposal(ID).await.is_err());
    let keys = service.world.keys();
    assert!(keys.iter().all(|key| !key.contains(ID)), "{keys:?}");
    for n in 0..5000 {
        let news = crate::roster::News::seen(&format!("{n:0100}"), "manual");
        service.roster.borrow_mut().hear(news);
    }
    let refused = service.propose(&proposal(json!({}))).await.unwrap_err();
    assert_eq!(refused.http_status(), 409);
    assert!(refused.to_string().starts_with("5000 agents vote by hand"));
}
