use serde_json::json;

use super::*;
use crate::service::tests::new_task;
use crate::tasks::{Status, Step, Task};
use crate::world::tests::Small;

async fn load(world: &Small, most: usize) -> Collection<Task> {
    Collection::load(world, most).await.unwrap().0
}

/// Keeps a task of that type, and answers its name.
async fn add(tasks: &Collection<Task>, world: &Small, task_type: &str) -> String {
    let number = tasks.next_number(world).await.unwrap();
    let task = Task::new(&new_task(json!({"task_type": task_type, "timeout": 2})), number, world.now().wall);
    tasks.place(world, Kept::new(task)).await.unwrap().tell(world).await.unwrap().task_id
}

async fn step(tasks: &Collection<Task>, world: &Small, name: &str, step: Step<'_>) {
    let change = |kept: &mut Kept<Task>, now: Moment| kept.value.take(&step, now.wall).map(|()| true);
    tasks.revise(world, name, change).await.unwrap().unwrap();
}

fn names(tasks: &Collection<Task>) -> Vec<String> {
    tasks.index().iter().map(|entry| entry.name.to_string()).collect()
}

#[tokio::test]
async fn the_order_of_creation_outlives_a_restart_though_names_sort_otherwise() {
    let world = Small::default();
    let tasks = load(&world, 10).await;
    for task_type in ["z", "a_b", "m"] {
        add(&tasks, &world, task_type).await;
    }
    assert_eq!(names(&tasks), ["task_z_001", "task_a_b_002", "task_m_003"]);
    assert_eq!(names(&load(&world, 10).await), names(&tasks));
}

#[tokio::test]
async fn no_number_comes_twice_on_two_nodes_and_whatever_is_removed() {
    let world = Small::default();
    let (ours, theirs) = (load(&world, 10).await, load(&world.node(), 10).await);
    let mut given = Vec::new();
    for _ in 0..3 {
        for tasks in [&ours, &theirs] {
            let name = add(tasks, &world, "t").await;
            tasks.forget(&world, &name).await.unwrap();
            given.push(name);
        }
    }
    assert_eq!(given, (1..=6).map(|n| format!("task_t_{n:03}")).collect::<Vec<_>>());
    assert_eq!(add(&load(&world, 10).await, &world, "t").await, "task_t_007");
}

#[tokio::test]
async fn numbers_go_on_past_three_digits() {
    let world = Small::default();
    let tasks = load(&world, 10_000).await;
    for _ in 0..1001 {
        add(&tasks, &world, "t").await;
    }
    let again = load(&world, 10_000).await;
    assert_eq!(names(&again)[998..], ["task_t_999", "task_t_1000", "task_t_1001"]);
}

#[tokio::test]
async fn a_record_of_another_node_is_found_by_its_name_and_one_that_it_removed_is_gone() {
    let world = Small::default();
    let (ours, theirs) = (load(&world, 10).await, load(&world.node(), 10).await);
    let name = add(&theirs, &world, "t").await;
    step(&ours, &world, &name, Step::Cancel).await;
    assert_eq!(ours.get(&world, &name).await.unwrap().unwrap().status, Status::Cancelled);
    assert_eq!(names(&ours), [name.as_str()]);
    theirs.forget(&world, &name).await.unwrap();
    assert!(ours.revise(&world, &name, |_, _| Ok(true)).await.unwrap().is_none());
    assert!(names(&ours).is_empty());
}

#[tokio::test]
async fn names_that_no_record_can_have_are_of_no_record() {
    let world = Small::default();
    let tasks = load(&world, 10).await;
    add(&tasks, &world, "t").await;
    for name in ["", "task_t_1", "task_t_+01", "task_x_001", "task_t_001 ", "../t", &"x".repeat(10_000)] {
        assert!(tasks.get(&world, name).await.unwrap().is_none(), "{name}");
        assert!(tasks.revise(&world, name, |_, _| Ok(true)).await.unwrap().is_none(), "{name}");
    }
    assert_eq!(names(&tasks), ["task_t_001"]);
}

#[tokio::test]
async fn the_oldest_that_is_over_makes_place_and_what_is_not_over_never_does() {
    let world = Small::default();
    let tasks = load(&world, 3).await;
    let mut given = Vec::new();
    for _ in 0..3 {
        assert_eq!(tasks.oldest_to_forget().unwrap(), None);
        given.push(add(&tasks, &world, "t").await);
    }
    let full = tasks.oldest_to_forget().unwrap_err();
    assert_eq!(
        (full.http_status(), full.to_string().as_str()),
        (503, "There may be at most 3 that are not over yet")
    );
    step(&tasks, &world, &given[2], Step::Cancel).await;
    step(&tasks, &world, &given[1], Step::Cancel).await;
    assert_eq!(tasks.oldest_to_forget().unwrap().as_ref(), Some(&given[1]));
    let again = load(&world, 3).await;
    assert_eq!(again.oldest_to_forget().unwrap().as_ref(), Some(&given[1]));
}

#[tokio::test]
async fn time_is_up_by_the_clock_that_only_grows_and_over_a_restart_by_the_other() {
    let world = Small::default();
    let tasks = load(&world, 10).await;
    let name = add(&tasks, &world, "t").await;
    step(&tasks, &world, &name, Step::Assign("a".into())).await;
    step(&tasks, &world, &name, Step::Start).await;
    let started = world.now().wall;
    world.set_clock(3_600_000);
    world.pass(1999);
    assert_eq!(tasks.overdue(world.now()), None);
    tasks.revise(&world, &name, |_, _| Ok(false)).await.unwrap();
    assert_eq!(tasks.index().next_due(), Some(2000), "to look at it sets no other time");
    world.pass(1);
    assert_eq!(tasks.overdue(world.now()), Some((name.clone(), started.after(2.0))));
    let again = load(&world, 10).await;
    assert_eq!(again.overdue(world.now()), Some((name, started.after(2.0))));
}

#[tokio::test]
async fn a_page_that_would_be_too_large_asks_for_a_smaller_one() {
    let world = Small::default();
    let keys: Vec<_> = (0..200).map(|n| format!("k{n}")).collect();
    for (n, key) in keys.iter().enumerate() {
        shelf::put(&world, key.clone(), &(n + 100), Expect::Any).await.unwrap();
    }
    // Three bytes each.
    let numbers: Vec<usize> = shelf::get_all(&world, &keys, 600).await.unwrap();
    assert_eq!(numbers, (100..300).collect::<Vec<_>>());
    let refused = shelf::get_all::<usize>(&world, &keys, 599).await.unwrap_err();
    assert_eq!((refused.http_status(), refused.fields()[0].loc.join(".").as_str()), (422, "query.limit"));
}
