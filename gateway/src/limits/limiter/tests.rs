use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::limits::Window;
use crate::units::Rate;

const SECOND: u64 = 1_000_000_000;

impl Limiter {
    fn len(&self) -> usize {
        self.tables.iter().map(|table| table.lock().len()).sum()
    }

    fn refused(&self) -> u64 {
        self.metrics.limited.sum()
    }

    fn passes(&self, rule: &Rule, party: &str, now: u64) -> bool {
        self.take(Party::Name(party), rule, 1, Moment(now)).passes()
    }
}

fn limiter() -> Limiter {
    Limiter::new("test", &Metrics::new(1), None)
}

fn rule(count: u32, window: Window, dry_run: bool) -> Rule {
    Rule::new(Rate::per_second(count), 0, window, dry_run).unwrap()
}

/// How many pass of so many threads' attempts, which come `step` nanoseconds after each other by a clock that moves
/// with each of them, after the first burst is used up and within so many windows.
fn admitted(rule: &Rule, threads: u64, step: u64, windows: u64) -> (u64, u64) {
    let (from, until) = (2 * rule.span, (2 + windows) * rule.span);
    let (limiter, clock, passed) = (limiter(), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let now = clock.fetch_add(step, Ordering::Relaxed);
                    if now >= until {
                        return;
                    }
                    let passes = limiter.passes(rule, "party", now) && now >= from;
                    passed.fetch_add(u64::from(passes), Ordering::Relaxed);
                }
            });
        }
    });
    (passed.into_inner(), until - from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_rate_is_kept_within_two_per_cent_from_one_to_eight_threads(
        threads in 1_u64..=8, count in 100_u32..5000, burst in prop_oneof![Just(0_u32), 100_u32..1000],
        window in prop_oneof![Just(Window::Sliding), Just(Window::Bucket)], pressure in 2_u64..5,
    ) {
        let rule = Rule::new(Rate::per_second(count), burst, window, false).unwrap();
        let step = SECOND / (u64::from(count) * pressure);
        // As many windows as two thousand events need, so that one more or less is no per cent.
        let windows = (2000 / u64::from(rule.capacity)).max(20);
        let (passed, time) = admitted(&rule, threads, step, windows);
        let expected = time as f64 * f64::from(count) / SECOND as f64;
        prop_assert!((passed as f64 / expected - 1.0).abs() < 0.02, "{passed} of {expected}");
    }
}

#[test]
fn parties_have_their_own_shares() {
    let (limiter, rule) = (limiter(), rule(1, Window::Bucket, false));
    assert!(limiter.passes(&rule, "a", 0));
    assert!(!limiter.passes(&rule, "a", 0));
    assert!(limiter.passes(&rule, "b", 0));
    assert_eq!(limiter.refused(), 1);
}

#[test]
fn what_is_given_back_can_be_used_again() {
    for window in [Window::Sliding, Window::Bucket] {
        let (limiter, rule) = (limiter(), rule(1, window, false));
        assert!(limiter.passes(&rule, "a", SECOND));
        limiter.give_back(Party::Name("a"), &rule, 1);
        assert!(limiter.passes(&rule, "a", SECOND));
        assert!(!limiter.passes(&rule, "a", SECOND));
    }
}

#[test]
fn a_dry_run_counts_and_refuses_nothing() {
    let (limiter, rule) = (limiter(), rule(1, Window::Sliding, true));
    assert!((0..10).all(|_| limiter.passes(&rule, "a", 0)));
    assert_eq!(limiter.refused(), 9);
}

#[test]
fn a_flood_of_parties_takes_bounded_memory() {
    let (limiter, rule) = (limiter(), rule(1, Window::Bucket, false));
    for party in 0..200_000_u32 {
        limiter.take(Party::Name(&party.to_string()), &rule, 1, Moment(0));
    }
    assert!(limiter.len() <= TABLES * MOST, "{}", limiter.len());
    limiter.forget_quiet(rule.span, Moment(3 * SECOND));
    assert_eq!(limiter.len(), 0);
}

#[test]
fn names_of_keys_do_not_meet() {
    let name = |room, key| Party::Key { room, key }.to_string();
    assert_ne!(name("a:b", "c"), name("a", "b:c"));
}
