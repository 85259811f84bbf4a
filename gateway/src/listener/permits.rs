//! How many connections there may be, in all and from one address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::units::{Network, party};

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There are as many as there may be.
    All,
    /// There are as many from this address.
    Address,
}

/// How many there may be.
#[derive(Clone, Debug)]
pub struct Most {
    /// In all.
    pub connections: usize,
    /// From one address; 0: no limit.
    pub per_address: usize,
    /// Addresses from which there may be as many as there may be in all.
    pub exempt: Vec<Network>,
}

/// Counts the connections of all listeners, in all and for their addresses. They are counted also where nothing limits
/// them, as a limit may be set, or an address cease to be exempt, while they are open.
#[derive(Debug)]
pub struct Permits {
    most: ArcSwap<Most>,
    open: AtomicUsize,
    /// Only addresses that have connections, so that it is bounded by them.
    addresses: Mutex<HashMap<IpAddr, usize, foldhash::fast::RandomState>>,
    none_left: Notify,
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Arc<Permits>,
    address: Option<IpAddr>,
}

impl Permits {
    /// At most so many.
    pub fn new(most: Most) -> Arc<Self> {
        Arc::new(Self {
            most: ArcSwap::from_pointee(most),
            open: AtomicUsize::new(0),
            addresses: Mutex::default(),
            none_left: Notify::new(),
        })
    }

    /// From now on so many may be opened; those that are open stay.
    pub fn set(&self, most: Most) {
        self.most.store(Arc::new(most));
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until no connection is open.
    pub async fn all_returned(&self) {
        loop {
            let notified = self.none_left.notified();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }

    /// A place, counted for the address.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Full> {
        let mut permit = self.take_uncounted()?;
        permit.count_for(address)?;
        Ok(permit)
    }

    /// A place, which is not counted for an address yet.
    pub(super) fn take_uncounted(self: &Arc<Self>) -> Result<Permit, Full> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most.load().connections {
            self.close();
            return Err(Full::All);
        }
        Ok(Permit { permits: Arc::clone(self), address: None })
    }

    fn close(&self) {
        if self.open.fetch_sub(1, Ordering::Release) == 1 {
            self.none_left.notify_waiters();
        }
    }
}

impl Permit {
    /// Counts it for the address that it is from, where there may be another one; once for each permit.
    pub(super) fn count_for(&mut self, address: IpAddr) -> Result<(), Full> {
        let most = self.permits.most.load();
        let limited = most.per_address > 0 && !most.exempt.iter().any(|net| net.contains(address));
        let party = party(address);
        let mut addresses = self.permits.addresses.lock();
        let count = addresses.entry(party).or_default();
        // One that is refused leaves no entry behind: where there is a limit, others are counted in it.
        if limited && *count >= most.per_address {
            return Err(Full::Address);
        }
        *count += 1;
        self.address = Some(party);
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut addresses = self.permits.addresses.lock();
            if let Some(count) = addresses.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&address);
                }
            }
        }
        self.permits.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn permits(connections: usize, per_address: usize) -> Arc<Permits> {
        Permits::new(Most { connections, per_address, exempt: vec!["127.0.0.0/8".parse().unwrap()] })
    }

    #[test]
    fn what_is_set_holds_for_those_that_come() {
        let permits = permits(10, 1);
        let _one = permits.take(ip("1.1.1.1")).unwrap();
        permits.set(Most { connections: 2, per_address: 0, exempt: vec![] });
        let _two = permits.take(ip("1.1.1.1")).unwrap();
        assert_eq!(permits.take(ip("1.1.1.1")).unwrap_err(), Full::All);
    }

    #[test]
    fn those_that_came_before_a_limit_count_in_it() {
        let permits = permits(10, 0);
        let held: Vec<_> =
            ["1.1.1.1", "1.1.1.1", "127.0.0.1"].map(|text| permits.take(ip(text)).unwrap()).into();
        permits.set(Most { connections: 10, per_address: 1, exempt: vec![] });
        assert_eq!(permits.take(ip("1.1.1.1")).unwrap_err(), Full::Address);
        assert_eq!(permits.take(ip("127.0.0.1")).unwrap_err(), Full::Address);
        drop(held);
        assert!(permits.addresses.lock().is_empty());
        permits.take(ip("1.1.1.1")).unwrap();
    }

    #[tokio::test]
    async fn places_are_given_back_and_none_left_is_told() {
        let permits = permits(2, 0);
        let one = permits.take(ip("1.1.1.1")).unwrap();
        let two = permits.take(ip("1.1.1.1")).unwrap();
        assert_eq!(permits.take(ip("2.2.2.2")).unwrap_err(), Full::All);
        assert_eq!(permits.open(), 2);
        drop(one);
        let waits = tokio::spawn({
            let permits = Arc::clone(&permits);
            async move { permits.all_returned().await }
        });
        tokio::task::yield_now().await;
        drop(two);
        waits.await.unwrap();
    }

    #[test]
    fn an_address_has_its_share_and_an_exempt_one_all() {
        let permits = permits(100, 1);
        let first = permits.take(ip("2001:db8::1")).unwrap();
        assert_eq!(permits.take(ip("2001:db8::2")).unwrap_err(), Full::Address);
        let _other = permits.take(ip("2001:db8:0:1::1")).unwrap();
        drop(first);
        let _again = permits.take(ip("2001:db8::2")).unwrap();
        assert_eq!(permits.addresses.lock().len(), 2);
        let _local: Vec<_> = (0..10).map(|_| permits.take(ip("127.0.0.1")).unwrap()).collect();
        assert_eq!(permits.open(), 12);
    }
}
