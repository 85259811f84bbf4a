//! What a session uses by itself, and with its user's other sessions.

use super::limiter::{Party, count};
use super::{Class, Clock, Limits, Meter, Moment, Rule, Verdict};
use crate::identity::Principal;

/// The limiters that have no table: each session keeps its own meters.
pub(super) const LIMITERS: [&str; 4] = [FRAMES, REQUESTS, BYTES, REFUSALS];
const FRAMES: &str = "frames_per_session";
const REQUESTS: &str = "requests_per_session";
const BYTES: &str = "bytes_per_session";
const REFUSALS: &str = "refusals_per_session";

/// What one session has used.
#[derive(Debug, Default)]
pub struct Own {
    frames: Meter,
    requests: Meter,
    bytes: Meter,
    refusals: Meter,
}

/// A request in a session: who asks, and how much there is of it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Of its frame's payload.
    pub bytes: u32,
}

impl Asking<'_> {
    fn user<'a>(&'a self, rule: Option<&'a Rule>) -> Option<(Party<'a>, &'a Rule)> {
        Some((Party::Name(self.principal.user.as_deref()?), rule?))
    }
}

impl Limits {
    /// So many frames have come, of any kind; `false` where that is too many.
    pub fn frames(&self, own: &mut Own, frames: u32) -> bool {
        let rule = self.settings.load().frames_per_session;
        self.of_session(rule.as_ref(), &mut own.frames, frames, FRAMES, Clock::now()).is_none()
    }

    /// A request was refused; `false` where that was too often.
    pub fn refused(&self, own: &mut Own) -> bool {
        let rule = self.settings.load().refusals_per_session;
        self.of_session(rule.as_ref(), &mut own.refusals, 1, REFUSALS, Clock::now()).is_none()
    }

    /// A request in a session. What is refused at one level takes nothing at those above.
    ///
    /// # Errors
    /// The verdict of the level that refuses it.
    pub fn ask(&self, own: &mut Own, asking: Asking<'_>) -> Result<(), Verdict> {
        let settings = self.settings.load();
        let (class, now) = (settings.class(asking.principal.rate_class.as_deref()), Clock::now());
        let refused =
            match self.of_session(class.requests_per_session.as_ref(), &mut own.requests, 1, REQUESTS, now) {
                Some(verdict) => return Err(verdict),
                None => self.ask_further(own, asking, class, now),
            };
        refused.map_or(Ok(()), |(level, verdict)| {
            self.return_levels(own, asking, class, level);
            Err(verdict)
        })
    }

    /// The levels below the session's requests; where one refuses, its number.
    fn ask_further(
        &self,
        own: &mut Own,
        asking: Asking<'_>,
        class: &Class,
        now: Moment,
    ) -> Option<(usize, Verdict)> {
        if let Some((user, rule)) = asking.user(class.requests_per_user.as_ref()) {
            let verdict = self.requests_per_user.take(user, rule, 1, now);
            if !verdict.passes() {
                return Some((1, verdict));
            }
        }
        let own = self.of_session(class.bytes_per_session.as_ref(), &mut own.bytes, asking.bytes, BYTES, now);
        if let Some(verdict) = own {
            return Some((2, verdict));
        }
        let (user, rule) = asking.user(class.bytes_per_user.as_ref())?;
        let verdict = self.bytes_per_user.take(user, rule, asking.bytes, now);
        (!verdict.passes()).then_some((3, verdict))
    }

    /// Takes back a request that came to nothing further down.
    pub fn return_request(&self, own: &mut Own, asking: Asking<'_>) {
        let settings = self.settings.load();
        self.return_levels(own, asking, settings.class(asking.principal.rate_class.as_deref()), 4);
    }

    /// Gives back what the levels before this one have taken.
    fn return_levels(&self, own: &mut Own, asking: Asking<'_>, class: &Class, level: usize) {
        if let Some(rule) = &class.requests_per_session {
            own.requests.give_back(rule, 1);
        }
        if let Some((user, rule)) = asking.user(class.requests_per_user.as_ref()).filter(|_| level > 1) {
            self.requests_per_user.give_back(user, rule, 1);
        }
        if let Some(rule) = class.bytes_per_session.as_ref().filter(|_| level > 2) {
            own.bytes.give_back(rule, asking.bytes);
        }
        if let Some((user, rule)) = asking.user(class.bytes_per_user.as_ref()).filter(|_| level > 3) {
            self.bytes_per_user.give_back(user, rule, asking.bytes);
        }
    }

    /// The verdict of a session's own meter where it refuses.
    fn of_session(
        &self,
        rule: Option<&Rule>,
        meter: &mut Meter,
        cost: u32,
        name: &'static str,
        now: Moment,
    ) -> Option<Verdict> {
        let verdict = count(meter.take(rule?, cost, now), rule?, name, &self.metrics);
        (!verdict.passes()).then_some(verdict)
    }

    /// Whether a session that has used so much is to the limits as a new one.
    pub fn is_quiet(&self, own: &Own) -> bool {
        let (settings, now) = (self.settings.load(), Clock::now());
        let span = |rule: Option<Rule>| rule.map_or(0, |rule| rule.span);
        let meters = [
            (&own.frames, span(settings.frames_per_session)),
            (&own.refusals, span(settings.refusals_per_session)),
            (&own.requests, settings.longest(|class| class.requests_per_session)),
            (&own.bytes, settings.longest(|class| class.bytes_per_session)),
        ];
        meters.iter().all(|(meter, longest)| meter.is_quiet(*longest, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Settings, Window};
    use crate::metrics::Metrics;
    use crate::units::Rate;

    fn rule(count: u32) -> Option<Rule> {
        Rule::new(format!("{count}/day").parse::<Rate>().unwrap(), 0, Window::Bucket, false)
    }

    #[test]
    fn what_a_level_refuses_takes_nothing_from_those_above() {
        for refusing in 1..4 {
            let few = |level| rule(if level == refusing { 1 } else { 100 });
            let usual = Class {
                requests_per_session: few(0),
                requests_per_user: few(1),
                bytes_per_session: few(2),
                bytes_per_user: few(3),
            };
            let limits = Limits::new(Settings { usual, ..Settings::default() }, &Metrics::new(1));
            let principal = Principal { user: Some("ada".into()), ..Principal::default() };
            let (mut own, asking) = (Own::default(), Asking { principal: &principal, bytes: 1 });
            assert!(limits.ask(&mut own, asking).is_ok());
            for _ in 0..5 {
                assert_eq!(limits.ask(&mut own, asking).unwrap_err().limit, 1);
            }
            limits.return_request(&mut own, asking);
            assert!(limits.ask(&mut own, asking).is_ok(), "what is given back can be used");
            let left = own.requests.take(&rule(100).unwrap(), 0, Clock::now()).remaining;
            assert_eq!(left, 99, "level {refusing}");
        }
    }

    #[test]
    fn a_session_that_has_asked_is_quiet_again_in_time() {
        let usual = Class { requests_per_session: rule(1), ..Class::default() };
        let limits = Limits::new(Settings { usual, ..Settings::default() }, &Metrics::new(1));
        let (mut own, principal) = (Own::default(), Principal::default());
        assert!(limits.is_quiet(&own));
        limits.ask(&mut own, Asking { principal: &principal, bytes: 1 }).unwrap();
        assert!(!limits.is_quiet(&own));
        limits.set(Settings::default());
        assert!(limits.frames(&mut own, 1000) && limits.refused(&mut own), "no rule, no limit");
    }
}
