//! A profile's keys, and how fresh ones come.
//!
//! Requests only ever read what is there. Where keys have a source outside (a set of keys in a file or at an address),
//! whoever fetches them [puts](Keyring::put) them here, every so often and when they are [wanted](Keyring::wanted): a
//! token that names a key which is not there has fresh ones fetched, one fetch for all who wait for it, and no
//! more often than [`BURST`] and [`REFILL`] say, so that forged names cost the issuer nothing.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::jwks::{self, BadKeySet};
use super::keys::Keys;
use super::{Algorithm, Key};

/// Fetches for unknown names that may follow each other at once.
const BURST: u32 = 5;
/// After so long one more.
const REFILL: Duration = Duration::from_secs(10);
/// For how long a request waits for keys that are being fetched.
const PATIENCE: Duration = Duration::from_secs(3);

/// See the module's documentation.
pub struct Keyring {
    /// Those of the configuration.
    fixed: Vec<Key>,
    /// What keys may be for.
    allowed: Vec<Algorithm>,
    /// Fixed and fetched ones.
    now: ArcSwap<Keys>,
    /// None: there is no source.
    source: Option<Source>,
}

struct Source {
    /// Whether nobody else can read it, so that secrets in it are secret.
    is_private: bool,
    wanted: Notify,
    fetched: watch::Sender<Fetched>,
    budget: Mutex<Budget>,
}

/// Attempts to fetch, one after the other.
#[derive(Clone, Copy, Default)]
struct Fetched {
    begun: u64,
    ended: u64,
    /// There was a good one.
    ever: bool,
}

/// Keys that are on their way: see [`Keyring::fresh`].
pub(super) struct Fresh {
    fetched: watch::Receiver<Fetched>,
    /// Attempts that had ended when it was looked last.
    seen: u64,
    /// The attempt that is waited for. It began after it was asked for: one that was on its way may have read what was
    /// there before.
    attempt: u64,
    until: Instant,
}

/// What is left of the fetches that unknown names may cause.
struct Budget {
    left: u32,
    since: Instant,
    /// The attempt that was asked for last.
    asked_for: u64,
}

impl Keyring {
    /// Keys that never change.
    pub fn fixed(fixed: Vec<Key>, allowed: Vec<Algorithm>) -> Self {
        let now = ArcSwap::from_pointee(Keys(fixed.clone()));
        Self { fixed, allowed, now, source: None }
    }

    /// Keys of the configuration, and others that somebody [puts](Self::put) here.
    pub fn fed(fixed: Vec<Key>, allowed: Vec<Algorithm>, is_private: bool) -> Self {
        let source = Source {
            is_private,
            wanted: Notify::new(),
            fetched: watch::Sender::default(),
            budget: Mutex::new(Budget { left: BURST, since: Instant::now(), asked_for: 0 }),
        };
        Self { source: Some(source), ..Self::fixed(fixed, allowed) }
    }

    /// What keys may be for.
    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        self.allowed.contains(&algorithm)
    }

    /// The keys at this time.
    pub(super) fn now(&self) -> Arc<Keys> {
        self.now.load_full()
    }

    /// Whether fresh keys can come.
    pub(super) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Whether keys have yet to come.
    pub(super) fn is_waiting(&self) -> bool {
        self.source.as_ref().is_some_and(|source| !source.fetched.borrow().ever)
    }

    /// An attempt to fetch begins: with [`put`](Self::put) or [`put_nothing`](Self::put_nothing) it ends.
    pub fn begin(&self) {
        if let Some(source) = &self.source {
            source.fetched.send_modify(|fetched| fetched.begun += 1);
        }
    }

    /// Takes the set that was fetched in place of the one before. Where it cannot be used, that one stays.
    ///
    /// # Errors
    /// [`BadKeySet`].
    pub fn put(&self, set: &str) -> Result<(), BadKeySet> {
        let Some(source) = &self.source else { return Ok(()) };
        let read = jwks::read(set, &self.allowed, source.is_private);
        if let Ok(fetched) = &read {
            let keys = fetched.iter().chain(&self.fixed).cloned().collect();
            self.now.store(Arc::new(Keys(keys)));
        }
        source.ended(read.is_ok());
        read.map(|_| ())
    }

    /// Has what `former` had fetched until its own comes.
    pub fn take_over(&self, former: &Self) {
        let Some(source) = &self.source else { return };
        let now = former.now();
        let fetched = now.0.iter().take(now.0.len() - former.fixed.len());
        self.now.store(Arc::new(Keys(fetched.chain(&self.fixed).cloned().collect())));
        source.fetched.send_modify(|fetched| fetched.ever |= !former.is_waiting());
    }

    /// Nothing could be fetched: what is there stays, and nobody need wait.
    pub fn put_nothing(&self) {
        if let Some(source) = &self.source {
            source.ended(false);
        }
    }

    /// Ends when fresh keys are wanted.
    pub async fn wanted(&self) {
        match &self.source {
            Some(source) => source.wanted.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Has fresh keys fetched; none where that may not be, or makes no sense.
    pub(super) fn fresh(&self) -> Option<Fresh> {
        let source = self.source.as_ref()?;
        let fetched = source.fetched.subscribe();
        let seen = fetched.borrow().ended;
        Some(Fresh { fetched, seen, attempt: source.ask()?, until: Instant::now() + PATIENCE })
    }
}

impl Fresh {
    /// Waits until it is worth to look again; `false` where no others come.
    pub(super) async fn come(&mut self) -> bool {
        if self.seen >= self.attempt {
            return false;
        }
        let seen = self.seen;
        let come = self.fetched.wait_for(|fetched| fetched.ended > seen);
        let Ok(Ok(fetched)) = timeout_at(self.until, come).await else { return false };
        self.seen = fetched.ended;
        true
    }
}

impl Source {
    /// Which attempt to wait for. One does for all who want it meanwhile: with a new key all clients come back at once.
    /// Where no more may be, the one that is on its way may do.
    fn ask(&self) -> Option<u64> {
        let mut budget = self.budget.lock();
        let Fetched { begun, ended, .. } = *self.fetched.borrow();
        let next = begun + 1;
        if budget.asked_for < next {
            if !budget.take() {
                return (ended < begun).then_some(begun);
            }
            budget.asked_for = next;
            self.wanted.notify_one();
        }
        Some(next)
    }

    fn ended(&self, good: bool) {
        self.fetched.send_modify(|fetched| {
            fetched.ended = fetched.begun;
            fetched.ever |= good;
        });
    }
}

impl Budget {
    fn take(&mut self) -> bool {
        let periods = self.since.elapsed().as_secs() / REFILL.as_secs();
        if periods > 0 {
            self.since = Instant::now();
            self.left = BURST.min(self.left.saturating_add(u32::try_from(periods).unwrap_or(BURST)));
        }
        let some = self.left > 0;
        self.left -= u32::from(some);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_set_that_may_have_been_read_before_it_was_asked_for_is_not_the_last_that_is_waited_for() {
        let keyring = Keyring::fed(Vec::new(), vec![Algorithm::ES256], false);
        keyring.begin();
        let (mut first, mut second) = (keyring.fresh().unwrap(), keyring.fresh().unwrap());
        keyring.put_nothing();
        assert!(first.come().await && second.come().await, "it may be what they want");
        keyring.wanted().await;
        keyring.begin();
        keyring.put_nothing();
        assert!(first.come().await && second.come().await);
        assert!(!first.come().await && !second.come().await);
        assert!(tokio::time::timeout(Duration::ZERO, keyring.wanted()).await.is_err(), "one does for both");
    }
}
