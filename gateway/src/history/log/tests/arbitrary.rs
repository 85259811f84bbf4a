//! Whatever happens to the files: nothing is made up, nothing panics, and no loss goes unsaid.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What is done to a file.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index),
    Cut(Index),
    Overwrite(Index, Vec<u8>),
    Append(Vec<u8>),
    Remove(Index, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..100);
    prop_oneof![
        4 => any::<Index>().prop_map(Harm::Flip),
        2 => any::<Index>().prop_map(Harm::Cut),
        2 => (any::<Index>(), bytes()).prop_map(|(at, bytes)| Harm::Overwrite(at, bytes)),
        1 => bytes().prop_map(Harm::Append),
        1 => (any::<Index>(), 1..200_usize).prop_map(|(at, count)| Harm::Remove(at, count)),
    ]
}

fn do_harm(harm: &Harm, bytes: &mut Vec<u8>) {
    // The header says what file it is: where that is harmed the log is refused, which other tests show.
    let end = bytes.len();
    let place = |at: &Index| 40 + at.index(end.saturating_sub(40).max(1));
    match harm {
        Harm::Flip(at) => {
            let at = place(at);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (at % 8);
            }
        }
        Harm::Cut(at) => bytes.truncate(place(at)),
        Harm::Overwrite(at, with) => {
            let at = place(at).min(end);
            let count = with.len().min(end - at);
            bytes[at..at + count].copy_from_slice(&with[..count]);
        }
        Harm::Append(more) => bytes.extend(more),
        Harm::Remove(at, count) => {
            let at = place(at).min(end);
            bytes.drain(at..(at + count).min(end));
        }
    }
}

/// A log of some segments, as it was killed and as it was closed; and its rooms with their events.
struct Template {
    killed: TempDir,
    closed: TempDir,
    rooms: Vec<(&'static str, Cursor, Vec<(u64, String)>)>,
}

const ROOMS: [&str; 4] = ["a", "b", "quiet", "once"];

fn with() -> With {
    With {
        segment: 4096,
        fsync: Fsync::Always,
        keep: Keep { size: 20, ttl: Duration::ZERO },
        ..With::default()
    }
}

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let closed = tempfile::tempdir().unwrap();
    let house = House::open(closed.path(), with());
    house.publish("once", "once");
    for n in 0..60 {
        house.publish("a", &n.to_string());
        house.put(&["a", "b"], &format!("both {n}"));
        if n % 10 == 0 {
            house.publish("quiet", &n.to_string());
        }
    }
    house.publish("b", "last");
    let killed = house.killed();
    let rooms = ROOMS.iter().map(|room| (*room, house.cursor(room), house.replay(room))).collect();
    house.log.close();
    Template { killed, closed, rooms }
});

/// Opens what is in `folder`, and sees that what is found there was written; answers the notices, and the room's cursors.
fn open(folder: &Path) -> (Vec<Notice>, Vec<Option<Cursor>>) {
    let house = House::open(folder, with());
    let written = |room: &str, event: &(u64, String)| {
        // What was pushed out may be back: the texts tell whether it was there at all.
        let known = TEMPLATE.rooms.iter().find(|(name, ..)| *name == room);
        let (_, cursor, kept) = known.unwrap_or_else(|| panic!("a room {room:?} that nobody made"));
        kept.contains(event)
            || (event.0 <= cursor.offset && !kept.iter().any(|(offset, _)| *offset == event.0))
    };
    let rooms: Vec<String> = house.hall.rooms.lock().keys().cloned().collect();
    for room in &rooms {
        for event in house.replay(room) {
            assert!(written(room, &event), "{room}: {event:?} was never written");
        }
    }
    let cursors = ROOMS.iter().map(|name| rooms.iter().any(|r| r == name).then(|| house.cursor(name)));
    (house.notices.clone(), cursors.collect())
}

fn harmed(folder: &TempDir, harms: &[(Index, Harm)]) -> TempDir {
    let other = copy(folder.path());
    let mut files: Vec<_> = fs::read_dir(other.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    for (file, harm) in harms {
        let path = &files[file.index(files.len())];
        let mut bytes = fs::read(path).unwrap();
        do_harm(harm, &mut bytes);
        fs::write(path, bytes).unwrap();
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn harm_to_a_log_that_was_closed_is_always_seen(harms in prop::collection::vec((any::<Index>(), harm()), 0..4)) {
        let folder = harmed(&TEMPLATE.closed, &harms);
        let (notices, cursors) = open(folder.path());
        for ((room, before, _), now) in TEMPLATE.rooms.iter().zip(cursors) {
            // A place that was given must not be given again in the same life of the room.
            let holds = now.is_none_or(|now| now.epoch != before.epoch || now.offset == before.offset);
            prop_assert!(holds, "{room}: {now:?}, and was {before:?}: {notices:?}");
            prop_assert!(now == Some(*before) || !notices.is_empty(), "{room}: {now:?}, and nothing was said");
        }
    }

    #[test]
    fn harm_to_a_log_that_was_killed_takes_an_end_or_is_seen(harms in prop::collection::vec((any::<Index>(), harm()), 0..4)) {
        let folder = harmed(&TEMPLATE.killed, &harms);
        let (notices, cursors) = open(folder.path());
        // An end that is missing cannot be told from one that was never written.
        let shortened = harms.iter().any(|(_, harm)| !matches!(harm, Harm::Append(_)));
        for ((room, before, _), now) in TEMPLATE.rooms.iter().zip(cursors) {
            let holds = now.is_some_and(|now| now == *before) || shortened || !notices.is_empty();
            prop_assert!(holds, "{room}: {now:?}, and was {before:?}: {notices:?}");
        }
    }
}
