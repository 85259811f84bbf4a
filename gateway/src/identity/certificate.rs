//! Certificates that clients show in their handshakes, as a profile knows them: whose they are, and what they may do.

use std::sync::Arc;

use super::{Pattern, Principal, Proof, Scopes};
use crate::frame::Timestamp;

/// Bytes of a name at most, as of a token's user: with a prefix it is still a room's name.
const LONGEST: usize = 190;

/// A certificate that was verified in the handshake.
#[derive(Clone, Copy, Debug)]
pub struct ShownCertificate<'a> {
    /// The listener's name, whose authorities have issued it.
    pub listener: &'a str,
    /// Its bearer's.
    pub name: &'a Arc<str>,
    /// When it was issued, as far as it says, in seconds since 1970.
    pub not_before: i64,
    /// When it ceases to hold, in seconds since 1970.
    pub not_after: i64,
}

impl ShownCertificate<'_> {
    /// Whether it holds no longer.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        at(self.not_after) <= now
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1000))
}

/// What the bearers of some certificates may do.
#[derive(Clone, Debug)]
pub struct CertificateRule {
    /// Their names.
    pub name: Pattern,
    /// Where they must have been shown; none: anywhere.
    pub listener: Option<Arc<str>>,
    /// Their roles.
    pub roles: Vec<Arc<str>>,
    /// What they may do.
    pub scopes: Scopes,
    /// Rooms that their sessions may be in; none: all that the rules allow.
    pub rooms: Option<Vec<Pattern>>,
    /// Under which limits they fall.
    pub rate_class: Option<Arc<str>>,
}

/// How long a principal is one by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The profile that knows it.
    pub profile: Arc<str>,
    /// When it was issued, as far as it says.
    pub issued_at: Timestamp,
    /// When it ceases to hold.
    pub expires_at: Timestamp,
}

impl CertificateRule {
    fn is_for(&self, shown: &ShownCertificate<'_>) -> bool {
        let here = self.listener.as_deref().is_none_or(|listener| listener == shown.listener);
        here && shown.name.len() <= LONGEST && self.name.matches(shown.name)
    }

    fn principal(&self, profile: &Arc<str>, shown: &ShownCertificate<'_>) -> Principal {
        let certificate = Certificate {
            profile: Arc::clone(profile),
            issued_at: at(shown.not_before),
            expires_at: at(shown.not_after),
        };
        Principal {
            user: Some(Arc::clone(shown.name)),
            roles: self.roles.clone(),
            scopes: self.scopes.clone(),
            rooms: self.rooms.clone(),
            rate_class: self.rate_class.clone(),
            proof: Proof::Certificate(certificate),
            ..Principal::default()
        }
    }
}

/// Who shows this certificate, by the first of `rules` that takes its name in.
pub(super) fn principal(
    rules: &[CertificateRule],
    profile: &Arc<str>,
    shown: &ShownCertificate<'_>,
) -> Option<Principal> {
    rules.iter().find(|rule| rule.is_for(shown)).map(|rule| rule.principal(profile, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, listener: Option<&str>, role: &str) -> CertificateRule {
        CertificateRule {
            name: Pattern::new(name),
            listener: listener.map(Into::into),
            roles: vec![role.into()],
            scopes: Scopes::None,
            rooms: None,
            rate_class: None,
        }
    }

    #[test]
    fn the_first_rule_that_takes_a_name_in_counts_where_it_was_shown() {
        let rules = [
            rule("billing", Some("partners"), "partner"),
            rule("billing", None, "service"),
            rule("batch-*", None, "batch"),
        ];
        let role = |listener: &str, name: &str| {
            let name = name.into();
            let shown = ShownCertificate { listener, name: &name, not_before: 0, not_after: 0 };
            principal(&rules, &"default".into(), &shown).map(|found| found.roles[0].to_string())
        };
        assert_eq!(role("partners", "billing").as_deref(), Some("partner"));
        assert_eq!(role("inside", "billing").as_deref(), Some("service"));
        assert_eq!(role("inside", "batch-7").as_deref(), Some("batch"));
        assert_eq!(role("inside", "other"), None);
        assert_eq!(role("inside", &format!("batch-{}", "x".repeat(LONGEST))), None);
    }
}
