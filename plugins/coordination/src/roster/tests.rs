use serde_json::{Value, json};

use super::*;

fn kept(agents: &[(&str, &str, f64, f64)]) -> Roster {
    let mut roster = Roster::default();
    for (id, status, health, load) in agents {
        let shown = json!({"agent_id": id, "status": status, "health": health, "load": load});
        hear(&mut roster, "agent_created", shown);
    }
    roster
}

fn hear(roster: &mut Roster, kind: &str, data: Value) {
    roster.hear(News::parse(kind, data.to_string().as_bytes()).unwrap());
}

#[test]
fn the_fittest_is_the_best_in_health_then_in_load_then_by_id() {
    let fittest = |agents| kept(agents).fittest().map(str::to_owned);
    assert_eq!(fittest(&[("a", "active", 0.9, 0.0), ("b", "active", 1.0, 5.0)]).as_deref(), Some("b"));
    assert_eq!(fittest(&[("a", "active", 1.0, 0.2), ("b", "active", 1.0, 0.1)]).as_deref(), Some("b"));
    assert_eq!(fittest(&[("b", "active", 1.0, 0.1), ("a", "active", 1.0, 0.1)]).as_deref(), Some("a"));
    assert_eq!(
        fittest(&[("a", "paused", 1.0, 0.0), ("b", "lost", 1.0, 0.0), ("c", "inactive", 1.0, 0.0)]),
        None
    );
}

#[test]
fn every_event_on_an_agent_is_taken_in() {
    let mut roster = Roster::default();
    let standing = |roster: &Roster| roster.0.get("a").map(|agent| agent.standing);
    hear(
        &mut roster,
        "agent_created",
        json!({"agent_id": "a", "status": "inactive", "health": 1.0, "load": 0.0}),
    );
    assert_eq!(standing(&roster), Some(Standing::Idle));
    let result = json!({"new_status": "active"});
    hear(&mut roster, "agent_action", json!({"agent_id": "a", "action": "start", "result": result}));
    assert_eq!(standing(&roster), Some(Standing::Active));
    hear(
        &mut roster,
        "agent_updated",
        json!({"agent_id": "a", "status": "active", "health": 0.25, "load": 0.5}),
    );
    assert_eq!(roster.0["a"].health, 0.25);
    hear(&mut roster, "agent_status_changed", json!({"agent_id": "a", "new_status": "lost"}));
    assert_eq!(standing(&roster), Some(Standing::Lost));
    hear(&mut roster, "agent_deleted", json!({"agent_id": "a"}));
    assert_eq!(standing(&roster), None);
    hear(&mut roster, "agent_status_changed", json!({"agent_id": "a", "new_status": "active"}));
    assert_eq!(standing(&roster), None, "one that is gone does not come back by a late word");
}

#[test]
fn events_of_other_kinds_and_shapes_say_nothing() {
    for (kind, data) in [
        ("agent_cloned", json!({"agent_id": "a"})),
        ("agent_created", json!({"agent_id": "a"})),
        ("agent_created", json!([1])),
        ("agent_deleted", json!({"id": "a"})),
        ("agent_action", json!({"agent_id": "a", "result": null})),
        ("agent_status_changed", json!({"agent_id": 7, "new_status": "lost"})),
    ] {
        assert!(News::parse(kind, data.to_string().as_bytes()).is_none(), "{kind} {data}");
    }
    assert!(News::parse("agent_deleted", b"{").is_none());
}

#[test]
fn who_is_deleted_or_lost_is_lost_and_who_rests_is_not() {
    let roster =
        kept(&[("rests", "paused", 0.0, 0.0), ("off", "inactive", 0.0, 0.0), ("lost", "lost", 1.0, 0.0)]);
    assert!(roster.has_lost("lost") && roster.has_lost("deleted"));
    assert!(!roster.has_lost("rests") && !roster.has_lost("off"));
}

#[test]
fn an_agent_votes_as_its_configuration_says_and_else_by_its_health() {
    let vote = |config: Value, health: f64| {
        let shown =
            json!({"agent_id": "a", "status": "active", "health": health, "load": 0, "config": config});
        match serde_json::from_value::<Shown>(shown).unwrap().into() {
            News::Seen(_, agent) => agent.vote(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(vote(json!({}), 0.5), Some(Vote::For));
    assert_eq!(vote(json!({"vote": "auto"}), 0.49), Some(Vote::Abstain));
    assert_eq!(vote(json!({"vote": "for"}), 0.0), Some(Vote::For));
    assert_eq!(vote(json!({"vote": "against"}), 1.0), Some(Vote::Against));
    assert_eq!(vote(json!({"vote": "abstain"}), 1.0), Some(Vote::Abstain));
    assert_eq!(vote(json!({"vote": "manual"}), 1.0), None);
    assert_eq!(vote(json!({"vote": 5}), 1.0), Some(Vote::For));
}

impl News {
    /// An agent at work that votes like this.
    pub(crate) fn seen(id: &str, vote: &str) -> Self {
        let shown =
            json!({"agent_id": id, "status": "active", "health": 1, "load": 0, "config": {"vote": vote}});
        serde_json::from_value::<Shown>(shown).unwrap().into()
    }
}

#[tokio::test]
async fn all_that_are_kept_are_read_however_many() {
    let world = crate::world::tests::Small::default();
    let agents: Vec<_> = (0..2500).map(|n| crate::service::tests::voter(&format!("a{n}"), "auto")).collect();
    world.keep_agents(&agents);
    assert_eq!(Roster::read(&world).await.unwrap().active().count(), 2500);
}
