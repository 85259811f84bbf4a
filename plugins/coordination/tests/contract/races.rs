//! Ends that exclude each other: by hand, by time, by a last vote.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    active, ask, count, gateway, member, next, proposal, propose, quiet, scan, show, step, task, text, vote,
    voter,
};

#[tokio::test]
async fn ends_of_a_task_exclude_each_other() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["tasks"]).await;
    for _ in 0..5 {
        let id = scan(&gateway).await;
        for action in ["assign", "start"] {
            step(&gateway, &id, action).await;
        }
        for _ in 0..3 {
            session.next().await;
        }
        let id = id.as_str();
        let ends = ["complete", "fail", "cancel"].into_iter().cycle().take(30);
        let answers =
            join_all(ends.map(|end| ask(&gateway, id, json!({ "action": end, "result": 1, "error": "e" }))))
                .await;
        assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 29));
        let told = session.next().await;
        assert_eq!(told["data"], show(&gateway, id).await);
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn an_end_by_hand_and_one_by_time_exclude_each_other() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["tasks"]).await;
    let types = json!({ "event_types": ["task_completed", "task_failed"] });
    session.ask(&json!({ "action": "subscribe", "data": types })).await;
    let rounds = 20;
    let race = async |n: u64| {
        let id = text(&task(&gateway, json!({ "task_type": "scan", "timeout": 0.4 })).await["task_id"]);
        for action in ["assign", "start"] {
            step(&gateway, &id, action).await;
        }
        // Some before the time is over, some after, and some just then.
        tokio::time::sleep(Duration::from_millis(390 + n)).await;
        let answer = ask(&gateway, &id, json!({ "action": "complete", "result": n })).await;
        let end = show(&gateway, &id).await;
        let expected = if answer.status == 200 { "completed" } else { "failed" };
        assert_eq!(end["status"], expected, "{answer:?}");
        end
    };
    let ends = join_all((0..rounds).map(race)).await;
    for _ in 0..rounds {
        let told = session.next().await["data"].clone();
        assert!(ends.contains(&told), "{told}");
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_last_vote_and_the_end_of_time_exclude_each_other() {
    let gateway = gateway();
    voter(&gateway, "a", "manual").await;
    let mut session = member(&gateway, &["coordination"]).await;
    let types = json!({ "event_types": ["consensus_decided"] });
    session.ask(&json!({ "action": "subscribe", "data": types })).await;
    let rounds = 20;
    let race = async |n: u64| {
        let id = text(&propose(&gateway, json!({ "timeout": 0.4 })).await["proposal_id"]);
        tokio::time::sleep(Duration::from_millis(390 + n)).await;
        let answer = vote(&gateway, &id, "a", "for").await;
        let decided = proposal(&gateway, &id).await;
        let expected =
            if answer.status == 200 { json!(["approved", 1, 0]) } else { json!(["rejected", 0, 1]) };
        let found = ["status", "votes_for", "votes_abstain"].map(|name| decided[name].clone());
        assert_eq!(json!(found), expected, "{answer:?}");
        id
    };
    let ids: BTreeSet<String> = join_all((0..rounds).map(race)).await.into_iter().collect();
    let mut told = BTreeSet::new();
    for _ in 0..rounds {
        told.insert(text(&next(&mut session, "coordination", "consensus_decided").await["proposal_id"]));
    }
    assert_eq!(told, ids);
    quiet(&mut session).await;
}
