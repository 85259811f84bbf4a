//! Tokens that were called back before their time. What is here counts from now on, for requests and for sessions that
//! live; [`Ledger`] keeps it over a restart.

mod ledger;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::{Principal, Proof};
use crate::frame::Timestamp;

pub use ledger::{Ledger, RevokeError};

/// The end of time, as far as it can be written: the last second of the year 9999.
const NEVER: Timestamp = Timestamp(253_402_300_799_000);

/// Which tokens are called back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// The one with this id (`jti`).
    Token(Arc<str>),
    /// Those of this user, and certificates.
    User(Arc<str>),
    /// Those of everybody.
    All,
}

/// Tokens that are called back, and for how long that must be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub what: Revoked,
    /// Of a user and of everybody: those that were issued then or before, or do not say when. A token issued in the
    /// same second counts among them, as tokens say no more than the second.
    pub before: Timestamp,
    /// When the last of them has expired.
    pub until: Timestamp,
}

/// There is no room for a further revocation; none has been dropped for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} revocations are in force, as many as there may be; some end as the tokens expire")]
pub struct TooMany(pub usize);

/// All revocations that are in force.
pub struct Revocations {
    /// How many there may be.
    most: usize,
    /// For how long a revocation is known of whose tokens it is not known when they expire: as long as any may live.
    keep: Mutex<Duration>,
    all: RwLock<HashMap<Revoked, Times, foldhash::fast::RandomState>>,
    /// Grows with each revocation, so that whoever looks after sessions sees that there is something to look for.
    generation: AtomicU64,
    /// Those whose end was found to be later than was thought.
    prolonged: Mutex<Vec<Revocation>>,
}

#[derive(Clone, Copy)]
struct Times {
    before: Timestamp,
    until: Timestamp,
}

impl Revocations {
    /// None yet. Each is known for `keep`; [`Duration::MAX`]: for ever, as tokens may live.
    pub fn new(most: usize, keep: Duration) -> Self {
        let (all, generation, prolonged) = (RwLock::default(), AtomicU64::new(0), Mutex::default());
        Self { most, keep: Mutex::new(keep), all, generation, prolonged }
    }

    /// From now on each is known for so long, or longer where tokens of before may live longer.
    pub fn keep_for(&self, keep: Duration) {
        let mut known = self.keep.lock();
        *known = keep.max(*known);
    }

    /// When a revocation made now can be forgotten, as far as is known.
    pub fn forgotten_at(&self, now: Timestamp) -> Timestamp {
        let keep = i64::try_from(self.keep.lock().as_millis()).unwrap_or(i64::MAX);
        Timestamp(now.0.saturating_add(keep)).min(NEVER)
    }

    /// From here on these tokens do not hold. Answers what is in force, which may reach further than what was asked
    /// for: a revocation is never narrowed.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn revoke(&self, revocation: Revocation) -> Result<Revocation, TooMany> {
        let Revocation { what, before, until } = revocation;
        let mut all = self.all.write();
        if all.len() >= self.most && !all.contains_key(&what) {
            return Err(TooMany(self.most));
        }
        let times = all.entry(what.clone()).or_insert(Times { before, until });
        times.before = times.before.max(before);
        times.until = times.until.max(until);
        let Times { before, until } = *times;
        drop(all);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(Revocation { what, before, until })
    }

    /// Grows with each revocation.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the principal's token is among those that were called back, or its user's certificates are. A
    /// revocation of everybody's is of tokens: certificates have lists of their authority's.
    pub fn hold(&self, principal: &Principal) -> bool {
        let (id, issued_at, everybody) = match &principal.proof {
            Proof::Token(token) => (token.id.as_ref(), token.issued_at, Some((Revoked::All, false))),
            Proof::Certificate(certificate) => (None, Some(certificate.issued_at), None),
            Proof::Nothing | Proof::Anonymous | Proof::Key(_) => return false,
        };
        let all = self.all.read();
        if all.is_empty() {
            return false;
        }
        let issued = issued_at.unwrap_or(Timestamp(0));
        let by_id = id.map(|id| (Revoked::Token(Arc::clone(id)), true));
        let by_user = principal.user.as_ref().map(|user| (Revoked::User(Arc::clone(user)), false));
        let named = [by_id, by_user, everybody];
        let found = named.into_iter().flatten().find_map(|(what, whenever)| {
            let times = all.get(&what).filter(|times| whenever || issued <= times.before)?;
            Some((what, *times))
        });
        drop(all);
        let Some((what, times)) = found else { return false };
        self.prolong(what, times, principal.expires_at());
        true
    }

    /// A revocation has to be known until its tokens have expired.
    fn prolong(&self, what: Revoked, times: Times, expires_at: Option<Timestamp>) {
        let Some(until) = expires_at.filter(|expires_at| *expires_at > times.until) else { return };
        if let Some(known) = self.all.write().get_mut(&what) {
            known.until = known.until.max(until);
            self.prolonged.lock().push(Revocation { what, before: times.before, until });
        }
    }

    /// Forgets what has had its time.
    pub fn sweep(&self, now: Timestamp) {
        self.all.write().retain(|_, times| now < times.until);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Proof, Token};
    use super::*;

    fn revocations() -> Revocations {
        Revocations::new(3, Duration::from_secs(60))
    }

    fn revoke(
        revocations: &Revocations,
        what: Revoked,
        before: i64,
        until: i64,
    ) -> Result<Revocation, TooMany> {
        revocations.revoke(Revocation { what, before: Timestamp(before), until: Timestamp(until) })
    }

    fn holder(user: &str, id: &str, issued_at: Option<i64>) -> Principal {
        let token = Token {
            profile: "p".into(),
            id: Some(id.into()),
            issued_at: issued_at.map(Timestamp),
            expires_at: Some(Timestamp(9000)),
        };
        Principal { user: Some(user.into()), proof: Proof::Token(token), ..Principal::default() }
    }

    #[test]
    fn tokens_are_revoked_by_id_user_and_time() {
        let all = revocations();
        assert!(!all.hold(&holder("ada", "1", Some(0))));
        revoke(&all, Revoked::Token("1".into()), 0, 9000).unwrap();
        assert!(all.hold(&holder("ada", "1", Some(5000))) && !all.hold(&holder("ada", "2", Some(5000))));
        revoke(&all, Revoked::User("bob".into()), 1000, 9000).unwrap();
        assert!(all.hold(&holder("bob", "3", Some(1000))) && !all.hold(&holder("bob", "3", Some(1001))));
        assert!(all.hold(&holder("bob", "3", None)), "it does not say when it was issued");
        assert!(!all.hold(&holder("bo", "3", Some(0))));
        revoke(&all, Revoked::All, 500, 9000).unwrap();
        assert!(all.hold(&holder("eve", "4", Some(500))) && !all.hold(&holder("eve", "4", Some(501))));
        assert!(!all.hold(&Principal::anonymous()));
    }

    #[test]
    fn a_revocation_is_never_narrowed_and_tells_that_it_came() {
        let all = revocations();
        revoke(&all, Revoked::All, 500, 2000).unwrap();
        let before = all.generation();
        let now = revoke(&all, Revoked::All, 100, 3000).unwrap();
        assert_eq!((now.before, now.until), (Timestamp(500), Timestamp(3000)));
        assert!(all.generation() > before);
    }

    #[test]
    fn they_are_bounded_and_none_is_dropped_for_another() {
        let all = revocations();
        for id in ["1", "2", "3"] {
            revoke(&all, Revoked::Token(id.into()), 0, 100).unwrap();
        }
        assert_eq!(revoke(&all, Revoked::All, 0, 100).err(), Some(TooMany(3)));
        assert!(revoke(&all, Revoked::Token("1".into()), 0, 200).is_ok());
        all.sweep(Timestamp(100));
        assert!(revoke(&all, Revoked::All, 0, 100).is_ok());
    }

    #[test]
    fn one_is_known_for_ever_where_tokens_may_live_as_long() {
        let now = Timestamp::now();
        assert_eq!(Revocations::new(1, Duration::MAX).forgotten_at(now), NEVER);
        assert_eq!(revocations().forgotten_at(Timestamp(1000)), Timestamp(61_000));
        assert!(NEVER.to_string().starts_with("9999-12-31"));
    }

    #[test]
    fn one_is_known_until_the_tokens_that_it_met_have_expired() {
        let all = revocations();
        revoke(&all, Revoked::Token("1".into()), 0, 100).unwrap();
        assert!(all.hold(&holder("ada", "1", None)));
        all.sweep(Timestamp(8999));
        assert!(all.hold(&holder("ada", "1", None)));
        assert_eq!(all.prolonged.lock().len(), 1);
        all.sweep(Timestamp(9000));
        assert!(!all.hold(&holder("ada", "1", None)));
    }
}
