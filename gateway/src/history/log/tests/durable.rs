//! What is committed is there again.

use super::*;

#[test]
fn rooms_are_there_again_with_their_events_and_cursors() {
    for fsync in [Fsync::Always, Fsync::Interval, Fsync::Os] {
        let folder = tempfile::tempdir().unwrap();
        let with = With { fsync, ..With::default() };
        let house = House::open(folder.path(), with);
        house.fill("a", texts(100));
        house.fill("b", texts(3));
        house.room("empty");
        house.publish("b", "3"); // behind the birth
        let cursors = ["a", "b", "empty"].map(|room| house.cursor(room));
        for how in ["killed", "closed"] {
            let killed = house.killed();
            if how == "closed" {
                house.log.close();
            }
            let at = if how == "closed" { folder.path() } else { killed.path() };
            let again =
                if how == "closed" { House::open(copy(at).path(), with) } else { House::open(at, with) };
            assert_eq!(again.notices, [], "{how}");
            assert_eq!(["a", "b", "empty"].map(|room| again.cursor(room)), cursors);
            assert_eq!((again.replay("a"), again.replay("b")), (numbers(100), numbers(4)));
            again.publish("a", "100");
            assert_eq!(again.replay("a"), numbers(101));
        }
    }
}

#[test]
fn what_memory_does_not_hold_is_read_from_the_disk_in_order_and_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With { segment: 4096, ..With::default() });
    for n in 0..200 {
        house.put(&["a", "b"], &n.to_string());
    }
    house.publish("b", "200");
    let room = house.room("a");
    let held = room.lock().held();
    assert!(house.log.state().segments > 5);
    assert!(room.lock().oldest().is_some());
    let freed = room.lock().shed(held / 2);
    assert_eq!(room.lock().held(), held - freed);
    assert!(freed >= held / 2 && freed < held / 2 + 1024);
    assert_eq!(house.replay("a"), numbers(200), "half of it from the disk");
    assert_eq!(room.lock().shed(usize::MAX), held - freed);
    {
        let room = room.lock();
        assert_eq!((room.held(), room.oldest(), room.len()), (0, None, 200));
    }
    assert_eq!(house.replay("a"), numbers(200), "all of it from the disk");
    let after = Cursor { offset: 150, ..house.cursor("a") };
    assert_eq!(house.read("a", after), numbers(200)[150..]);
}

#[test]
fn a_read_of_the_disk_keeps_to_its_limit_and_gives_one_event_at_least() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    house.fill("a", (0..10).map(|_| "x".repeat(1000)));
    let room = house.room("a");
    room.lock().shed(usize::MAX);
    let start = room.lock().start();
    for (limit, count) in [(0, 1), (1, 1), (2500, 2), (usize::MAX, 10)] {
        let Read::Stored(fetch) = room.lock().since(start, limit) else { panic!("it is on the disk") };
        assert_eq!((fetch.len(), fetch.is_empty()), (count, false));
        assert_eq!(fetch.fetch(&kind).unwrap().len(), count);
    }
}

#[test]
fn a_room_keeps_what_its_rule_says_and_its_place_when_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep { size: 10, ttl: Duration::from_secs(60) };
    let house = House::open(folder.path(), With { keep, ..With::default() });
    house.fill("a", texts(25));
    assert_eq!(house.replay("a"), numbers(25)[15..]);
    let cursor = house.cursor("a");
    let lost = house.room("a").lock().since(Cursor { offset: 14, ..cursor }, 1);
    assert!(matches!(lost, Read::Lost));
    let killed = house.killed();
    let again = House::open(killed.path(), House::open(copy(killed.path()).path(), house.with).with);
    assert_eq!(again.replay("a"), numbers(25)[15..], "what was pushed out is not back");
    again.room("a").lock().expire(Instant::now() + Duration::from_secs(61));
    assert_eq!((again.len("a"), again.cursor("a")), (0, cursor));
    let long_ago = With { keep: Keep { ttl: Duration::from_millis(1), ..keep }, ..house.with };
    std::thread::sleep(Duration::from_millis(2)); // older than that
    let later = House::open(copy(killed.path()).path(), long_ago);
    assert_eq!((later.len("a"), later.cursor("a")), (0, cursor));
    later.publish("a", "25");
    assert_eq!(later.cursor("a").offset, 26);
}

#[test]
fn a_room_that_was_forgotten_is_not_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    house.fill("a", texts(5));
    let before = house.cursor("a").epoch;
    house.forget("a");
    house.publish("b", "0");
    let gone = House::open(house.killed().path(), house.with);
    assert!(gone.hall.room("a").is_none() && gone.hall.room("b").is_some());
    house.publish("a", "0");
    let again = House::open(house.killed().path(), house.with);
    assert_eq!((again.replay("a"), again.cursor("a")), (numbers(1), house.cursor("a")));
    assert_ne!(again.cursor("a").epoch, before);
}

#[test]
fn tasks_are_committed_in_the_order_in_which_they_were_put() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    std::thread::scope(|scope| {
        for room in ["a", "b", "c"] {
            let house = &house;
            scope.spawn(move || house.fill(room, texts(2000)));
        }
    });
    let delivered = house.hall.delivered.lock();
    for room in ["a", "b", "c"] {
        let offsets: Vec<u64> = delivered.iter().filter(|(name, _)| name == room).map(|(_, n)| *n).collect();
        assert_eq!(offsets, (1..=2000).collect::<Vec<_>>());
    }
    let state = house.log.state();
    assert_eq!((state.events, state.waiting), (6000, 0));
    assert!(state.groups < 6000, "{} groups", state.groups);
}

#[test]
fn always_is_synced_before_it_is_committed_and_interval_soon_after() {
    let folder = tempfile::tempdir().unwrap();
    let interval = Duration::from_millis(50);
    let always = House::open(folder.path(), With { fsync: Fsync::Always, interval, ..With::default() });
    let before = always.log.state().syncs;
    (0..5).for_each(|n| always.publish("a", &n.to_string()));
    assert!(always.log.state().syncs >= before + 5);

    let other = tempfile::tempdir().unwrap();
    let relaxed = House::open(other.path(), With { interval, ..With::default() });
    relaxed.publish("a", "0");
    until("a sync", || relaxed.log.state().syncs > 0);

    let third = tempfile::tempdir().unwrap();
    let os =
        House::open(third.path(), With { fsync: Fsync::Os, interval: Duration::ZERO, ..With::default() });
    (0..20).for_each(|n| os.publish("a", &n.to_string()));
    assert_eq!(os.log.state().syncs, 0, "the system brings it to the disk");
}

#[test]
fn a_closed_log_takes_nothing_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    let waiting: Vec<_> = (0..100).map(|n| house.put(&["a"], &n.to_string())).collect();
    house.log.close();
    assert!(
        waiting.iter().all(|outcome| outcome.recv_timeout(SOON).unwrap().is_ok()),
        "what waited is written"
    );
    let refused = house.put(&["a"], "100").recv_timeout(SOON).unwrap().unwrap_err();
    assert_eq!(refused, "the log cannot be written: the log is closed");
    let text = fs::read_to_string(folder.path().join("state")).unwrap();
    assert!(text.contains("ended = at 1 "), "{text}");
}

#[test]
fn space_in_the_queue_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With { queue: 1000, ..With::default() });
    house.log.reserve(600).unwrap();
    assert!(matches!(house.log.reserve(600), Err(Refused::Full)));
    house.log.release(600);
    house.publish("a", &"x".repeat(400));
    until("what was committed is given back", || house.log.reserve(1000).is_ok());
}
