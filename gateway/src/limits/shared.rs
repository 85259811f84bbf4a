//! What parties use, counted together with other nodes in a Redis.
//!
//! No request waits for it. A node decides by the meters that it has, notes what it has let pass, and hands
//! that over in the background, a few milliseconds later; what it gets back is what all nodes have let pass, and
//! takes its meter's place. So a node that has not heard of a party's latest uses lets it use what the node believes
//! to be left: in a rush, for each further node, one burst at most, which all nodes then wait for. After that it is
//! the rate, and what is let pass between two exchanges: each node may be ahead by what comes back in that time.
//!
//! While Redis cannot be reached each node goes on by itself: then there is the limit at every node.

mod exchange;

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::limiter::Party;
use super::{Clock, Limits, Meter, Rule};
use crate::metrics::Metrics;
use exchange::Exchange;

pub use exchange::{BadStore, Store};

/// Parties of which something waits to be handed over, at most; what others use meanwhile counts at this node only.
const MOST: usize = 65_536;
/// Parties of one exchange at most: a script holds up the whole of Redis.
const BATCH: usize = 256;
/// Between two exchanges, so that a flood does not become one of exchanges.
const PAUSE: Duration = Duration::from_millis(2);
/// Without anything to hand over, how often it is looked whether Redis is there.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure, how long until the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// What this node has let pass and the others do not know yet.
#[derive(Debug)]
pub(super) struct Shared {
    waiting: Mutex<HashMap<Of, Use, foldhash::fast::RandomState>>,
    wake: Notify,
    metrics: Arc<Metrics>,
}

/// A party of a limiter: its hash there.
type Of = (&'static str, u64);

/// What a party has used.
#[derive(Debug)]
struct Use {
    /// Its name in the store.
    name: Box<str>,
    rule: Rule,
    /// Below zero: more was given back.
    cost: i64,
}

/// A use with the party that it is of.
type Handed = (Of, Use);

impl Shared {
    /// Nothing has been used yet, and nobody is there to hear of it.
    pub(super) fn new(metrics: &Arc<Metrics>) -> Arc<Self> {
        metrics.limit_store.set(false);
        Arc::new(Self { waiting: Mutex::default(), wake: Notify::new(), metrics: Arc::clone(metrics) })
    }

    /// A party has used something, or given it back. Under the lock of the party's meter.
    pub(super) fn note(&self, of: Of, party: Party<'_>, rule: &Rule, cost: i64) {
        if self.metrics.limit_store.get() != Some(true) {
            return;
        }
        let mut waiting = self.waiting.lock();
        if let Some(known) = waiting.get_mut(&of) {
            known.cost += cost;
        } else if waiting.len() < MOST {
            let window = rule.window.name();
            let name = format!("tidegate:limits:{}:{window}:{party}", of.0).into();
            waiting.insert(of, Use { name, rule: *rule, cost });
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// What a party has used that was not handed over yet. Under the lock of the party's meter.
    pub(super) fn waiting(&self, of: Of) -> i64 {
        self.waiting.lock().get(&of).map_or(0, |waiting| waiting.cost)
    }

    fn take(&self) -> Vec<Handed> {
        let mut waiting = self.waiting.lock();
        if waiting.len() <= BATCH {
            return waiting.drain().collect();
        }
        self.wake.notify_one();
        let some: Vec<Of> = waiting.keys().copied().take(BATCH).collect();
        some.into_iter().filter_map(|of| waiting.remove_entry(&of)).collect()
    }

    /// What is known of the store, told once when it changes.
    fn is_up(&self, up: Result<(), &redis::RedisError>) {
        let before = self.metrics.limit_store.set(up.is_ok());
        match up {
            Ok(()) if !before => tracing::info!("limits are counted together with other nodes, in Redis"),
            Err(error) if before => {
                tracing::warn!(%error, "Redis is gone: what limits allow is counted by each node for itself");
            }
            _ => {}
        }
    }
}

impl Limits {
    /// Has what is used here counted with other nodes from now on. Tries once to reach the store, so that who starts up
    /// knows; goes on trying in the background.
    pub async fn share(self: &Arc<Self>, store: Store) {
        let Some(shared) = self.shared.clone() else { return };
        let first = store.reach().await;
        if let Err(error) = &first {
            tracing::warn!(%error, "Redis is not there: what limits allow is counted by each node for itself");
        }
        tokio::spawn(Arc::clone(self).keep_sharing(shared, store, first.ok()));
    }

    async fn keep_sharing(self: Arc<Self>, shared: Arc<Shared>, store: Store, first: Option<Exchange>) {
        let mut reached = first;
        loop {
            if let Some(mut exchange) = reached.take() {
                shared.is_up(Ok(()));
                let error = self.exchange(&shared, &mut exchange).await;
                shared.is_up(Err(&error));
                // What waits was let pass by this node alone, and by the time that Redis is back it is old.
                shared.waiting.lock().clear();
            }
            tokio::time::sleep(RETRY).await;
            reached = store.reach().await.ok();
        }
    }

    /// Hands over what is used until that fails.
    async fn exchange(&self, shared: &Shared, exchange: &mut Exchange) -> redis::RedisError {
        loop {
            let _nothing_for_a_while = tokio::time::timeout(LOOK, shared.wake.notified()).await;
            let batch = shared.take();
            let told = match exchange.run(&batch).await {
                Ok(told) => told,
                Err(error) => return error,
            };
            let now = Clock::now();
            for ((of, used), told) in batch.iter().zip(told) {
                if let Some(limiter) = self.limiters().find(|limiter| limiter.name == of.0) {
                    limiter.learn(of.1, &used.rule, told.meter(&used.rule, now), now);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What all nodes have let pass, as Redis says it; times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    /// Sliding: since this stretch of time began. Bucket: until all is back.
    time: u64,
    before: u64,
    used: u64,
}

impl Told {
    fn meter(self, rule: &Rule, now: super::Moment) -> Meter {
        let time = self.time.saturating_mul(1000);
        let narrow = |count| u32::try_from(count).unwrap_or(u32::MAX);
        match rule.window {
            super::Window::Sliding => {
                Meter { at: now.0.saturating_sub(time), before: narrow(self.before), used: narrow(self.used) }
            }
            super::Window::Bucket => Meter { at: now.0.saturating_add(time), before: 0, used: 0 },
        }
    }
}
