use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Answers what it is told to; `None` hangs.
#[derive(Default)]
struct Fake {
    known: Mutex<Option<Report>>,
    answer: Mutex<Option<Report>>,
    checks: AtomicUsize,
}

impl Part for Fake {
    fn look(&self) -> Option<Report> {
        self.known.lock().clone()
    }

    fn check(self: Arc<Self>) -> Checking {
        Box::pin(async move {
            self.checks.fetch_add(1, Ordering::Relaxed);
            let answer = self.answer.lock().clone();
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

/// Panics when it is checked.
struct Broken;

impl Part for Broken {
    fn look(&self) -> Option<Report> {
        None
    }

    fn check(self: Arc<Self>) -> Checking {
        Box::pin(async { panic!("on purpose") })
    }
}

fn healthy() -> Report {
    Report::healthy(Map::new())
}

type Changes = Arc<Mutex<Vec<Change>>>;

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(5);

fn house(parts: &[(&str, &Arc<Fake>)], every: Duration, patience: Duration) -> (Arc<Health>, Changes) {
    let changes = Changes::default();
    let told = Arc::clone(&changes);
    let entry = |(name, part): &(&str, &Arc<Fake>)| Entry {
        name: (*name).into(),
        critical: false,
        part: Arc::clone(part) as _,
        record: Mutex::default(),
    };
    let health = Health {
        parts: parts.iter().map(entry).collect(),
        tell: Box::new(move |change| told.lock().push(change.clone())),
        times: Times { every, patience },
    };
    (Arc::new(health), changes)
}

fn status(health: &Health, name: &str) -> Status {
    health.component(name).unwrap().status
}

async fn until(seen: impl Fn() -> bool) {
    while !seen() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn one_that_hangs_is_unhealthy_when_its_time_is_up() {
    let (hangs, works) = (Arc::new(Fake::default()), Arc::new(Fake::default()));
    *works.answer.lock() = Some(healthy());
    let (health, _) = house(&[("hangs", &hangs), ("works", &works)], NEVER, SOON);
    health.check().await;
    assert_eq!(status(&health, "works"), Status::Healthy);
    let hung = health.component("hangs").unwrap();
    assert_eq!((hung.status, &*hung.reason), (Status::Unhealthy, "no answer within 5ms"));
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_other() {
    let (hangs, works) = (Arc::new(Fake::default()), Arc::new(Fake::default()));
    *works.answer.lock() = Some(healthy());
    let (health, _) = house(&[("hangs", &hangs), ("works", &works)], NEVER, NEVER);
    let ours = Arc::clone(&health);
    let checking = tokio::spawn(async move { ours.check().await });
    until(|| status(&health, "works") == Status::Healthy).await;
    assert_eq!(status(&health, "hangs"), Status::Unknown);
    checking.abort();
}

#[tokio::test]
async fn a_check_that_panics_is_that_parts_alone() {
    let health = Health::new([("broken".into(), true, Arc::new(Broken) as _)], Box::new(|_| {}));
    health.check().await;
    assert_eq!(health.component("broken").unwrap().details["error"], "its check panicked");
    assert!(health.component("other").is_none());
}

#[tokio::test]
async fn parts_are_checked_again_and_again() {
    let part = Arc::new(Fake::default());
    *part.answer.lock() = Some(healthy());
    let (health, changes) = house(&[("part", &part)], SOON, NEVER);
    let watching = tokio::spawn(Arc::clone(&health).watch(Arc::default()));
    until(|| part.checks.load(Ordering::Relaxed) >= 3).await;
    assert!(changes.lock().is_empty());
    *part.answer.lock() = Some(Report::unhealthy("x"));
    until(|| !changes.lock().is_empty()).await;
    let change = changes.lock()[0].clone();
    assert_eq!((change.old_status, change.new_status), (Status::Healthy, Status::Unhealthy));
    watching.abort();
}

#[tokio::test]
async fn what_is_known_shows_at_once_to_who_asks_and_is_told_when_something_changed() {
    let part = Arc::new(Fake::default());
    *part.answer.lock() = Some(healthy());
    *part.known.lock() = Some(healthy());
    let (health, changes) = house(&[("part", &part)], NEVER, NEVER);
    let changed = Arc::new(Notify::new());
    let watching = tokio::spawn(Arc::clone(&health).watch(Arc::clone(&changed)));
    until(|| part.checks.load(Ordering::Relaxed) == 1).await;
    *part.known.lock() = Some(Report::unhealthy("stopped"));
    assert_eq!(status(&health, "part"), Status::Unhealthy);
    assert_eq!(changes.lock().len(), 1);
    *part.known.lock() = Some(healthy());
    changed.notify_one(); // nobody asks, and no check is due
    until(|| changes.lock().len() == 2).await;
    watching.abort();
}
