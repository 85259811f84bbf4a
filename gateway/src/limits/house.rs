//! The limits of a gateway, over all of its threads.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Clock, Limiter, Rule, Verdict};
use crate::metrics::Metrics;
use crate::units::{Network, party, subnet};

/// What is allowed; no rule: anything.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Addresses that none of it holds for.
    pub exempt: Vec<Network>,
    /// Handshakes of endpoints, from one address.
    pub handshakes_per_address: Option<Rule>,
    /// Handshakes of endpoints, from one network.
    pub handshakes_per_subnet: Option<Rule>,
    /// HTTP requests, from one address.
    pub requests_per_address: Option<Rule>,
    /// HTTP requests and requests in sessions, of one user.
    pub requests_per_user: Option<Rule>,
}

/// Holds everybody to the [`Settings`].
#[derive(Debug)]
pub struct Limits {
    exempt: ArcSwap<Vec<Network>>,
    handshakes_per_address: Limiter<IpAddr>,
    handshakes_per_subnet: Limiter<IpAddr>,
    requests_per_address: Limiter<IpAddr>,
    requests_per_user: Limiter<Arc<str>>,
}

impl Limits {
    /// Nobody has used anything yet.
    pub fn new(settings: Settings, metrics: &Arc<Metrics>) -> Self {
        let metrics = || Arc::clone(metrics);
        let Settings {
            exempt,
            handshakes_per_address,
            handshakes_per_subnet,
            requests_per_address,
            requests_per_user,
        } = settings;
        Self {
            exempt: ArcSwap::from_pointee(exempt),
            handshakes_per_address: Limiter::new("handshakes_per_address", handshakes_per_address, metrics()),
            handshakes_per_subnet: Limiter::new("handshakes_per_subnet", handshakes_per_subnet, metrics()),
            requests_per_address: Limiter::new("requests_per_address", requests_per_address, metrics()),
            requests_per_user: Limiter::new("requests_per_user", requests_per_user, metrics()),
        }
    }

    /// From now on `settings` hold; what was used counts on.
    pub fn set(&self, settings: Settings) {
        self.exempt.store(Arc::new(settings.exempt));
        self.handshakes_per_address.set(settings.handshakes_per_address);
        self.handshakes_per_subnet.set(settings.handshakes_per_subnet);
        self.requests_per_address.set(settings.requests_per_address);
        self.requests_per_user.set(settings.requests_per_user);
    }

    /// Whether `address` may do as it likes.
    pub fn exempts(&self, address: IpAddr) -> bool {
        self.exempt.load().iter().any(|network| network.contains(address))
    }

    /// A handshake from `address`; none where there is no limit. Where two limits hold, the narrower verdict.
    pub fn handshake(&self, address: IpAddr) -> Option<Verdict> {
        let now = Clock::now();
        let own = self.handshakes_per_address.take(party(address), 1, now);
        if own.is_some_and(|verdict| !verdict.passes()) {
            return own; // what does not get in takes nothing from its neighbours
        }
        let all = self.handshakes_per_subnet.take(subnet(address), 1, now);
        narrower(own, all)
    }

    /// An HTTP request from `address`.
    pub fn request(&self, address: IpAddr) -> Option<Verdict> {
        self.requests_per_address.take(party(address), 1, Clock::now())
    }

    /// A request of `user`, by HTTP or in a session.
    pub fn user(&self, user: &Arc<str>) -> Option<Verdict> {
        self.requests_per_user.take(Arc::clone(user), 1, Clock::now())
    }

    /// Forgets who has been quiet; to be called from time to time.
    pub fn forget_quiet(&self) {
        let now = Clock::now();
        for limiter in [&self.handshakes_per_address, &self.handshakes_per_subnet, &self.requests_per_address]
        {
            limiter.forget_quiet(now);
        }
        self.requests_per_user.forget_quiet(now);
    }
}

/// The one that refuses, or leaves less.
fn narrower(one: Option<Verdict>, other: Option<Verdict>) -> Option<Verdict> {
    let key = |verdict: &Verdict| (verdict.passes(), verdict.remaining);
    one.into_iter().chain(other).min_by_key(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Window;
    use crate::units::Rate;

    fn rule(count: u32) -> Option<Rule> {
        // A day, so that nothing comes back during a test.
        Rule::new(format!("{count}/day").parse::<Rate>().unwrap(), 0, Window::Bucket, false)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_its_own_limit_that_refused_handshakes_do_not_use_up() {
        let metrics = Metrics::new(1);
        let settings = Settings {
            handshakes_per_address: rule(2),
            handshakes_per_subnet: rule(3),
            ..Settings::default()
        };
        let limits = Limits::new(settings, &metrics);
        let passes = |address| limits.handshake(ip(address)).unwrap().passes();
        assert_eq!([(); 4].map(|()| passes("10.0.0.1")), [true, true, false, false]);
        assert!(passes("10.0.0.2"));
        assert!(!passes("10.0.0.3"), "the network has used up its three");
        assert!(passes("10.0.1.3"));
        let counted: Vec<_> = metrics.limited.all().take(2).collect();
        assert_eq!(counted, [("handshakes_per_address", 2), ("handshakes_per_subnet", 1)]);
    }

    #[test]
    fn hosts_of_ipv6_are_known_by_their_network() {
        let limits = Settings { requests_per_address: rule(1), ..Settings::default() };
        let limits = Limits::new(limits, &Metrics::new(1));
        assert!(limits.request(ip("2001:db8::1")).unwrap().passes());
        assert!(!limits.request(ip("2001:db8::2")).unwrap().passes());
        assert!(limits.handshake(ip("2001:db8::2")).is_none(), "no limit of handshakes was set");
    }
}
