//! Where committed records are gone that no broken write can explain, the rooms that they may have been of are told
//! apart by another epoch, and the others are not.

use super::*;

const WITH: With = With {
    segment: 1 << 20,
    keep: Keep { size: 10_000, ttl: Duration::ZERO },
    fsync: Fsync::Always,
    interval: Duration::from_secs(1),
    queue: 64 << 20,
};

/// Where in a file the event with this text is.
fn find(path: &Path, text: &str) -> usize {
    let (bytes, text) = (fs::read(path).unwrap(), format!("\"{text}\""));
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
}

fn change(path: &Path, at: usize, by: impl FnOnce(&mut [u8])) {
    let mut bytes = fs::read(path).unwrap();
    by(&mut bytes[at..]);
    fs::write(path, bytes).unwrap();
}

/// Rooms `a` and `b` with five events each, in turn, and then `late` with one.
fn filled() -> (TempDir, [Cursor; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), WITH);
    for n in 0..5 {
        house.publish("a", &format!("a{n}"));
        house.publish("b", &format!("b{n}"));
    }
    house.publish("late", "late");
    (house.killed(), ["a", "b", "late"].map(|room| house.cursor(room)))
}

#[test]
fn a_broken_record_costs_its_own_room_alone_its_epoch() {
    let (folder, [a, b, late]) = filled();
    let path = segment(folder.path(), 1);
    let at = find(&path, "a4");
    change(&path, at, |bytes| bytes[1] ^= 1);
    let house = House::open(folder.path(), WITH);
    assert!(
        matches!(house.notices[..], [Notice::Hole { .. }, Notice::Renewed { rooms: 1 }]),
        "{:?}",
        house.notices
    );
    assert_eq!((house.cursor("b"), house.cursor("late")), (b, late));
    let now = house.cursor("a");
    assert_ne!(now.epoch, a.epoch, "its last event is gone: another will have its place");
    assert_eq!((now.offset, house.replay("a").len()), (4, 4));
    house.publish("a", "new");
    house.log.close();
    let again = House::open(folder.path(), WITH);
    assert!(matches!(again.notices[..], [Notice::Hole { .. }]), "said again, and no epoch changes again");
    assert_eq!(again.cursor("a"), Cursor { offset: 5, ..now });
    assert_eq!(again.replay("a").last(), Some(&(5, "new".to_owned())));
}

#[test]
fn what_lies_before_a_hole_is_not_replayed_as_if_nothing_were_missing() {
    let (folder, [a, ..]) = filled();
    let path = segment(folder.path(), 1);
    let at = find(&path, "a1");
    change(&path, at, |bytes| bytes[1] ^= 1);
    let house = House::open(folder.path(), WITH);
    let offsets: Vec<u64> = house.replay("a").iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [3, 4, 5]);
    assert!(matches!(house.room("a").lock().since(Cursor { offset: 1, ..a }, 1), Read::Lost));
    assert_eq!(house.cursor("a"), a, "its later events are there, so none of its places can come twice");
}

#[test]
fn a_broken_length_costs_the_rooms_of_which_nothing_is_behind_it_their_epochs() {
    let (folder, [a, b, late]) = filled();
    let path = segment(folder.path(), 1);
    // The length of b4's record: before the head, the room's name, the type, the source, the key and the id.
    let at = find(&path, "b4") - (8 + 34 + 2 + 14 + 7 + 2 + 3);
    change(&path, at, |bytes| bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes()));
    let house = House::open(folder.path(), WITH);
    assert!(
        matches!(house.notices[..], [Notice::Hole { .. }, Notice::Renewed { rooms: 2 }]),
        "{:?}",
        house.notices
    );
    assert_eq!(house.cursor("late"), late, "it came to be behind the hole");
    for (room, before, left) in [("a", a, 5), ("b", b, 4)] {
        assert_ne!(house.cursor(room).epoch, before.epoch, "{room}");
        assert_eq!(house.replay(room).len(), left);
    }
}

#[test]
fn a_last_record_that_is_whole_and_wrong_is_no_broken_write() {
    let (folder, [a, b, late]) = filled();
    let path = segment(folder.path(), 1);
    let at = find(&path, "late");
    change(&path, at, |bytes| bytes[1] ^= 1);
    let house = House::open(folder.path(), WITH);
    assert!(
        matches!(house.notices[..], [Notice::Torn { damage: true, .. }, Notice::Renewed { rooms: 1 }]),
        "{:?}",
        house.notices
    );
    assert_eq!((house.cursor("a"), house.cursor("b")), (a, b));
    assert_ne!(house.cursor("late").epoch, late.epoch);
    assert_eq!(house.cursor("late").offset, 0);
}

#[test]
fn a_log_that_was_closed_and_is_shorter_now_has_lost_something() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), WITH);
    house.publish("a", "0");
    let length = fs::metadata(segment(folder.path(), 1)).unwrap().len();
    house.publish("a", "1");
    let before = house.cursor("a");
    house.log.close();
    for length in [length, length + 10] {
        let cut = copy(folder.path());
        fs::OpenOptions::new().write(true).open(segment(cut.path(), 1)).unwrap().set_len(length).unwrap();
        let house = House::open(cut.path(), WITH);
        assert!(house.notices.iter().any(|notice| matches!(notice, Notice::Shortened { segment: 1, .. })));
        assert_ne!(house.cursor("a").epoch, before.epoch);
        assert_eq!(house.replay("a"), numbers(1));
    }
}

#[test]
fn an_event_that_cannot_be_read_any_more_is_an_error_with_its_place() {
    let (folder, _) = filled();
    let house = House::open(folder.path(), WITH);
    let path = segment(folder.path(), 1);
    let start = house.room("a").lock().start();
    let Read::Stored(fetch) = house.room("a").lock().since(start, usize::MAX) else {
        panic!("it is on the disk")
    };
    let at = find(&path, "a2");
    change(&path, at, |bytes| bytes[1] ^= 1);
    let error = fetch.fetch(&kind).unwrap_err().to_string();
    assert!(
        error.contains("0000000000000001.log, byte ") && error.ends_with("its checksum is wrong"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_missing_in_the_middle_or_shorter_than_it_was_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let with = With { segment: 4096, ..WITH };
    let house = House::open(folder.path(), with);
    house.publish("early", "0");
    (0..30).for_each(|_| house.publish("a", &"x".repeat(200)));
    house.publish("late", "0");
    let before = ["early", "late"].map(|room| house.cursor(room));
    let (missing, short) = (house.killed(), house.killed());
    fs::remove_file(segment(missing.path(), 2)).unwrap();
    let file = fs::OpenOptions::new().write(true).open(segment(short.path(), 1)).unwrap();
    file.set_len(find(&segment(short.path(), 1), "0") as u64 + 3).unwrap(); // behind a whole record
    for folder in [missing, short] {
        let house = House::open(folder.path(), with);
        assert!(
            matches!(house.notices[..], [Notice::Missing { .. }, Notice::Renewed { .. }]),
            "{:?}",
            house.notices
        );
        assert_ne!(house.cursor("early").epoch, before[0].epoch);
        assert_eq!(house.cursor("late"), before[1]);
    }
}
