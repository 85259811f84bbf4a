//! The limits of a gateway, over all of its threads.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::limiter::{Limiter, Party};
use super::shared::Shared;
use super::{Clock, Rule, Settings, Verdict};
use crate::identity::Principal;
use crate::metrics::Metrics;
use crate::units::{party, subnet};

/// Holds everybody to the [`Settings`].
#[derive(Debug)]
pub struct Limits {
    pub(super) settings: ArcSwap<Settings>,
    pub(super) handshakes_per_address: Limiter,
    pub(super) handshakes_per_subnet: Limiter,
    pub(super) requests_per_address: Limiter,
    pub(super) requests_per_user: Limiter,
    pub(super) bytes_per_user: Limiter,
    pub(super) publishes_per_room: Limiter,
    pub(super) publishes_per_type: Limiter,
    pub(super) publishes_per_key: Limiter,
    pub(super) bytes_per_room: Limiter,
    pub(super) bytes_per_type: Limiter,
    pub(super) metrics: Arc<Metrics>,
    /// Where others are told what is used; none: nowhere.
    pub(super) shared: Option<Arc<Shared>>,
}

impl Limits {
    /// Nobody has used anything yet; this node counts for itself.
    pub fn new(settings: Settings, metrics: &Arc<Metrics>) -> Self {
        Self::of(settings, metrics, None)
    }

    /// The same for one that counts together with others once it [shares](Self::share).
    pub fn sharing(settings: Settings, metrics: &Arc<Metrics>) -> Self {
        Self::of(settings, metrics, Some(Shared::new(metrics)))
    }

    fn of(settings: Settings, metrics: &Arc<Metrics>, shared: Option<Arc<Shared>>) -> Self {
        let limiter = |name| Limiter::new(name, metrics, shared.as_ref());
        super::own::LIMITERS.into_iter().for_each(|name| metrics.limited.know(name));
        Self {
            settings: ArcSwap::from_pointee(settings),
            handshakes_per_address: limiter("handshakes_per_address"),
            handshakes_per_subnet: limiter("handshakes_per_subnet"),
            requests_per_address: limiter("requests_per_address"),
            requests_per_user: limiter("requests_per_user"),
            bytes_per_user: limiter("bytes_per_user"),
            publishes_per_room: limiter("publishes_per_room"),
            publishes_per_type: limiter("publishes_per_type"),
            publishes_per_key: limiter("publishes_per_key"),
            bytes_per_room: limiter("bytes_per_room"),
            bytes_per_type: limiter("bytes_per_type"),
            metrics: Arc::clone(metrics),
            shared,
        }
    }

    /// From now on `settings` hold; what was used counts on.
    pub fn set(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Whether `address` may do as it likes.
    pub fn exempts(&self, address: IpAddr) -> bool {
        self.settings.load().exempt.iter().any(|network| network.contains(address))
    }

    /// A handshake from `address`; none where there is no limit. Where two limits hold, the narrower verdict.
    pub fn handshake(&self, address: IpAddr) -> Option<Verdict> {
        let (rules, now) = (self.settings.load(), Clock::now());
        let of = |rule: Option<Rule>, limiter: &Limiter, address| {
            rule.map(|rule| limiter.take(Party::Address(address), &rule, 1, now))
        };
        let own = of(rules.handshakes_per_address, &self.handshakes_per_address, party(address));
        if own.is_some_and(|verdict| !verdict.passes()) {
            return own; // what does not get in takes nothing from its neighbours
        }
        let all = of(rules.handshakes_per_subnet, &self.handshakes_per_subnet, subnet(address));
        if let (Some(rule), Some(false)) = (rules.handshakes_per_address, all.map(|all| all.passes())) {
            self.handshakes_per_address.give_back(Party::Address(party(address)), &rule, 1);
        }
        narrower(own, all)
    }

    /// An HTTP request from `address`.
    pub fn request(&self, address: IpAddr) -> Option<Verdict> {
        let rule = self.settings.load().requests_per_address?;
        Some(self.requests_per_address.take(Party::Address(party(address)), &rule, 1, Clock::now()))
    }

    /// An HTTP request of the principal's user; none where it has none.
    pub fn user(&self, principal: &Principal) -> Option<Verdict> {
        let rule = self.settings.load().class(principal.rate_class.as_deref()).requests_per_user?;
        let user = principal.user.as_deref()?;
        Some(self.requests_per_user.take(Party::Name(user), &rule, 1, Clock::now()))
    }

    /// All that have a table.
    pub(super) fn limiters(&self) -> impl Iterator<Item = &Limiter> {
        [
            &self.handshakes_per_address,
            &self.handshakes_per_subnet,
            &self.requests_per_address,
            &self.requests_per_user,
            &self.bytes_per_user,
            &self.publishes_per_room,
            &self.publishes_per_type,
            &self.publishes_per_key,
            &self.bytes_per_room,
            &self.bytes_per_type,
        ]
        .into_iter()
    }

    /// Forgets who has been quiet; to be called from time to time.
    pub fn forget_quiet(&self) {
        let (rules, now) = (self.settings.load(), Clock::now());
        let of = |limiter: &Limiter, rule: Option<Rule>| {
            limiter.forget_quiet(rule.map_or(0, |rule| rule.span), now);
        };
        of(&self.handshakes_per_address, rules.handshakes_per_address);
        of(&self.handshakes_per_subnet, rules.handshakes_per_subnet);
        of(&self.requests_per_address, rules.requests_per_address);
        of(&self.publishes_per_room, rules.publishes.per_room);
        of(&self.publishes_per_type, rules.publishes.per_type);
        of(&self.publishes_per_key, rules.publishes.per_key);
        of(&self.bytes_per_room, rules.publishes.bytes_per_room);
        of(&self.bytes_per_type, rules.publishes.bytes_per_type);
        self.requests_per_user.forget_quiet(rules.longest(|class| class.requests_per_user), now);
        self.bytes_per_user.forget_quiet(rules.longest(|class| class.bytes_per_user), now);
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
    use crate::limits::{Class, Window};
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
        assert_eq!([(); 2].map(|()| passes("10.0.0.2")), [true, false], "the network has had three");
        assert!(passes("10.0.1.1"), "another network");
        let counted: Vec<_> = metrics.limited.all().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("handshakes_per_address", 2), ("handshakes_per_subnet", 1)]);
    }

    #[test]
    fn a_handshake_that_the_network_refuses_takes_nothing_from_the_address() {
        let settings = Settings {
            handshakes_per_address: rule(2),
            handshakes_per_subnet: rule(1),
            ..Settings::default()
        };
        let limits = Limits::new(settings.clone(), &Metrics::new(1));
        assert!(limits.handshake(ip("10.0.0.1")).unwrap().passes());
        assert!(!limits.handshake(ip("10.0.0.2")).unwrap().passes());
        limits.set(Settings { handshakes_per_subnet: None, ..settings });
        assert_eq!(limits.handshake(ip("10.0.0.2")).unwrap().remaining, 1);
    }

    #[test]
    fn an_address_of_ipv6_counts_as_its_network() {
        let settings = Settings { requests_per_address: rule(1), ..Settings::default() };
        let limits = Limits::new(settings, &Metrics::new(1));
        assert!(limits.request(ip("2001:db8::1")).unwrap().passes());
        assert!(!limits.request(ip("2001:db8::2")).unwrap().passes());
    }

    #[test]
    fn a_class_has_its_own_share_and_a_new_rule_finds_what_was_used() {
        let gold = Class { requests_per_user: rule(2), ..Class::default() };
        let usual = Class { requests_per_user: rule(1), ..Class::default() };
        let settings = Settings { usual, classes: [("gold".to_owned(), gold)].into(), ..Settings::default() };
        let limits = Limits::new(settings.clone(), &Metrics::new(1));
        let of = |user: &str, class: &str| {
            let (user, rate_class) = (Some(user.into()), Some(class.into()));
            limits.user(&Principal { user, rate_class, ..Principal::default() })
        };
        let passes = |user, class| of(user, class).unwrap().passes();
        assert_eq!([(); 3].map(|()| passes("ada", "gold")), [true, true, false]);
        assert_eq!([(); 2].map(|()| passes("bob", "unheard of")), [true, false]);
        let more = Class { requests_per_user: rule(3), ..Class::default() };
        limits.set(Settings { classes: [("gold".to_owned(), more)].into(), ..settings });
        // A third of a day's worth for each, of which two halves were used.
        assert_eq!([(); 2].map(|()| passes("ada", "gold")), [false, false]);
        limits.set(Settings::default());
        assert!(of("ada", "gold").is_none());
    }
}
