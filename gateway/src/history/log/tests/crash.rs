//! The machine crashes: another boot, and no clean end.

use super::*;

fn reboot(folder: &Path) {
    let path = folder.join("state");
    let text = fs::read_to_string(&path).unwrap();
    let boot = text.lines().find(|line| line.starts_with("boot = ")).unwrap();
    fs::write(&path, text.replace(boot, "boot = another")).unwrap();
}

#[test]
fn rooms_that_are_not_always_synced_have_another_epoch_and_what_is_left() {
    for (fsync, changes) in [(Fsync::Always, false), (Fsync::Interval, true), (Fsync::Os, true)] {
        let folder = tempfile::tempdir().unwrap();
        let house = House::open(folder.path(), With { fsync, ..With::default() });
        house.fill("a", texts(10));
        let before = house.cursor("a");
        let crashed = house.killed();
        reboot(crashed.path());
        let with = house.with;
        let again = House::open(crashed.path(), with);
        assert_eq!(again.cursor("a").epoch != before.epoch, changes, "{fsync:?}");
        assert_eq!((again.cursor("a").offset, again.replay("a")), (10, numbers(10)));
        assert!(again.notices.contains(&Notice::Crashed));
        again.publish("a", "10");
        let now = again.cursor("a");
        let killed = again.killed();
        let third = House::open(killed.path(), with);
        assert_eq!((third.cursor("a"), third.replay("a")), (now, numbers(11)), "a kill changes nothing");
    }
}

#[test]
fn a_reboot_after_a_clean_end_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    house.fill("a", texts(10));
    let before = house.cursor("a");
    house.log.close();
    reboot(folder.path());
    let copied = copy(folder.path());
    let again = House::open(copied.path(), With::default());
    assert_eq!((again.cursor("a"), again.notices.as_slice()), (before, [].as_slice()));
}

#[test]
fn a_log_without_its_state_may_have_lost_what_a_crash_takes() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    house.fill("a", texts(10));
    let lost = house.killed();
    fs::remove_file(lost.path().join("state")).unwrap();
    let again = House::open(lost.path(), With::default());
    assert_eq!(again.notices, [Notice::Crashed, Notice::Renewed { rooms: 1 }]);
    assert_eq!(again.replay("a"), numbers(10));
}

#[test]
fn epochs_hold_over_crash_after_crash_and_when_records_are_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let with = With { segment: 4096, keep: Keep { size: 5, ttl: Duration::ZERO }, ..With::default() };
    let mut copied = copy(folder.path());
    let mut epochs = Vec::new();
    for round in 0..4 {
        let house = House::open(copied.path(), with);
        if round == 0 {
            house.fill("quiet", texts(5));
        }
        epochs.push(house.cursor("quiet").epoch);
        // Pushes the quiet room's records along.
        (0..6).for_each(|_| house.fill("loud", (0..20).map(|_| "x".repeat(300))));
        assert_eq!(house.replay("quiet"), numbers(5));
        let killed = house.killed();
        let again = House::open(copy(killed.path()).path(), with);
        assert_eq!(again.cursor("quiet"), Cursor { epoch: epochs[round], offset: 5 });
        assert_eq!(again.replay("quiet"), numbers(5));
        reboot(killed.path());
        copied = killed;
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 4, "each crash gives another");
}
