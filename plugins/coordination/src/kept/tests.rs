use serde_json::json;

use super::*;
use crate::notice::TASKS;
use crate::world::tests::Small;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Count {
    n: u64,
}

fn add(kept: &mut Kept<Count>, now: Moment) -> Result<bool> {
    kept.value.n += 1;
    kept.say(("task_created", TASKS), now, Count::clone)?;
    Ok(true)
}

async fn added(world: &Small) -> Result<u64> {
    match revise(world, "k", Some(Count { n: 0 }), add).await? {
        Revised::Written(written) => written.tell(world).await.map(|count| count.n),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_and_its_event_are_one_value_until_the_event_is_told() {
    let world = Small::default();
    let Revised::Written(written) = revise(&world, "k", Some(Count { n: 6 }), add).await.unwrap() else {
        panic!("it was changed");
    };
    let stored = world.stored("k").unwrap();
    let id = stored["untold"][0]["id"].as_str().unwrap();
    let event = json!({"kind": "task_created", "room": "tasks", "id": id, "at": "2023-11-14T22:13:20.000Z", "data": {"n": 7}});
    assert_eq!(stored, json!({"n": 7, "untold": [event]}));
    assert!(world.heard().is_empty());
    assert_eq!(written.tell(&world).await.unwrap(), Count { n: 7 });
    assert_eq!(world.stored("k"), Some(json!({"n": 7})));
    let heard = world.heard();
    assert_eq!((heard[0].id.as_str(), heard[0].data.get()), (id, r#"{"n":7}"#));
}

#[tokio::test]
async fn what_one_has_left_untold_the_next_who_changes_it_tells_first() {
    let world = Small::default();
    world.kill_after(1);
    assert!(added(&world).await.is_err());
    assert!(world.heard().is_empty());
    assert_eq!(added(&world.node()).await.unwrap(), 2);
    let heard: Vec<_> = world.heard().iter().map(|notice| notice.data.to_string()).collect();
    assert_eq!(heard, [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[tokio::test]
async fn what_is_told_again_has_the_same_id() {
    let world = Small::default();
    world.kill_after(2);
    assert_eq!(added(&world).await.unwrap(), 1, "that it was told could not be noted");
    assert!(world.warnings.borrow()[0].contains("'k'"));
    retell(&world.node(), "k").await.unwrap();
    let ids: Vec<_> = world.heard().into_iter().map(|notice| notice.id).collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
    assert_eq!(world.stored("k"), Some(json!({"n": 1})));
}

#[tokio::test]
async fn a_change_is_tried_again_but_not_for_ever() {
    let world = Small::default();
    added(&world).await.unwrap();
    world.rivals.set(TRIES - 1);
    assert_eq!(added(&world).await.unwrap(), 2);
    world.rivals.set(TRIES);
    assert_eq!(added(&world).await.unwrap_err().http_status(), 503);
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing_and_what_is_gone_is_absent() {
    let world = Small::default();
    let same = revise(&world, "k", Some(Count { n: 3 }), |_, _| Ok(false)).await.unwrap();
    assert!(matches!(same, Revised::Same(Count { n: 3 })));
    assert!(world.keys().is_empty());
    let gone = |kept: &mut Kept<Count>, _: Moment| {
        kept.gone = true;
        Ok(true)
    };
    let Revised::Written(written) = revise(&world, "k", Some(Count { n: 3 }), gone).await.unwrap() else {
        panic!("it was changed");
    };
    assert!(matches!(revise::<Count>(&world, "k", None, add).await.unwrap(), Revised::Absent));
    written.tell(&world).await.unwrap();
    assert!(world.keys().is_empty());
}
