use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, Durability::Os).unwrap()
}

fn run(store: &Embedded, op: Op<'_>) -> Outcome {
    store.run(&[op], soon()).unwrap().remove(0)
}

fn put(key: &'static str, value: &'static str, expect: Expect) -> Op<'static> {
    Op::Put { space: "a", key, value: value.as_bytes(), expect, ttl: None }
}

fn written(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Written(revision) => *revision,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_put_happens_only_over_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = written(&run(&store, put("k", "1", Expect::Absent)));
    assert_eq!(run(&store, put("k", "2", Expect::Absent)), Outcome::Conflict(first));
    assert_eq!(run(&store, put("k", "2", Expect::Revision(first + 1))), Outcome::Conflict(first));
    let second = written(&run(&store, put("k", "2", Expect::Revision(first))));
    assert!(second > first);
    let stale = Op::Delete { space: "a", key: "k", expect: Expect::Revision(first) };
    assert_eq!(run(&store, stale), Outcome::Conflict(second));
    let right = Op::Delete { space: "a", key: "k", expect: Expect::Revision(second) };
    assert_eq!(run(&store, right), Outcome::Deleted);
    assert_eq!(run(&store, right), Outcome::Missing);
    assert_eq!(run(&store, put("k", "3", Expect::Revision(second))), Outcome::Conflict(0));
}

#[test]
fn revisions_only_grow_over_deletes_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let store = open(folder.path());
        for _ in 0..10 {
            let revision = written(&run(&store, put("k", "v", Expect::Any)));
            assert!(revision > last);
            last = revision;
            run(&store, Op::Delete { space: "a", key: "k", expect: Expect::Any });
        }
    }
}

#[test]
fn a_list_goes_by_key_order_in_pages_and_stays_in_its_space() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (space, key) in [("a", "x/2"), ("a", "x/1"), ("a", "x/3"), ("a", "y"), ("ab", "x/0"), ("b", "x/9")] {
        run(&store, Op::Put { space, key, value: b"v", expect: Expect::Any, ttl: None });
    }
    let page = |after, limit| match run(&store, Op::List { space: "a", prefix: "x/", after, limit }) {
        Outcome::Listed(entries, more) => {
            (entries.iter().map(|e| e.key.to_string()).collect::<Vec<_>>().join(" "), more)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(page("", 2), ("x/1 x/2".into(), true));
    assert_eq!(page("x/2", 2), ("x/3".into(), false));
    assert_eq!(page("x/3", 2), (String::new(), false));
    assert_eq!(page("a", 10), ("x/1 x/2 x/3".into(), false));
}

#[test]
fn what_is_past_its_time_is_gone_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let ttl = Some(Duration::from_millis(1));
    run(&store, Op::Put { space: "a", key: "brief", value: b"v", expect: Expect::Any, ttl });
    run(&store, put("lasting", "v", Expect::Any));
    let later = now_ms() + 2;
    while now_ms() < later {
        std::thread::yield_now();
    }
    assert_eq!(run(&store, Op::Get { space: "a", key: "brief" }), Outcome::Missing);
    assert_eq!(run(&store, put("brief", "again", Expect::Revision(1))), Outcome::Conflict(0));
    store.inner.forget(now_ms()).unwrap();
    assert_eq!(store.inner.expiry.iter().count(), 0);
    assert_eq!(store.inner.values.iter().count(), 1);
}

#[test]
fn limits_are_refused_with_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let long = "k".repeat(LONGEST_KEY + 1);
    let large = vec![0; LARGEST_VALUE + 1];
    for op in [
        Op::Get { space: "a", key: "" },
        Op::Get { space: "a", key: &long },
        Op::Put { space: "a", key: "k", value: &large, expect: Expect::Any, ttl: None },
        Op::List { space: "a", prefix: "", after: "", limit: 0 },
        Op::List { space: "a", prefix: "", after: "", limit: LONGEST_LIST + 1 },
    ] {
        assert!(matches!(store.run(&[op], soon()), Err(StoreError::Invalid(_))), "{op:?}");
    }
    assert!(matches!(store.run(&[put("k", "v", Expect::Any)], Instant::now()), Err(StoreError::Timeout)));
}

#[test]
fn writers_of_one_key_never_overwrite_each_other_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), Durability::Always).unwrap();
    run(&store, put("n", "0", Expect::Absent));
    let add = || loop {
        let Outcome::Found(entry) = run(&store, Op::Get { space: "a", key: "n" }) else { panic!() };
        let next: u64 = std::str::from_utf8(&entry.value).unwrap().parse::<u64>().unwrap() + 1;
        let (value, expect) = (next.to_string(), Expect::Revision(entry.revision));
        let op = Op::Put { space: "a", key: "n", value: value.as_bytes(), expect, ttl: None };
        if matches!(run(&store, op), Outcome::Written(_)) {
            return;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10).for_each(|_| add()));
        }
    });
    let Outcome::Found(entry) = run(&store, Op::Get { space: "a", key: "n" }) else { panic!() };
    assert_eq!(&*entry.value, b"80");
}
