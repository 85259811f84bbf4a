//! How long a session's token or certificate holds. The session's wheel looks at it, by the wall clock: it has
//! no timer of its own.

use std::cell::Cell;
use std::time::Duration;

use super::{Session, json};
use crate::dialect::Warning;
use crate::frame::{Event, Timestamp};
use crate::hub::own::Disconnected;
use crate::identity::{Principal, Proof};
use crate::transport::close::{CloseReason, UNHEARD};

/// How long before the end a client is warned, milliseconds; of a short token's time the last quarter.
const WARNING: i64 = 30_000;

/// See the module's documentation.
pub(super) struct Term {
    /// When the session ends.
    end: Moment,
    /// When its client is warned of that; never: it has been.
    warning: Moment,
}

/// A moment, or never. In eight bytes, as each session has two.
struct Moment(Cell<Timestamp>);

impl Moment {
    const NEVER: Timestamp = Timestamp(i64::MAX);

    fn get(&self) -> Option<Timestamp> {
        Some(self.0.get()).filter(|at| *at != Self::NEVER)
    }

    fn set(&self, at: Option<Timestamp>) {
        self.0.set(at.unwrap_or(Self::NEVER));
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self(Cell::new(Self::NEVER))
    }
}

impl Term {
    /// For a principal that is known from `now` on. A token that the leeway alone has let in has expired: its session
    /// ends with the next look, unless it comes with another token before. One that is not known yet has `patience` to
    /// show who it is.
    pub(super) fn of(principal: &Principal, now: Timestamp, patience: Duration) -> Self {
        let term = Self { end: Moment::default(), warning: Moment::default() };
        term.begin(principal, now);
        if principal.is_nobody() {
            let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
            term.end.set(Some(Timestamp(now.0.saturating_add(patience))));
        }
        term
    }

    /// Begins anew, with another token.
    pub(super) fn begin(&self, principal: &Principal, now: Timestamp) {
        let end = principal.expires_at();
        let warning = |end: Timestamp| Timestamp(end.0 - ((end.0 - now.0) / 4).clamp(0, WARNING));
        self.end.set(end);
        self.warning.set(end.map(warning));
    }

    /// How long until there is something to do.
    pub(super) fn next_in(&self, now: Timestamp) -> Option<Duration> {
        let next = self.warning.get().or(self.end.get())?;
        Some(Duration::from_millis(u64::try_from(next.0 - now.0).unwrap_or(0)))
    }
}

impl Session {
    /// Warns of the token's end, or carries it out.
    pub(super) fn look_at_term(&self) {
        let (now, Some(end)) = (Timestamp::now(), self.term.end.get()) else { return };
        if now >= end {
            return self.end(CloseReason::Policy(self.expired().into()));
        }
        if self.term.warning.get().is_none_or(|warning| now < warning) {
            return;
        }
        self.term.warning.set(None);
        self.warn(&CloseReason::Policy(self.expired().into()), Some((end, now)));
    }

    /// Warns the client of its session's end: now, or at a later moment than now.
    pub(super) fn warn(&self, reason: &CloseReason, ends: Option<(Timestamp, Timestamp)>) {
        match self.dialect.farewell(reason) {
            Warning::None => {}
            Warning::Frame(frame) => self.reply(&frame),
            Warning::Event => {
                if let Some(event) = self.warning(reason, ends) {
                    self.tell(event, "");
                }
            }
        }
    }

    /// The same among the last frames of all.
    pub(super) fn say_why(&self, reason: &CloseReason, out: &mut Vec<u8>) {
        let frames = self.warning(reason, None).and_then(|event| self.frames_of(event, ""));
        frames.iter().flat_map(|frames| &frames.each).for_each(|frame| out.extend_from_slice(frame));
    }

    fn warning(&self, reason: &CloseReason, ends: Option<(Timestamp, Timestamp)>) -> Option<Event> {
        let data = json(&Disconnected {
            code: reason.code(),
            reason: reason.reason(),
            expires_at: ends.map(|(end, _)| end),
            expires_in_ms: ends.map(|(end, now)| end.0 - now.0),
        });
        self.event("disconnected", "connection_manager", data)
    }

    /// The reason of the close.
    fn expired(&self) -> &'static str {
        match self.principal.borrow().proof {
            Proof::Nothing => UNHEARD,
            Proof::Certificate(_) => "certificate expired",
            _ => "token expired",
        }
    }

    /// Ends the session if its token was called back.
    pub(super) fn review(&self) {
        if self.common.revocations.hold(&self.principal.borrow()) {
            self.end(CloseReason::Policy("token revoked".into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    use crate::identity::Token;

    fn expiring(at: Option<i64>) -> Principal {
        let expires_at = at.map(Timestamp);
        let token = Token { profile: "p".into(), id: None, issued_at: None, expires_at };
        Principal { proof: Proof::Token(token), ..Principal::default() }
    }

    #[test]
    fn a_client_is_warned_in_time_and_a_short_token_in_its_last_quarter() {
        let warning = |at| Term::of(&expiring(Some(at)), Timestamp(0), PATIENCE).warning.get();
        assert_eq!(warning(3_600_000), Some(Timestamp(3_570_000)));
        assert_eq!(warning(4000), Some(Timestamp(3000)));
        let none = Term::of(&expiring(None), Timestamp(0), PATIENCE);
        assert_eq!((none.next_in(Timestamp(0)), none.warning.get()), (None, None));
        assert_eq!(Term::of(&Principal::anonymous(), Timestamp(0), PATIENCE).next_in(Timestamp(0)), None);
    }

    #[test]
    fn who_is_not_known_has_so_long_and_is_not_warned() {
        let term = Term::of(&Principal::default(), Timestamp(5), PATIENCE);
        assert_eq!((term.next_in(Timestamp(5)), term.warning.get()), (Some(PATIENCE), None));
    }

    #[test]
    fn what_is_next_is_never_past() {
        let term = Term::of(&expiring(Some(-5)), Timestamp(0), PATIENCE);
        assert_eq!(term.next_in(Timestamp(0)), Some(Duration::ZERO));
    }
}
