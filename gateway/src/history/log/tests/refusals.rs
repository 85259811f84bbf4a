//! What cannot be opened is refused, with the file and what was found there.

use super::*;

fn refusal(folder: &Path) -> OpenError {
    let (error, ..) = match Log::<Publish>::open(With::default().settings(folder)) {
        Err(error) => (error,),
        Ok(_) => panic!("it was opened"),
    };
    let text = error.to_string();
    assert!(text.starts_with(&folder.display().to_string()), "{text} should name the file");
    error
}

/// A log of two segments.
fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With { segment: 4096, ..With::default() });
    house.fill("a", (0..20).map(|_| "x".repeat(200)));
    house.log.close();
    assert!(segment(folder.path(), 2).exists());
    folder
}

#[test]
fn one_process_has_a_log_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), With::default());
    assert!(matches!(refusal(folder.path()), OpenError::Held(_)));
    house.log.close();
    let again = House::open(folder.path(), With::default());
    again.publish("a", "0");
}

#[test]
fn a_place_where_nothing_can_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refusal(&file).to_string();
    assert!(error.contains("cannot be made"), "{error}");
    let error = refusal(Path::new("/sys/kernel")).to_string(); // nobody may make files there
    assert!(error.starts_with("/sys/kernel/lock: cannot be made: "), "{error}");
}

#[test]
fn a_segment_that_is_no_segment_of_this_log_is_refused() {
    let (folder, other) = (filled(), filled());
    let path = segment(folder.path(), 2);
    let whole = fs::read(&path).unwrap();
    let later = [&whole[..8], &2_u32.to_le_bytes(), &whole[12..]].concat();
    for (bytes, said) in [
        (b"Dear diary, today I wrote a log about a gateway.".to_vec(), "not a segment of a log"),
        (later, "format 2; this version reads and writes format 1"),
        (fs::read(segment(other.path(), 2)).unwrap(), "belongs to another log"),
        (fs::read(segment(folder.path(), 1)).unwrap(), "holds the segment 1 under the name of another"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = refusal(folder.path()).to_string();
        assert!(error.starts_with(&path.display().to_string()) && error.contains(said), "{error}");
    }
    fs::write(&path, whole).unwrap();
    fs::write(segment(folder.path(), 1), "").unwrap();
    assert!(refusal(folder.path()).to_string().contains("empty, and there are later segments"));
}

#[test]
fn a_refusal_changes_nothing() {
    let folder = filled();
    fs::write(segment(folder.path(), 2), "Dear diary, today I wrote a log about a gateway.").unwrap();
    let read = || {
        let names = ["state", "0000000000000001.log", "0000000000000002.log"];
        names.map(|name| fs::read(folder.path().join(name)).unwrap())
    };
    let before = read();
    refusal(folder.path());
    assert_eq!(read(), before);
}

#[test]
fn another_versions_state_is_refused() {
    let folder = filled();
    let path = folder.path().join("state");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("format = 1", "format = 9")).unwrap();
    assert!(matches!(refusal(folder.path()), OpenError::Version { found, .. } if found == "9"));
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = filled();
    let mine = folder.path().join("README");
    fs::write(&mine, "mine").unwrap();
    let house = House::open(folder.path(), With::default());
    assert_eq!(house.replay("a").len(), 20);
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
}
