//! From create to destroy: what fails says why, what is stopped is out of every callback, nothing is left behind.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod probe;

use std::sync::{Arc, Mutex};

use probe::{Probe, start};
use serde_json::json;
use tidegate_plugin::testing::TestHost;
use tidegate_plugin::{Event, Host, Manifest, Plugin, Result, Status, abi};

#[test]
fn an_instance_that_cannot_start_says_why_and_can_be_destroyed() {
    let refused = |config| TestHost::of::<Probe>().config(config).start().map(drop).unwrap_err();
    assert_eq!(refused(json!({"fail_in": "start"})), "INTERNAL: on purpose");
    assert_eq!(refused(json!({"fail_in": "declare"})), "INVALID: declare: on purpose");
    let error = refused(json!({"fail_in": 7}));
    assert!(error.starts_with("INVALID: configuration: invalid type: integer `7`"), "{error}");
}

#[test]
fn awaiting_a_confirmation_in_start_is_an_error_and_not_a_hang() {
    let error = TestHost::of::<Probe>().config(json!({"fail_in": "start_publish"})).start().unwrap_err();
    assert!(error.contains("spawn a task"), "{error}");
}

#[test]
fn two_instances_of_one_library_live_beside_each_other() {
    let one = TestHost::of::<Probe>().name("one").start().unwrap();
    let two = TestHost::of::<Probe>().name("two").start().unwrap();
    assert!(one.call("try_publish", &()).success);
    assert_eq!(one.events()[0].source, "one");
    one.stop();
    assert!(two.call("try_publish", &()).success);
    assert_eq!(two.stop().events[0].source, "two");
}

#[test]
fn stop_waits_for_what_is_running_and_then_for_the_plugin() {
    let host = start(json!({}));
    let slow = host.begin_call("slow", &());
    let number = slow.number();
    assert!(number > 0);
    let stopped = host.stop();
    assert!(stopped.log.iter().any(|line| line.message == "stopped by the book"));
}

#[test]
fn a_state_that_a_predecessor_left_is_there_at_start() {
    let old = start(json!({}));
    let state = old.pause().unwrap();
    assert!(old.unpause().is_ok());
    old.stop();
    let new = TestHost::of::<Probe>().restore(state).start().unwrap();
    assert_eq!(new.health()["details"]["restored"], 5);
    new.stop();
}

#[test]
fn what_a_plugin_stores_is_there_for_the_next_instance() {
    let store = tidegate_plugin::testing::StoreContent::default().with_of("other", "shared/x", "theirs");
    let host = TestHost::of::<Probe>().store(store).start().unwrap();
    let answer = host.call("store", &());
    assert!(answer.success, "{}", answer.message);
    assert_eq!(host.call("store_conflict", &()).message, "store: put 'k': CONFLICT");
    let left = host.stop().store;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["a/1", "a/2"]);
    assert_eq!(left.get("a/1").unwrap(), "2");
}

#[test]
fn a_lease_is_held_once_told_of_when_lost_and_given_up_when_dropped() {
    let host = start(json!({}));
    assert_eq!(host.call("lease", &()).data, 1);
    let waits = host.begin_call("lease_state", &true);
    host.lose_leases();
    assert_eq!(waits.answer().data, false);
    assert_eq!(host.call("lease", &()).data, 2);
    assert_eq!(host.call("lease_state", &()).data, true);
    // Given up by dropping, a moment later.
    while !host.call("lease", &()).success {}
    host.stop();
}

#[test]
fn sessions_log_metrics_and_clock_answer() {
    let host = start(json!({}));
    let session = host.open_session("ws_1", Some("u"));
    assert_eq!(host.call("sessions", &()).data, 1);
    assert_eq!(host.commands(session), ["join r", "send said 5", "leave r", "close 1008 enough"]);
    let before = host.call("tools", &()).data.as_i64().unwrap();
    host.advance_clock(std::time::Duration::from_secs(3600));
    let after = host.call("tools", &()).data.as_i64().unwrap();
    assert!(after - before >= 3_600_000);
    assert_eq!(host.metric("made{kind=\"a\"}"), Some(10));
    assert_eq!((host.metric("level"), host.metric("took")), (Some(-4), Some(2)));
    let line = host.log().into_iter().find(|line| line.message == "a line").unwrap();
    assert_eq!((line.level, line.fields), (4, vec![("agent".into(), "a1".into())]));
    host.stop();
}

/// Gives its host away, so that tests can use it on threads of their own and after the instance's end.
struct Leaky;

static HOSTS: Mutex<Vec<Host>> = Mutex::new(Vec::new());

/// The instance of that name, and its host.
fn leaky(name: &str) -> (TestHost, Host) {
    let test = TestHost::of::<Leaky>().name(name).start().unwrap();
    let mut hosts = HOSTS.lock().unwrap();
    let at = hosts.iter().position(|host| host.name() == name).unwrap();
    (test, hosts.remove(at))
}

impl Plugin for Leaky {
    type Config = serde_json::Value;

    fn manifest() -> Manifest {
        Manifest::from_json(r#"{"events": [{"type": "said"}]}"#)
    }

    async fn start(host: Host, _: serde_json::Value) -> Result<Self> {
        HOSTS.lock().unwrap().push(host);
        Ok(Self)
    }
}

#[test]
fn a_thread_that_outlives_the_instance_finds_every_callback_closed() {
    let (test, host) = leaky("outlived");
    let threads: Vec<_> = (0..if cfg!(miri) { 3 } else { 30 })
        .map(|_| {
            let host = host.clone();
            std::thread::spawn(move || {
                loop {
                    host.log().debug("still here");
                    if let Err(error) = host.try_publish(vec![Event::new("said")]) {
                        return error.status;
                    }
                    std::thread::yield_now();
                }
            })
        })
        .collect();
    let _ = test.wait_for_events(5);
    let stopped = test.stop();
    assert!(stopped.events.len() >= 5);
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Status::CLOSED);
    }
    host.log().info("nobody hears this");
    assert_eq!(host.sessions().find("x").unwrap_err().status(), Status::CLOSED);
    assert!(host.clock().now_ms() > 0 && host.clock().monotonic().is_none());
}

#[test]
fn three_hundred_threads_publish_at_once_each_in_its_own_order() {
    let (test, host) = leaky("many");
    let threads = if cfg!(miri) { 3 } else { 300 };
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let host = &host;
            scope.spawn(move || {
                for n in 0..10 {
                    host.try_publish(vec![Event::new("said").data(&[thread, n]).unwrap()]).unwrap();
                }
            });
        }
    });
    let mut next = vec![0; threads];
    for event in test.stop().events {
        let thread = event.data[0].as_u64().unwrap() as usize;
        assert_eq!(event.data[1], next[thread]);
        next[thread] += 1;
    }
    assert!(next.iter().all(|&n| n == 10));
}

#[test]
fn a_host_that_knows_less_is_unsupported_where_it_is_used() {
    use tidegate_plugin::abi::ext;
    let all = [ext::STORE, ext::LEASE, ext::SESSIONS, ext::METRICS, ext::CLOCK, ext::LOG, ext::PUBLISH];
    let host = all.into_iter().fold(TestHost::of::<Probe>(), |setup, id| setup.without(id)).start().unwrap();
    assert_eq!(host.call("store_conflict", &()).message, "store: UNSUPPORTED");
    assert_eq!(host.call("lease", &()).message, "take the lease 'one': UNSUPPORTED");
    assert_eq!(host.call("sessions", &()).message, "UNSUPPORTED");
    assert_eq!(host.call("tools", &()).message, "UNSUPPORTED");
    assert_eq!(host.call("publish", &1).message, "publish: UNSUPPORTED");
    assert!(host.call("echo", &1).success);
    host.stop();
}

#[test]
fn a_table_that_is_not_ours_to_load_is_refused_with_the_reason() {
    let good = tidegate_plugin::table::<Probe>();
    /// Tables live as long as the process, as libraries do.
    static TABLES: Mutex<Vec<&'static abi::Plugin>> = Mutex::new(Vec::new());
    let start = |table: abi::Plugin| {
        let table = Box::leak(Box::new(table));
        TABLES.lock().unwrap().push(table);
        TestHost::of_table(table).start()
    };
    let refused = |table| start(table).map(drop).unwrap_err();
    let major = refused(abi::Plugin { abi_major: 2, abi_minor: 3, ..good });
    assert_eq!(major, "it is built for plugin ABI 2.3, this side has 1.2");
    assert!(refused(abi::Plugin { size: 24, ..good }).contains("24 bytes, ABI 1.0 has 72"));
    assert_eq!(refused(abi::Plugin { stop: None, ..good }), "its function `stop` is null");
    assert_eq!(refused(abi::Plugin { manifest: abi::Str::EMPTY, ..good }), "its manifest is empty");
    let bytes = abi::Str::bytes(b"\xff");
    assert_eq!(refused(abi::Plugin { manifest: bytes, ..good }), "its manifest is not UTF-8");
    // A later minor and a struct that went on behind ours load.
    assert!(start(abi::Plugin { abi_minor: 9, size: 1000, ..good }).is_ok());
}

#[test]
fn a_host_can_be_held_anywhere() {
    fn good<T: Send + Sync + Clone + 'static>() {}
    good::<Host>();
    good::<Arc<tidegate_plugin::Store>>();
}
