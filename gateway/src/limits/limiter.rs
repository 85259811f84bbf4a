//! A meter for each party of a kind.

use std::hash::{BuildHasher, Hash};

use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Meter, Moment, Rule, Verdict};
use crate::metrics::Metrics;

/// Parties are spread over so many tables, so that threads seldom wait for each other.
const TABLES: usize = 16;
/// Parties of one table at most.
const MOST: usize = 4096;

type Table<K> = HashMap<K, Meter, foldhash::fast::RandomState>;

/// See the module's documentation. It knows at most 65,536 parties at once. Beyond that it forgets: the quiet ones,
/// which is nothing lost, and where few are, all of a table; who has used up its share may then begin anew, which is
/// better than refusing whoever comes next.
#[derive(Debug)]
pub struct Limiter<K> {
    /// What it is called where refusals are counted.
    name: &'static str,
    rule: ArcSwap<Option<Rule>>,
    hasher: foldhash::fast::RandomState,
    tables: [Mutex<Table<K>>; TABLES],
    metrics: Arc<Metrics>,
}

impl<K: Hash + Eq> Limiter<K> {
    /// One that keeps `rule` for each party; without a rule it lets everything pass.
    pub fn new(name: &'static str, rule: Option<Rule>, metrics: Arc<Metrics>) -> Self {
        let tables = std::array::from_fn(|_| Mutex::default());
        let hasher = foldhash::fast::RandomState::default();
        metrics.limited.know(name);
        Self { name, rule: ArcSwap::from_pointee(rule), hasher, tables, metrics }
    }

    /// From now on `rule` is kept; what parties have used of the former one counts on.
    pub fn set(&self, rule: Option<Rule>) {
        self.rule.store(Arc::new(rule));
    }

    /// `party` uses `cost` of what it may, where there is so much left; none where there is no limit. In a dry run
    /// everything passes, and what would not have is counted all the same.
    pub fn take(&self, party: K, cost: u32, now: Moment) -> Option<Verdict> {
        let rule = self.rule.load();
        let rule = (**rule).as_ref()?;
        let mut verdict = self.meter(party, rule, cost, now);
        if !verdict.passes() {
            self.metrics.limited.count(self.name);
            if rule.dry_run {
                verdict.retry_after = None;
            }
        }
        Some(verdict)
    }

    fn meter(&self, party: K, rule: &Rule, cost: u32, now: Moment) -> Verdict {
        let table = self.hasher.hash_one(&party) as usize % TABLES;
        let mut table = self.tables[table].lock();
        if let Some(meter) = table.get_mut(&party) {
            return meter.take(rule, cost, now);
        }
        if table.len() >= MOST {
            table.retain(|_, meter| !meter.is_quiet(rule, now));
            // Looking costs as much as there are: it has to be worth it.
            if table.len() > MOST / 4 * 3 {
                table.clear();
            }
        }
        table.entry(party).or_default().take(rule, cost, now)
    }

    /// Parties that it knows.
    pub fn len(&self) -> usize {
        self.tables.iter().map(|table| table.lock().len()).sum()
    }

    /// Whether it knows no party.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets who has been quiet, so that memory of a rush goes back.
    pub fn forget_quiet(&self, now: Moment) {
        let rule = self.rule.load();
        let Some(rule) = &**rule else { return };
        for table in &self.tables {
            let mut table = table.lock();
            table.retain(|_, meter| !meter.is_quiet(rule, now));
            if table.len() * 4 < table.capacity() {
                table.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::limits::Window;
    use crate::units::Rate;

    const SECOND: u64 = 1_000_000_000;

    fn of<K: Hash + Eq>(rule: Option<Rule>) -> Limiter<K> {
        Limiter::new("test", rule, Metrics::new(1))
    }

    fn refused<K>(limiter: &Limiter<K>) -> u64 {
        limiter.metrics.limited.sum()
    }

    fn limiter<K: Hash + Eq>(count: u32, window: Window, dry_run: bool) -> Limiter<K> {
        of(Rule::new(Rate::per_second(count), 0, window, dry_run))
    }

    fn passes<K: Hash + Eq>(limiter: &Limiter<K>, party: K, now: u64) -> bool {
        limiter.take(party, 1, Moment(now)).is_none_or(|verdict| verdict.passes())
    }

    /// Attempts of so many threads at four times the rate over 60 seconds of a clock that moves with each of them.
    fn admitted(threads: u64, window: Window) -> f64 {
        let (limiter, clock, passed) = (limiter(1000, window, false), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let now = clock.fetch_add(SECOND / 4000, Ordering::Relaxed);
                        if now >= 60 * SECOND {
                            return;
                        }
                        passed.fetch_add(u64::from(passes(&limiter, "party", now)), Ordering::Relaxed);
                    }
                });
            }
        });
        passed.into_inner() as f64 / 60.0
    }

    #[test]
    fn the_rate_is_kept_within_two_per_cent_from_one_to_eight_threads() {
        for window in [Window::Sliding, Window::Bucket] {
            for threads in [1, 2, 4, 8] {
                let rate = admitted(threads, window);
                // The first burst comes on top of a minute's share.
                assert!((rate / 1000.0 - 1.0).abs() < 0.02, "{threads} threads, {window:?}: {rate} a second");
            }
        }
    }

    #[test]
    fn parties_have_their_own_shares() {
        let limiter = limiter(1, Window::Bucket, false);
        assert!(passes(&limiter, "a", 0));
        assert!(!passes(&limiter, "a", 0));
        assert!(passes(&limiter, "b", 0));
        assert_eq!(refused(&limiter), 1);
    }

    #[test]
    fn a_dry_run_counts_and_refuses_nothing() {
        let limiter = limiter(1, Window::Sliding, true);
        assert!((0..10).all(|_| passes(&limiter, "a", 0)));
        assert_eq!(refused(&limiter), 9);
    }

    #[test]
    fn without_a_rule_nobody_is_known_and_all_passes() {
        let limiter = of(None);
        assert!(limiter.take("a", 1, Moment(0)).is_none());
        assert!(limiter.is_empty());
    }

    #[test]
    fn a_flood_of_parties_takes_bounded_memory() {
        let limiter = limiter(1, Window::Bucket, false);
        for party in 0..200_000_u32 {
            limiter.take(party, 1, Moment(0));
        }
        assert!(limiter.len() <= TABLES * MOST, "{}", limiter.len());
        limiter.forget_quiet(Moment(2 * SECOND));
        assert!(limiter.is_empty());
    }
}
