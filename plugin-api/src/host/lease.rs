//! Leases: a name that one instance of one node holds at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::lock;
use crate::abi::{self, Status};
use crate::error::check;
use crate::{Error, Host, Result};

/// How long a renewal or the giving up may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many losses are remembered that came before the lease was known here; more at once are not held by one instance.
const EARLY: usize = 64;

/// Leases that are held, so that a loss reaches whoever holds one.
#[derive(Default)]
pub(crate) struct Losses(Mutex<Held>);

#[derive(Default)]
struct Held {
    by_lease: HashMap<abi::Lease, watch::Sender<bool>>,
    /// Lost before `acquire` has returned.
    early: VecDeque<abi::Lease>,
}

impl Losses {
    /// That lease was lost.
    pub(crate) fn tell(&self, lease: abi::Lease) {
        let mut held = lock(&self.0);
        if let Some(sender) = held.by_lease.get(&lease) {
            sender.send_replace(true);
            return;
        }
        if held.early.len() == EARLY {
            held.early.pop_front();
        }
        held.early.push_back(lease);
    }

    fn hold(&self, lease: abi::Lease) -> watch::Receiver<bool> {
        let mut held = lock(&self.0);
        let early = held.early.iter().position(|&l| l == lease);
        if let Some(at) = early {
            held.early.remove(at);
        }
        let (sender, receiver) = watch::channel(early.is_some());
        held.by_lease.insert(lease, sender);
        receiver
    }

    fn forget(&self, lease: abi::Lease) {
        lock(&self.0).by_lease.remove(&lease);
    }
}

impl Host {
    /// Takes the lease of a name for `ttl`, waiting for it up to `wait`. It renews itself, and is given up when dropped.
    ///
    /// # Errors
    /// `CONFLICT` where it is held and not waited for, `TIMEOUT` where that took too long.
    pub async fn lease(&self, name: impl Into<String>, ttl: Duration, wait: Duration) -> Result<Lease> {
        let (name, lost) = (name.into(), self.0.lease_lost);
        let asked = Instant::now();
        let attempt = format!("take the lease '{name}'");
        let grant = self
            .blocking(move |bridge| bridge.acquire(&name, millis(ttl), millis(wait), lost))
            .await?
            .map_err(|status| Error::new(status, format!("{attempt}: {status}")))?;
        let lost = self.0.losses.hold(grant.lease);
        let runtime = self.0.runtime.get().ok_or(Error::from(Status::CLOSED))?;
        let valid = Duration::from_millis(grant.valid_ms);
        let renewal = runtime.spawn(renew(self.clone(), grant.lease, asked + valid, valid)).abort_handle();
        Ok(Lease {
            host: self.clone(),
            lease: grant.lease,
            number: grant.number,
            lost,
            renewal,
            given_up: false,
        })
    }
}

/// Renews a lease at a third of its time, and calls it lost by our own clock when that did not succeed by its end.
async fn renew(host: Host, lease: abi::Lease, mut end: Instant, mut valid: Duration) {
    let mut next = end - valid * 2 / 3;
    loop {
        tokio::time::sleep_until(next.min(end)).await;
        let asked = Instant::now();
        if asked >= end {
            break;
        }
        let left = (end - asked).min(TIMEOUT);
        match host.blocking(move |bridge| bridge.renew(lease, millis(left))).await {
            Ok(Ok(grant)) => {
                valid = Duration::from_millis(grant.valid_ms);
                end = asked + valid;
                next = end - valid * 2 / 3;
            }
            Ok(Err(Status::CLOSED | Status::NOT_FOUND)) | Err(_) => break,
            Ok(Err(_)) => next = asked + valid / 10,
        }
    }
    host.lease_was_lost(lease);
}

/// A lease that is held until it is dropped, given up or lost.
#[derive(Debug)]
pub struct Lease {
    host: Host,
    lease: abi::Lease,
    number: u64,
    lost: watch::Receiver<bool>,
    renewal: AbortHandle,
    /// By hand, so that dropping does not do it again.
    given_up: bool,
}

impl Lease {
    /// Only grows for its name: to be stored beside what the lease guards, so that an older holder is found out.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !*self.lost.borrow()
    }

    /// Ends when it is lost.
    pub async fn lost(&mut self) {
        // The sender goes with the lease alone.
        let _ = self.lost.wait_for(|lost| *lost).await;
    }

    /// Gives it up, and waits until that is done.
    ///
    /// # Errors
    /// Where the host did not say so; it ends by itself then.
    pub async fn release(mut self) -> Result<()> {
        self.given_up = true;
        self.renewal.abort();
        let lease = self.lease;
        let status = self.host.blocking(move |bridge| bridge.release(lease, millis(TIMEOUT))).await?;
        check(status, "give up a lease")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        self.host.0.losses.forget(self.lease);
        let (host, lease) = (self.host.clone(), self.lease);
        if let Some(runtime) = self.host.0.runtime.get()
            && !self.given_up
        {
            // Not waited for: what is not given up ends by itself.
            runtime.spawn_blocking(move || host.bridge().release(lease, millis(TIMEOUT)));
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
