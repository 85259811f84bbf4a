//! Fifty clients at once: terms are unique and grow by one, no vote counts twice, no task is on two agents.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Gateway;

use crate::{
    active, ask, column, count, delete, election, gateway, member, next, ok, proposal, propose, quiet, scan,
    show, task, text, trigger, vote, voter,
};

const MANY: u64 = 50;

fn names() -> impl Iterator<Item = String> {
    (0..MANY).map(|n| format!("a{n}"))
}

async fn fifty_agents(gateway: &Gateway, vote: &str) {
    join_all(names().map(async |id| voter(gateway, &id, vote).await)).await;
}

#[tokio::test]
async fn terms_are_unique_and_grow_by_one() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["coordination"]).await;
    let answers = join_all((0..MANY).map(|_| trigger(&gateway))).await;
    let terms: BTreeSet<u64> =
        answers.iter().map(|answer| answer["election_term"].as_u64().unwrap()).collect();
    assert_eq!(terms, (1..=MANY).collect());
    for answer in &answers {
        assert_eq!(answer["total_elections"], answer["election_term"]);
        assert_eq!(json!([answer["leader_id"], answer["leader_changes"]]), json!(["a", 1]));
    }
    for term in 1..=MANY {
        let told = next(&mut session, "coordination", "election_triggered").await;
        assert_eq!(told["election_term"], term);
        if term == 1 {
            assert_eq!(next(&mut session, "coordination", "leader_elected").await["election_term"], 1);
        }
    }
    quiet(&mut session).await;
    let last = election(&gateway).await;
    assert_eq!(json!([last["election_term"], last["total_elections"]]), json!([MANY, MANY]));
}

#[tokio::test]
async fn elections_among_leaders_that_end_still_grow_by_one() {
    let gateway = gateway();
    fifty_agents(&gateway, "auto").await;
    let mut session = member(&gateway, &["coordination"]).await;
    let triggers = join_all((0..MANY).map(|_| trigger(&gateway)));
    let ends = join_all(names().map(async |id| crate::remove(&gateway, &id).await));
    let (answers, _) = futures_util::future::join(triggers, ends).await;
    let terms: BTreeSet<u64> =
        answers.iter().map(|answer| answer["election_term"].as_u64().unwrap()).collect();
    assert_eq!(terms.len() as u64, MANY, "a term was held twice");
    let last = election(&gateway).await;
    assert!(text(&last["leader_id"]).starts_with("coordinator:"), "{last}");
    assert_eq!(last["election_term"], last["total_elections"]);
    let (mut term, mut leaders) = (0, Vec::new());
    while term < last["election_term"].as_u64().unwrap() || leaders.last() != Some(&last["leader_id"]) {
        let event = session.next().await;
        let data = &event["data"];
        if event["event_type"] == "election_triggered" {
            term += 1;
            assert_eq!(data["election_term"], term, "{event}");
        } else {
            assert_eq!(data["election_term"], term, "{event}");
            assert_ne!(leaders.last(), Some(&data["leader_id"]), "told, but no change");
            leaders.push(data["leader_id"].clone());
        }
    }
    assert_eq!(last["leader_changes"], leaders.len());
    quiet(&mut session).await;
}

#[tokio::test]
async fn no_vote_counts_twice() {
    let gateway = gateway();
    fifty_agents(&gateway, "manual").await;
    let mut session = member(&gateway, &["coordination"]).await;
    let id = text(&propose(&gateway, json!({})).await["proposal_id"]);
    next(&mut session, "coordination", "consensus_proposed").await;
    let id = id.as_str();
    let twice = names().flat_map(|name| [(name.clone(), "for"), (name, "against")]);
    let answers = join_all(twice.map(async |(voter, choice)| vote(&gateway, id, &voter, choice).await)).await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (MANY, MANY));
    let taken =
        |step: usize| answers.iter().skip(step).step_by(2).filter(|answer| answer.status == 200).count();
    for pair in answers.chunks(2) {
        assert_eq!(pair.iter().filter(|answer| answer.status == 200).count(), 1);
    }
    let decided = proposal(&gateway, id).await;
    let votes =
        ["votes_for", "votes_against", "votes_abstain", "total_voters"].map(|name| decided[name].clone());
    assert_eq!(json!(votes), json!([taken(0), taken(1), 0, MANY]));
    let told = next(&mut session, "coordination", "consensus_decided").await;
    assert_eq!((&told["proposal_id"], &told["decision"]), (&json!(id), &decided["status"]));
    quiet(&mut session).await;
}

#[tokio::test]
async fn no_vote_counts_twice_over_rest_and_sessions_together() {
    let gateway = gateway();
    fifty_agents(&gateway, "manual").await;
    let id = text(&propose(&gateway, json!({})).await["proposal_id"]);
    let mut sessions = join_all(names().map(|_| member(&gateway, &[]))).await;
    let calls = join_all(sessions.iter_mut().zip(names()).map(async |(session, voter)| {
        let data = json!({ "proposal_id": id, "voter_id": voter, "vote": "for" });
        session.ask(&json!({ "action": "vote", "id": voter, "data": data })).await
    }));
    let requests = join_all(names().map(async |voter| vote(&gateway, &id, &voter, "for").await));
    let (replies, answers) = futures_util::future::join(calls, requests).await;
    for (voter, (reply, answer)) in names().zip(replies.iter().zip(&answers)) {
        assert_eq!(reply["id"], voter.as_str(), "{reply}");
        assert_eq!(reply["success"] == true, answer.status == 409, "{reply} and {answer:?}");
    }
    let decided = proposal(&gateway, &id).await;
    assert_eq!(json!([decided["status"], decided["votes_for"]]), json!(["approved", MANY]));
}

#[tokio::test]
async fn no_task_is_on_two_agents() {
    let gateway = gateway();
    fifty_agents(&gateway, "auto").await;
    let mut session = member(&gateway, &["tasks"]).await;
    for _ in 0..3 {
        let id = scan(&gateway).await;
        next(&mut session, "tasks", "task_created").await;
        let id = id.as_str();
        let bodies = names().map(|agent| json!({ "action": "assign", "agent_id": agent }));
        let answers = join_all(bodies.map(|body| ask(&gateway, id, body))).await;
        assert_eq!((count(&answers, 200), count(&answers, 409)), (1, MANY - 1));
        let won = answers.iter().position(|answer| answer.status == 200).unwrap();
        let task = show(&gateway, id).await;
        assert_eq!(task, answers[won].json());
        assert_eq!(task["assigned_agent"], format!("a{won}"));
        assert_eq!(next(&mut session, "tasks", "task_assigned").await, task);
        for (action, kind) in [("start", "task_started"), ("complete", "task_completed")] {
            let body = |n| json!({ "action": action, "result": n, "error": "e" });
            let answers = join_all((0..MANY).map(|n| ask(&gateway, id, body(n)))).await;
            assert_eq!((count(&answers, 200), count(&answers, 409)), (1, MANY - 1), "{action}");
            assert_eq!(next(&mut session, "tasks", kind).await, show(&gateway, id).await);
        }
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn parallel_tasks_are_all_there_in_the_order_in_which_they_were_told() {
    let gateway = gateway();
    let mut session = member(&gateway, &["tasks"]).await;
    let made =
        join_all((0..MANY).map(|n| task(&gateway, json!({ "task_type": format!("t{}", n % 5) })))).await;
    let list = ok(gateway.get("/coordination/tasks").await);
    assert_eq!(list["total"], MANY);
    for (n, task) in list["tasks"].as_array().unwrap().iter().enumerate() {
        assert_eq!(text(&task["task_id"]), format!("task_{}_{:03}", text(&task["task_type"]), n + 1));
        assert_eq!(&next(&mut session, "tasks", "task_created").await, task);
        assert!(made.contains(task));
    }
}

#[tokio::test]
async fn parallel_proposals_have_each_their_number() {
    let gateway = gateway();
    let made: Vec<Value> = join_all((0..MANY).map(|_| propose(&gateway, json!({})))).await;
    let ids: BTreeSet<String> = column(&json!(made), "proposal_id").into_iter().collect();
    assert_eq!(ids, (1..=MANY).map(|n| format!("proposal_{n:03}")).collect());
}

#[tokio::test]
async fn of_parallel_deletes_one_succeeds() {
    let gateway = gateway();
    let mut session = member(&gateway, &["tasks"]).await;
    let path = format!("/coordination/tasks/{}", scan(&gateway).await);
    let answers = join_all((0..MANY).map(|_| delete(&gateway, &path))).await;
    assert_eq!((count(&answers, 204), count(&answers, 404)), (1, MANY - 1));
    next(&mut session, "tasks", "task_created").await;
    next(&mut session, "tasks", "task_cancelled").await;
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_crowd_of_agents_is_known_whole() {
    let gateway = gateway();
    crate::create(&gateway, "parent").await;
    let body = json!({ "agent_id": "parent", "num_clones": 10, "especializacao": "crowd" });
    let answers = join_all((0..MANY).map(|_| gateway.post("/lymphnode/clone", &body))).await;
    assert_eq!(count(&answers, 201), MANY);
    assert_eq!(crate::status(&gateway).await["total_agents"], 10 * MANY + 1);
    assert_eq!(ok(delete(&gateway, "/lymphnode/clones/crowd").await)["num_destroyed"], 10 * MANY);
    assert_eq!(crate::status(&gateway).await["total_agents"], 1);
}
