//! What a killed process leaves in the middle of a write is cut off, and said.

use std::io;

use super::*;

/// A log with `before` events of room `a`, and how long its file was before and after `write`.
fn written(with: With, write: impl FnOnce(&House)) -> (TempDir, u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), with);
    house.fill("a", texts(3));
    let length = || fs::metadata(segment(&house.folder, 1)).unwrap().len();
    let before = length();
    write(&house);
    let after = length();
    (house.killed(), before, after)
}

fn cut_at(folder: &Path, length: u64) -> TempDir {
    let cut = copy(folder);
    fs::OpenOptions::new().write(true).open(segment(cut.path(), 1)).unwrap().set_len(length).unwrap();
    cut
}

#[test]
fn a_record_that_is_torn_at_any_byte_is_cut_off_and_the_room_goes_on() {
    let (folder, before, after) = written(With::default(), |house| house.publish("a", "3"));
    let epoch = House::open(copy(folder.path()).path(), With::default()).cursor("a").epoch;
    for length in before..after {
        let torn = cut_at(folder.path(), length);
        let house = House::open(torn.path(), With::default());
        let path = segment(torn.path(), 1);
        let cut = Notice::Torn { path: path.clone(), at: before, bytes: length - before, damage: false };
        assert_eq!(house.notices, if length == before { vec![] } else { vec![cut] });
        assert_eq!(house.cursor("a"), Cursor { epoch, offset: 3 });
        if length > before {
            let kept = fs::read(path.with_extension("torn")).unwrap();
            assert_eq!(kept, fs::read(segment(folder.path(), 1)).unwrap()[before as usize..length as usize]);
        }
        if length % 10 > 0 {
            continue;
        }
        house.publish("a", "three");
        house.log.close();
        let again = House::open(torn.path(), With::default());
        assert_eq!(again.replay("a").last(), Some(&(4, "three".to_owned())));
        assert_eq!(again.notices, []);
    }
}

#[test]
fn of_an_event_for_several_rooms_all_is_there_or_nothing() {
    let with = With::default();
    let (folder, before, after) = written(with, |house| {
        house.room("b");
        house.publish("a", "3");
        house.put(&["a", "b"], "both").recv_timeout(SOON).unwrap().unwrap();
    });
    let mut seen = [false; 2];
    for length in (before..=after).step_by(5).chain([after]) {
        let house = House::open(cut_at(folder.path(), length).path(), with);
        let has = |room: &str| {
            house.hall.room(room).is_some() && house.replay(room).iter().any(|(_, text)| text == "both")
        };
        assert_eq!(has("a"), has("b"), "at {length}");
        seen[usize::from(has("a"))] = true;
    }
    assert_eq!(seen, [true; 2]);
}

#[test]
fn zeros_and_noise_behind_the_last_record_are_cut_off() {
    let (folder, _, after) = written(With::default(), |house| house.publish("a", "3"));
    let epoch = House::open(copy(folder.path()).path(), With::default()).cursor("a").epoch;
    for junk in [vec![0; 5000], vec![0xff; 5000], b"short".to_vec(), vec![b'x'; 100_000]] {
        let torn = copy(folder.path());
        let path = segment(torn.path(), 1);
        io::Write::write_all(&mut fs::OpenOptions::new().append(true).open(&path).unwrap(), &junk).unwrap();
        let house = House::open(torn.path(), With::default());
        let bytes = junk.len() as u64;
        assert_eq!(house.notices, [Notice::Torn { path, at: after, bytes, damage: false }]);
        assert_eq!((house.replay("a"), house.cursor("a").epoch), (numbers(4), epoch));
    }
}

#[test]
fn a_file_that_was_only_just_made_is_made_anew() {
    let (folder, _, _) = written(With::default(), |_| ());
    for bytes in [vec![], vec![7; 10], vec![0; 40], vec![0; 4096]] {
        let torn = copy(folder.path());
        fs::write(segment(torn.path(), 2), &bytes).unwrap();
        let house = House::open(torn.path(), With::default());
        assert_eq!(house.notices, [Notice::Unmade { path: segment(torn.path(), 2) }]);
        house.publish("a", "3");
        house.log.close();
        assert_eq!(House::open(torn.path(), With::default()).replay("a"), numbers(4));
    }
}

/// Sets the test binary to be a process that writes until it is killed, where a test has started it for that.
const WRITER: &str = "LOG_TEST_WRITER";

#[test]
fn a_process_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(WRITER) else { return };
    let with = With { segment: 256 << 10, fsync: Fsync::Always, ..With::default() };
    let house = House::open(Path::new(&folder), with);
    for n in 0_u64.. {
        let waiting: Vec<_> = (0..20).map(|k| house.put(&["a"], &(20 * n + k).to_string())).collect();
        waiting.iter().for_each(|outcome| outcome.recv().unwrap().unwrap());
        println!("committed {}", 20 * (n + 1));
    }
}

#[test]
fn what_a_killed_process_has_acknowledged_is_there_again_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut committed = 0;
    for _ in 0..3 {
        let name = "history::log::tests::torn::a_process_that_writes_until_it_is_killed";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(WRITER, folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = io::BufRead::lines(io::BufReader::new(child.stdout.take().unwrap()));
        let told = lines.by_ref().map_while(Result::ok).filter(|line| line.starts_with("committed")).nth(30);
        assert!(told.is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged =
            31 * 20 + 20 * lines.map_while(Result::ok).filter(|l| l.starts_with("committed")).count();
        committed += acknowledged as u64;
        let with = With::default();
        let house = House::open(copy(folder.path()).path(), with);
        let last = house.cursor("a").offset;
        assert!(last >= committed, "{last} of {committed}");
        let offsets: Vec<u64> = house.replay("a").iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, (last.saturating_sub(with.keep.size as u64) + 1..=last).collect::<Vec<_>>());
        assert!(!house.notices.iter().any(|notice| matches!(notice, Notice::Renewed { .. })));
        committed = last;
    }
}
