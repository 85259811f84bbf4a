//! How many connections there may be, in all and from one address.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A range of addresses, as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    address: IpAddr,
    prefix: u8,
}

/// Not a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a network: expected an address, as 127.0.0.1, or with its length, as 10.0.0.0/8")]
pub struct BadNet(String);

impl FromStr for Net {
    type Err = BadNet;

    fn from_str(text: &str) -> Result<Self, BadNet> {
        let bad = || BadNet(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        if prefix <= most { Ok(Self { address, prefix }) } else { Err(bad()) }
    }
}

impl Net {
    /// Whether `address` lies in it; an IPv4 address in IPv6's clothes counts as what it is.
    pub fn holds(&self, address: IpAddr) -> bool {
        let differ = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        differ >= u32::from(self.prefix)
    }
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There are as many as there may be.
    All,
    /// There are as many from this address.
    Address,
}

/// Counts the connections of all listeners. One from an address that is exempt counts in all, but not for its
/// address.
#[derive(Debug)]
pub struct Permits {
    connections: usize,
    per_address: usize,
    exempt: Vec<Net>,
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
    /// At most `connections`, and `per_address` from one address (0: no limit) that is not `exempt`.
    pub fn new(connections: usize, per_address: usize, exempt: Vec<Net>) -> Arc<Self> {
        Arc::new(Self {
            connections,
            per_address,
            exempt,
            open: AtomicUsize::new(0),
            addresses: Mutex::default(),
            none_left: Notify::new(),
        })
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

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Full> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.connections {
            self.close();
            return Err(Full::All);
        }
        let counted = self.per_address > 0 && !self.exempt.iter().any(|net| net.holds(address));
        let address = counted.then(|| party(address));
        if let Some(address) = address {
            let mut addresses = self.addresses.lock();
            let count = addresses.entry(address).or_default();
            if *count >= self.per_address {
                drop(addresses);
                self.close();
                return Err(Full::Address);
            }
            *count += 1;
        }
        Ok(Permit { permits: Arc::clone(self), address })
    }

    fn close(&self) {
        if self.open.fetch_sub(1, Ordering::Release) == 1 {
            self.none_left.notify_waiters();
        }
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

/// Who an address stands for: an IPv6 host has a whole /64.
fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_what_lies_in_them() {
        let net: Net = "10.0.0.0/8".parse().unwrap();
        assert!(net.holds(ip("10.9.9.9")) && net.holds(ip("::ffff:10.1.1.1")) && !net.holds(ip("11.0.0.0")));
        assert!("::1/128".parse::<Net>().unwrap().holds(ip("::1")));
        assert!("0.0.0.0/0".parse::<Net>().unwrap().holds(ip("1.2.3.4")));
        for bad in ["10.0.0.0/33", "10.0.0/8", "", "::1/129", "a/8", "1.1.1.1/"] {
            assert!(bad.parse::<Net>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn places_are_given_back_and_none_left_is_told() {
        let permits = Permits::new(2, 0, vec![]);
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
        let permits = Permits::new(100, 1, vec!["127.0.0.0/8".parse().unwrap()]);
        let first = permits.take(ip("2001:db8::1")).unwrap();
        assert_eq!(permits.take(ip("2001:db8::2")).unwrap_err(), Full::Address);
        let _other = permits.take(ip("2001:db8:0:1::1")).unwrap();
        drop(first);
        let _again = permits.take(ip("2001:db8::2")).unwrap();
        let _local: Vec<_> = (0..10).map(|_| permits.take(ip("127.0.0.1")).unwrap()).collect();
        assert_eq!(permits.open(), 12);
    }
}
