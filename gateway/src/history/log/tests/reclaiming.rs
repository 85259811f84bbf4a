//! Files are given back, and nothing with them that is needed.

use super::*;

const SEGMENT: u64 = 16 * 1024;

fn with(size: usize) -> With {
    With { segment: SEGMENT, keep: Keep { size, ttl: Duration::ZERO }, ..With::default() }
}

/// Waits until the log takes no more space than it may.
fn settle(house: &House) {
    until("the log gives back what is dead", || {
        let state = house.log.state();
        state.bytes <= 2 * state.live + 3 * SEGMENT
    });
}

#[test]
fn a_log_takes_twice_what_is_needed_and_little_more() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(50));
    for round in 0..20 {
        house.fill("a", (0..100).map(|n| format!("{round} {n} {}", "x".repeat(200))));
        house.publish("b", &round.to_string());
    }
    settle(&house);
    until("what is given back is not there any more", || {
        let files = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "log")
        });
        files.count() == house.log.state().segments
    });
    assert!(!segment(folder.path(), 1).exists());
    let replay = house.replay("a");
    assert_eq!((replay.len(), replay[49].0), (50, 2000));
    assert!(replay[0].1.starts_with("19 50 "));
    assert_eq!(house.replay("b"), numbers(20), "carried along, read by");
    house.room("b").lock().shed(usize::MAX);
    assert_eq!(house.replay("b"), numbers(20), "and from the disk");
    let again = House::open(house.killed().path(), with(50));
    assert_eq!((again.replay("a"), again.replay("b")), (replay, numbers(20)));
    assert_eq!((again.cursor("a"), again.cursor("b")), (house.cursor("a"), house.cursor("b")));
}

#[test]
fn a_room_that_has_nothing_left_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(50));
    house.publish("old", "0");
    house.room("unused");
    let cursors = ["old", "unused"].map(|room| house.cursor(room));
    let day = Instant::now() + Duration::from_secs(86_400);
    house.room("old").lock().expire(day);
    (0..20).for_each(|_| house.fill("a", (0..100).map(|_| "x".repeat(200))));
    settle(&house);
    assert!(!segment(folder.path(), 1).exists());
    let again = House::open(house.killed().path(), with(50));
    assert_eq!(["old", "unused"].map(|room| again.cursor(room)), cursors);
}

#[test]
fn what_is_forgotten_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(10_000));
    house.fill("a", (0..500).map(|_| "x".repeat(200)));
    house.forget("a");
    until("all files but the last are given back", || house.log.state().segments == 1);
    let again = House::open(house.killed().path(), with(10_000));
    assert!(again.hall.room("a").is_none());
}

#[test]
fn a_room_that_was_forgotten_while_it_was_carried_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(100));
    house.fill("ghost", texts(20));
    house.room("nothing");
    // Somebody still holds them.
    let held = [house.room("ghost"), house.room("nothing")];
    house.forget("ghost");
    house.forget("nothing");
    house.publish("ghost", "another life");
    (0..20).for_each(|_| house.fill("a", (0..100).map(|_| "x".repeat(200))));
    until("the segment is gone", || !segment(folder.path(), 1).exists());
    let again = House::open(house.killed().path(), with(100));
    drop(held);
    assert!(again.hall.room("nothing").is_none());
    assert_eq!(again.replay("ghost"), [(1, "another life".to_owned())]);
    assert_eq!(again.cursor("ghost"), house.cursor("ghost"));
    assert_eq!(again.replay("a"), house.replay("a"));
}

#[test]
fn who_reads_is_not_hurt_by_files_that_go() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(20));
    house.fill("a", texts(20));
    house.room("a").lock().shed(usize::MAX);
    let start = house.room("a").lock().start();
    let Read::Stored(fetch) = house.room("a").lock().since(start, usize::MAX) else { panic!("on the disk") };
    (0..20).for_each(|_| house.fill("a", (0..100).map(|_| "x".repeat(200))));
    until("the segment is gone", || !segment(folder.path(), 1).exists());
    let texts: Vec<_> = fetch.fetch(&kind).unwrap().iter().map(|p| (p.cursor.offset, text_of(p))).collect();
    assert_eq!(texts, numbers(20));
}

#[test]
fn readers_and_publishers_go_on_while_records_are_carried() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(30));
    house.fill("cold", texts(30));
    house.room("cold").lock().shed(usize::MAX);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            (0..30).for_each(|_| house.fill("hot", (0..100).map(|_| "x".repeat(200))));
        });
        while !publisher.is_finished() {
            assert_eq!(house.replay("cold"), numbers(30));
        }
    });
    settle(&house);
    assert!(!segment(folder.path(), 1).exists());
    assert_eq!(house.replay("cold"), numbers(30));
}

#[test]
fn what_is_shown_is_carried_on_though_it_is_kept_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with(10));
    house.fill("a", numbers(3).into_iter().map(|(_, text)| text));
    (1..=2).for_each(|offset| house.room("a").lock().pin(offset));
    for _ in 0..10 {
        house.fill("a", (0..100).map(|_| "x".repeat(200)));
    }
    house.room("a").lock().unpin(2);
    settle(&house);
    assert!(!segment(folder.path(), 1).exists());
    let left = house.killed();
    let (opened, mut found) = Log::<Publish>::open(with(10).settings(left.path())).unwrap();
    let mut found = found.pop().unwrap();
    assert!(found.older.iter().any(|event| event.offset == 1), "{:?}", found.older);
    found.shown = [1].into();
    let room = Logged::found(found, room_id("a"), with(10).keep, Instant::now());
    let shown = room.at_offset(1).unwrap().fetch(&kind).unwrap();
    assert_eq!((shown.len(), shown[0].cursor.offset, text_of(&shown[0])), (1, 1, numbers(1)[0].1.clone()));
    assert!(room.at_offset(3).is_none() && room.len() == 10);
    drop(opened);
}
