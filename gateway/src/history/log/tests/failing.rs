//! The disk does not take it: nothing is acknowledged, nothing is lost that was, and it goes on by itself.

use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::head::Head;
use super::super::segment::{HEADER, Segment};
use super::*;

/// Sets the test binary to be the process whose files may not grow.
const LIMITED: &str = "LOG_TEST_LIMITED";

/// From here on no file of this process may be longer.
fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[test]
fn a_process_whose_files_may_not_grow() {
    let Some(folder) = std::env::var_os(LIMITED) else { return };
    let with = With { fsync: Fsync::Always, segment: 64 << 20, ..With::default() };
    let house = House::open(Path::new(&folder), with);
    limit(Some(100_000));
    let outcomes: Vec<_> = (0..300).map(|_| house.put(&["a", "b"], &"x".repeat(1000))).collect();
    let outcomes: Vec<_> = outcomes.iter().map(|outcome| outcome.recv_timeout(SOON).unwrap()).collect();
    let committed = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
    assert!(committed < 60 && outcomes[committed..].iter().all(Result::is_err));
    let why = outcomes[committed].as_ref().unwrap_err();
    assert!(why.contains("0000000000000001.log: cannot be written: File too large"), "{why}");
    for room in ["a", "b"] {
        assert_eq!(house.cursor(room).offset as usize, committed, "none is ahead of what is written");
    }
    let refused = house.log.reserve(1).unwrap_err();
    assert!(matches!(&refused, Refused::Failed(_)) && refused.to_string().contains("File too large"));
    assert!(house.log.state().error.is_some());
    house.room("meanwhile");
    house.room("gone");
    house.forget("gone");

    limit(None);
    until("it goes on by itself", || house.log.reserve(0).is_ok());
    house.publish("a", "after");
    assert_eq!(house.cursor("a").offset as usize, committed + 1);
    let state = house.log.state();
    assert!(state.error.is_none() && state.waiting == 0);
    let killed = house.killed();
    let again = House::open(killed.path(), with);
    assert_eq!(again.notices, []);
    assert_eq!(again.replay("a"), house.replay("a"));
    assert_eq!((again.replay("b").len(), again.cursor("meanwhile")), (committed, house.cursor("meanwhile")));
    assert!(again.hall.room("gone").is_none());
    println!("all of that holds");
}

#[test]
fn a_full_disk_is_refused_for_and_recovered_from() {
    let folder = tempfile::tempdir().unwrap();
    // A process that is not told by a signal that its file may not grow is told by the write.
    let child = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["history::log::tests::failing::a_process_whose_files_may_not_grow", "--exact", "--nocapture"])
        .env(LIMITED, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(told.contains("all of that holds"), "{told}{}", String::from_utf8_lossy(&child.stderr));
}

#[test]
fn what_cannot_be_synced_is_not_committed() {
    let folder = tempfile::tempdir().unwrap();
    let with = With { fsync: Fsync::Always, ..With::default() };
    let (mut opened, _) = Log::<Publish>::open(with.settings(folder.path())).unwrap();
    // Takes what is written, and cannot be synced.
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    opened.head = Head::new(Arc::new(Segment::new(1, "/dev/null".into(), null, HEADER, 1 << 20)));
    let hall = Arc::new(Hall::default());
    let log = Log::start(opened, Arc::clone(&hall) as Arc<dyn Rooms>).unwrap();
    let house = House { log, hall, with, notices: Vec::new(), folder: folder.path().to_owned() };
    let outcome = house.put(&["a"], "0").recv_timeout(SOON).unwrap();
    assert!(outcome.unwrap_err().starts_with("/dev/null: cannot be synced: "));
    assert_eq!(house.cursor("a").offset, 0);
    assert!(matches!(house.log.reserve(1), Err(Refused::Failed(_))));
}

#[test]
fn rooms_that_come_and_go_while_nothing_can_be_written_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let with = With { fsync: Fsync::Always, ..With::default() };
    let (mut opened, _) = Log::<Publish>::open(with.settings(folder.path())).unwrap();
    let full = fs::OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
    opened.head = Head::new(Arc::new(Segment::new(1, "/dev/full".into(), full, HEADER, 1 << 20)));
    let hall = Arc::new(Hall::default());
    let log = Log::<Publish>::start(opened, Arc::clone(&hall) as Arc<dyn Rooms>).unwrap();
    let weak: Vec<_> = (0..10_000)
        .map(|n| {
            let room = RoomId { name: format!("room {n}").into(), ..room_id("") };
            log.born(&room, Epoch(n), Fsync::Always);
            log.forgotten(&room, Epoch(n));
            Arc::downgrade(&room.name)
        })
        .collect();
    until("those that are over are let go", || {
        weak.iter().filter(|name| name.strong_count() > 0).count() < 4096
    });
}

/// A task that should never be: its end takes the thread with it.
struct Fatal;

impl Task for Fatal {
    fn events(&self) -> &[Arc<Posted>] {
        &[]
    }

    fn fsync(&self) -> Fsync {
        Fsync::Os
    }

    fn committed(self, _: Vec<Place>) {
        panic!("a fault in what is told of a commit");
    }

    fn failed(self, _: &Arc<WriteError>) {}
}

#[test]
fn a_thread_that_has_panicked_takes_nothing_more_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (opened, _) = Log::<Fatal>::open(With::default().settings(folder.path())).unwrap();
    let log = Log::start(opened, Arc::new(Hall::default()) as Arc<dyn Rooms>).unwrap();
    log.reserve(1).unwrap();
    log.put(Fatal, 1);
    let deadline = Instant::now() + SOON;
    while log.state().error.is_none() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let refused = log.reserve(1).unwrap_err().to_string();
    assert!(refused.contains("panicked"), "{refused}");
    log.close();
}
