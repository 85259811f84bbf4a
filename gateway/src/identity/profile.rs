//! A profile: how an endpoint or the API knows who a client is.

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::cache::{self, Cache};
use super::credentials::{Shown, Taking};
use super::token::{self, Parts};
use super::{
    Authoriser, CertificateRule, ClaimRules, Keyring, Principal, Question, Refusal, Revocations,
    ShownCertificate, Wish, certificate,
};
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
    /// Whose certificates are a principal's; empty: nobody's.
    pub certificates: Vec<CertificateRule>,
    /// What was called back.
    pub revocations: Arc<Revocations>,
    /// Who else is asked; none: nobody.
    pub authoriser: Option<Authoriser>,
}

/// See the module's documentation. Whoever holds one goes by its settings of the moment.
pub struct Profile {
    now: ArcSwap<Now>,
}

/// What tokens are found to be holds for the settings by which they were judged.
struct Now {
    settings: Arc<Settings>,
    cache: Cache,
}

impl Profile {
    /// Of these settings.
    pub fn new(settings: Settings) -> Self {
        Self { now: ArcSwap::new(Now::of(settings)) }
    }

    /// What it is made of now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.now.load().settings)
    }

    /// From now on it is made of these: tokens are judged anew, and who is in stays in.
    pub fn set(&self, settings: Settings) {
        self.now.store(Now::of(settings));
    }

    /// The token that a request shows.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn token<'a>(&self, shown: &Shown<'a>) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.settings().taking.token(shown)
    }

    /// Who a token is: with the keys that are there, at once.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        let current = self.now.load();
        let Now { settings, cache } = &**current;
        let (keys, now, hash) = (settings.keyring.now(), Timestamp::now(), cache::hash(token));
        let principal = match cache.find(&hash, &keys, now) {
            Some(principal) => principal,
            None => {
                let (principal, until) = settings.verify(token, &keys, now)?;
                let principal = Arc::new(principal);
                cache.put(hash, &principal, &keys, until);
                principal
            }
        };
        if settings.revocations.hold(&principal) { Err(Refusal::Revoked) } else { Ok(principal) }
    }

    /// Who a certificate is; none where the profile knows none of this name.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn certified(&self, shown: &ShownCertificate<'_>) -> Result<Option<Arc<Principal>>, Refusal> {
        let settings = self.settings();
        let Some(principal) = certificate::principal(&settings.certificates, &settings.name, shown) else {
            return Ok(None);
        };
        // Looked at with each request: the connection may be older than the certificate's last day.
        if shown.has_expired(Timestamp::now()) {
            return Err(Refusal::CertificateExpired);
        }
        if settings.revocations.hold(&principal) {
            Err(Refusal::Revoked)
        } else {
            Ok(Some(Arc::new(principal)))
        }
    }

    /// The same for a refusal that fresh keys may turn: has them fetched, waits for them for a moment, and looks again.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn authenticate_anew(&self, token: &str, refusal: Refusal) -> Result<Arc<Principal>, Refusal> {
        let Some(mut fresh) = self.settings().keyring.fresh() else { return Err(refusal) };
        let mut outcome = Err(refusal);
        while outcome.as_ref().is_err_and(|refusal| refusal.may_pass_with_fresh_keys()) && fresh.come().await
        {
            outcome = self.authenticate(token);
        }
        outcome
    }

    /// Whether [`authenticate_anew`](Self::authenticate_anew) may turn this refusal.
    pub fn may_turn(&self, refusal: Refusal) -> bool {
        refusal.may_pass_with_fresh_keys() && self.settings().keyring.has_source()
    }

    /// Whether somebody else is asked who may have a session.
    pub fn asks(&self) -> bool {
        self.settings().asks()
    }

    /// Asks whether something may be done, where that is asked.
    pub async fn permits(&self, question: Question) -> bool {
        match &self.settings().authoriser {
            Some(authoriser) if authoriser.is_for(question.wish()) => authoriser.allows(question).await,
            _ => true,
        }
    }

    /// Asks whether `principal` may have a session at `endpoint`, where that is asked.
    ///
    /// # Errors
    /// [`Refusal::Denied`].
    pub async fn admit(&self, principal: Arc<Principal>, endpoint: &str) -> Result<Arc<Principal>, Refusal> {
        let question = Question::new(Wish::Connect, &principal).at(endpoint);
        if self.permits(question).await { Ok(principal) } else { Err(Refusal::Denied) }
    }
}

impl Now {
    fn of(settings: Settings) -> Arc<Self> {
        Arc::new(Self { settings: Arc::new(settings), cache: Cache::default() })
    }
}

impl Settings {
    fn asks(&self) -> bool {
        self.authoriser.as_ref().is_some_and(|authoriser| authoriser.is_for(Wish::Connect))
    }

    /// Who a token is, and until when that is so.
    fn verify(
        &self,
        token: &str,
        keys: &super::keys::Keys,
        now: Timestamp,
    ) -> Result<(Principal, Timestamp), Refusal> {
        let parts = Parts::of(token)?;
        if !self.keyring.allows(parts.algorithm) {
            return Err(Refusal::Algorithm);
        }
        let key_until = keys.verify(&parts, now).map_err(|refusal| match refusal {
            Refusal::UnknownKey if self.keyring.is_waiting() => Refusal::Unavailable,
            refusal => refusal,
        })?;
        let principal = self.claims.principal(&token::decode(parts.payload)?, now)?;
        let expires_at = principal.expires_at();
        let leeway = i64::try_from(self.claims.leeway.as_millis()).unwrap_or(i64::MAX);
        let until = expires_at.map_or(i64::MAX, |at| at.0.saturating_add(leeway));
        Ok((principal, Timestamp(until.min(key_until.map_or(i64::MAX, |until| until.0)))))
    }
}
