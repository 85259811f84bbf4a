//! What one party has used of a rule.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{Rule, Verdict, Window};

/// Nanoseconds by a clock of the process' own that never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

/// Tells the time of meters.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

/// What the clock shows first, in nanoseconds: so late that other nodes' windows, which may have begun long before this
/// process, begin at a moment that it can name.
const FIRST: u64 = 1 << 60;

impl Clock {
    /// Now.
    pub fn now() -> Moment {
        static BEGUN: OnceLock<Instant> = OnceLock::new();
        let begun = *BEGUN.get_or_init(Instant::now);
        Moment(FIRST + u64::try_from(begun.elapsed().as_nanos()).unwrap_or(FIRST))
    }
}

/// Sixteen bytes; a new one has used nothing. When its rule is replaced by another, what was used counts on.
///
/// As a sliding window it counts what was used in this stretch of time and in the one before, of which it takes the
/// share that the window still covers. As a bucket it is the time at which all is back (GCRA, ITU-T I.371).
///
/// Who asks for more at once than the rule ever allows gets it where nothing is used, and owes the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Nanoseconds of the clock. Sliding: when this stretch of time began. Bucket: when all is back.
    pub(super) at: u64,
    /// Sliding: used in the stretch before.
    pub(super) before: u32,
    /// Sliding: used in this stretch.
    pub(super) used: u32,
}

impl Meter {
    /// Uses `cost` where there is so much left. Time that seems to go back, as other threads' may, stands still.
    pub fn take(&mut self, rule: &Rule, cost: u32, now: Moment) -> Verdict {
        match rule.window {
            Window::Sliding => self.slide(rule, cost, now.0),
            Window::Bucket => self.drip(rule, cost, now.0),
        }
    }

    /// Takes back a use of `cost` that came to nothing.
    pub fn give_back(&mut self, rule: &Rule, cost: u32) {
        match rule.window {
            Window::Sliding => self.used = self.used.saturating_sub(cost),
            Window::Bucket => self.at = self.at.saturating_sub(rule.time_of(cost)),
        }
    }

    /// Uses `cost`, whether there is so much left or not: others have allowed it.
    pub(super) fn charge(&mut self, rule: &Rule, cost: u32, now: Moment) {
        match rule.window {
            Window::Sliding => {
                self.move_on(rule, now.0);
                self.used = self.used.saturating_add(cost);
            }
            Window::Bucket => self.at = self.at.max(now.0).saturating_add(rule.time_of(cost)),
        }
    }

    /// Whether it says no more than a new one would, by rules whose time is `longest` nanoseconds at most.
    pub fn is_quiet(&self, longest: u64, now: Moment) -> bool {
        self.at.saturating_add(longest.saturating_mul(2)) <= now.0
    }

    /// Begins another stretch where this one is over. Answers the time within it.
    fn move_on(&mut self, rule: &Rule, now: u64) -> u64 {
        let gone = now.saturating_sub(self.at);
        if gone < rule.span {
            return gone;
        }
        let stretches = gone / rule.span;
        self.before = if stretches == 1 { self.used } else { 0 };
        self.used = 0;
        self.at += stretches * rule.span;
        gone % rule.span
    }

    fn slide(&mut self, rule: &Rule, cost: u32, now: u64) -> Verdict {
        let gone = self.move_on(rule, now);
        let left = rule.capacity.saturating_sub(self.covered(rule.span, gone));
        let least = cost.min(rule.capacity);
        let passes = least <= left;
        let retry_after = (!passes).then(|| self.wait(rule, least, gone));
        if passes {
            self.used = self.used.saturating_add(cost);
        }
        let reset = match (self.used, self.before) {
            (0, 0) => 0,
            (0, _) => rule.span - gone,
            _ => rule.span - gone + rule.span,
        };
        let remaining = if passes { left.saturating_sub(cost) } else { left };
        Verdict { limit: rule.capacity, remaining, reset: Duration::from_nanos(reset), retry_after }
    }

    /// What counts `gone` nanoseconds into this stretch. Rounded down, so that on the long run the whole rate passes.
    fn covered(&self, span: u64, gone: u64) -> u32 {
        let share = u128::from(self.before) * u128::from(span - gone);
        let before = (share / u128::from(span)) as u32; // at most `before`
        self.used.saturating_add(before)
    }

    /// How long until `cost` could pass if nothing else did.
    fn wait(&self, rule: &Rule, cost: u32, gone: u64) -> Duration {
        // What may still count of a stretch before, for `cost` to pass beside what counts of this one.
        let fade = |before: u32, beside: u32| {
            let allowed = rule.capacity.saturating_sub(beside).saturating_sub(cost);
            if before <= allowed {
                return 0;
            }
            let excess = u128::from(before - allowed - 1) * u128::from(rule.span);
            (excess / u128::from(before)) as u64 + 1 // into its stretch; at most a span
        };
        let until = if self.used.saturating_add(cost) <= rule.capacity {
            fade(self.before, self.used)
        } else {
            rule.span.saturating_add(fade(self.used, 0))
        };
        Duration::from_nanos(until.saturating_sub(gone))
    }

    fn drip(&mut self, rule: &Rule, cost: u32, now: u64) -> Verdict {
        let back = self.at.max(now);
        let least = back.saturating_add(rule.time_of(cost.min(rule.capacity)));
        let over = (least - now).saturating_sub(rule.span);
        if over == 0 {
            self.at = back.saturating_add(rule.time_of(cost));
        }
        let owed = self.at.saturating_sub(now);
        let spare = u128::from(rule.span - owed.min(rule.span)) * u128::from(rule.capacity);
        Verdict {
            limit: rule.capacity,
            remaining: (spare / u128::from(rule.span)) as u32, // at most the capacity
            reset: Duration::from_nanos(owed),
            retry_after: (over > 0).then(|| Duration::from_nanos(over)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Rate;

    const SECOND: u64 = 1_000_000_000;

    fn rule(count: u32, burst: u32, window: Window) -> Rule {
        Rule::new(Rate::per_second(count), burst, window, false).unwrap()
    }

    fn windows() -> impl Strategy<Value = Window> {
        prop_oneof![Just(Window::Sliding), Just(Window::Bucket)]
    }

    proptest! {
        #[test]
        fn no_more_pass_than_the_rate_and_one_burst(
            count in 1_u32..2000, burst in 0_u32..500, window in windows(),
            steps in prop::collection::vec(0_u64..SECOND / 20, 1..400),
        ) {
            let rule = rule(count, burst, window);
            let (mut meter, mut now, mut passed) = (Meter::default(), 0, 0_u64);
            for step in &steps {
                now += step;
                passed += u64::from(meter.take(&rule, 1, Moment(now)).passes());
            }
            let at_rate = u128::from(now) * u128::from(count) / u128::from(SECOND);
            prop_assert!(u128::from(passed) <= at_rate + u128::from(rule.capacity) + 1);
        }

        #[test]
        fn under_pressure_the_rate_is_kept_within_two_per_cent(
            count in 50_u32..2000, burst in 50_u32..200, window in windows(), pressure in 2_u64..6,
        ) {
            let rule = rule(count, burst, window);
            let (mut meter, mut passed) = (Meter::default(), 0_u64);
            let step = SECOND / (u64::from(count) * pressure);
            // Long after the first burst, over many windows.
            let (from, until) = (10 * rule.span, 40 * rule.span);
            let mut now = 0;
            while now < until {
                let passes = meter.take(&rule, 1, Moment(now)).passes();
                passed += u64::from(passes && now >= from);
                now += step;
            }
            let expected = (until - from) as f64 * f64::from(count) / SECOND as f64;
            prop_assert!((passed as f64 / expected - 1.0).abs() < 0.02, "{passed} of {expected}");
        }

        #[test]
        fn who_waits_as_long_as_it_is_told_passes(
            count in 1_u32..1000, burst in 0_u32..100, window in windows(), cost in 1_u32..5,
            steps in prop::collection::vec(0_u64..SECOND / 100, 1..300),
        ) {
            let rule = rule(count, burst, window);
            prop_assume!(cost <= rule.capacity);
            let (mut meter, mut now) = (Meter::default(), 0);
            for step in steps {
                now += step;
                let verdict = meter.take(&rule, cost, Moment(now));
                prop_assert!(verdict.remaining <= verdict.limit);
                if let Some(wait) = verdict.retry_after {
                    now += wait.as_nanos() as u64;
                    let verdict = meter.take(&rule, cost, Moment(now));
                    prop_assert!(verdict.passes(), "told {wait:?}, then {verdict:?}");
                }
            }
        }

        #[test]
        fn after_its_reset_a_meter_is_as_a_new_one(
            count in 1_u32..1000, window in windows(), uses in 1_u32..50,
        ) {
            let rule = rule(count, 0, window);
            let mut meter = Meter::default();
            let reset = (0..uses).map(|_| meter.take(&rule, 1, Moment(7)).reset).last().unwrap_or_default();
            let later = Moment(8 + reset.as_nanos() as u64);
            prop_assert_eq!(meter.take(&rule, 0, later).remaining, rule.capacity);
        }
    }

    #[test]
    fn a_sliding_window_lets_no_stretch_have_more_than_the_burst() {
        let rule = rule(100, 0, Window::Sliding);
        let mut meter = Meter::default();
        let mut take = |ms: u64| meter.take(&rule, 1, Moment(ms * 1_000_000)).passes();
        assert!((0..100).all(|_| take(999)), "the whole limit at the end of one second");
        assert!(!take(1000), "and nothing at the beginning of the next");
        assert_eq!((1001..=1100).filter(|ms| take(*ms)).count(), 10, "then at the rate");
    }

    #[test]
    fn time_that_goes_back_gives_nothing_back() {
        for window in [Window::Sliding, Window::Bucket] {
            let rule = rule(10, 0, window);
            let mut meter = Meter::default();
            assert!((0..10).all(|_| meter.take(&rule, 1, Moment(5 * SECOND)).passes()));
            assert!(!meter.take(&rule, 1, Moment(SECOND)).passes());
        }
    }
}
