//! A profile: how an endpoint or the API knows who a client is.

use std::borrow::Cow;
use std::sync::Arc;

use super::cache::{self, Cache};
use super::credentials::{Shown, Taking};
use super::token::{self, Parts};
use super::{Authoriser, ClaimRules, Keyring, Principal, Question, Refusal, Revocations, Wish};
use crate::frame::Timestamp;

/// What a profile is made of.
pub struct Settings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Whether who shows nothing is a principal without user, with every scope.
    pub anonymous: bool,
    /// Where tokens are taken from.
    pub taking: Taking,
    /// Sessions of a user at one time; 0: no limit.
    pub max_per_user: usize,
    /// Whether a session over that limit takes the place of the user's oldest; else it is refused.
    pub close_oldest: bool,
    /// What verifies tokens.
    pub keyring: Arc<Keyring>,
    /// What their claims must be, and mean.
    pub claims: ClaimRules,
    /// What was called back.
    pub revocations: Arc<Revocations>,
    /// Who else is asked; none: nobody.
    pub authoriser: Option<Authoriser>,
}

/// See the module's documentation.
pub struct Profile {
    /// What it is made of.
    pub settings: Settings,
    cache: Cache,
}

impl Profile {
    /// Of these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, cache: Cache::default() }
    }

    /// The token that a request shows.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn token<'a>(&self, shown: &Shown<'a>) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.settings.taking.token(shown)
    }

    /// Who a token is: with the keys that are there, at once.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        let (keys, now, hash) = (self.settings.keyring.now(), Timestamp::now(), cache::hash(token));
        let known = self.cache.find(&hash, &keys, now);
        let principal = match known {
            Some(principal) => principal,
            None => {
                let (principal, until) = self.verify(token, &keys, now)?;
                let principal = Arc::new(principal);
                self.cache.put(hash, &principal, &keys, until);
                principal
            }
        };
        if self.settings.revocations.hold(&principal) { Err(Refusal::Revoked) } else { Ok(principal) }
    }

    /// The same for a refusal that fresh keys may turn: has them fetched, waits for them for a moment, and looks again.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn authenticate_anew(&self, token: &str, refusal: Refusal) -> Result<Arc<Principal>, Refusal> {
        if self.settings.keyring.refreshed().await { self.authenticate(token) } else { Err(refusal) }
    }

    /// Whether [`authenticate_anew`](Self::authenticate_anew) may turn this refusal.
    pub fn may_turn(&self, refusal: Refusal) -> bool {
        refusal.may_pass_with_fresh_keys() && self.settings.keyring.has_source()
    }

    /// Whether somebody else is asked who may have a session.
    pub fn asks(&self) -> bool {
        self.settings.authoriser.as_ref().is_some_and(|authoriser| authoriser.is_for(Wish::Connect))
    }

    /// Asks whether `principal` may have a session at `endpoint`, where that is asked.
    ///
    /// # Errors
    /// [`Refusal::Denied`].
    pub async fn admit(&self, principal: Arc<Principal>, endpoint: &str) -> Result<Arc<Principal>, Refusal> {
        let Some(authoriser) = self.settings.authoriser.as_ref().filter(|_| self.asks()) else {
            return Ok(principal);
        };
        let question = Question::new(Wish::Connect, &principal).at(endpoint);
        if authoriser.allows(question).await { Ok(principal) } else { Err(Refusal::Denied) }
    }

    /// Who a token is, and until when that is so.
    fn verify(
        &self,
        token: &str,
        keys: &super::keys::Keys,
        now: Timestamp,
    ) -> Result<(Principal, Timestamp), Refusal> {
        let parts = Parts::of(token)?;
        if !self.settings.keyring.allows(parts.algorithm) {
            return Err(Refusal::Algorithm);
        }
        let key_until = keys.verify(&parts, now).map_err(|refusal| match refusal {
            Refusal::UnknownKey if self.settings.keyring.is_waiting() => Refusal::Unavailable,
            refusal => refusal,
        })?;
        let principal = self.settings.claims.principal(&token::decode(parts.payload)?, now)?;
        let expires_at = principal.token().and_then(|token| token.expires_at);
        let leeway = i64::try_from(self.settings.claims.leeway.as_millis()).unwrap_or(i64::MAX);
        let until = expires_at.map_or(i64::MAX, |at| at.0.saturating_add(leeway));
        Ok((principal, Timestamp(until.min(key_until.map_or(i64::MAX, |until| until.0)))))
    }
}
