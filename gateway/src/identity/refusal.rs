//! Why credentials do not hold.

/// Why somebody is not let in. Nothing of what was shown is repeated: who forges a token learns no more than that it
/// does not hold, and no secret comes into a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was shown where something is needed.
    #[error("authentication is required")]
    Missing,
    /// It is no token, or shown in a way that leaves open which one is meant.
    #[error("the token is not valid")]
    Malformed,
    /// Longer than any token that is looked at.
    #[error("the token is too long")]
    TooLarge,
    /// None that a key of the profile is for; `none` among them.
    #[error("the token is not valid")]
    Algorithm,
    /// The profile has no key of this name, or none at all.
    #[error("the token is not valid")]
    UnknownKey,
    /// No key of the profile has made this signature.
    #[error("the token is not valid")]
    Signature,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It lives longer than tokens may.
    #[error("the token is not valid")]
    Age,
    /// `iss` is another, or missing where it is needed.
    #[error("the token is not valid")]
    Issuer,
    /// `aud` is another, or missing where it is needed.
    #[error("the token is not valid")]
    Audience,
    /// A claim is missing, is not of the form that it must have, or has another value than it must.
    #[error("the token is not valid")]
    Claim,
    /// It is of nobody where a user is needed.
    #[error("the token names no user")]
    Nameless,
    /// Who is asked about it does not let this principal in, or does not answer.
    #[error("not allowed to connect")]
    Denied,
    /// It was called back.
    #[error("the token is revoked")]
    Revoked,
    /// The certificate that the connection began with has had its time.
    #[error("the certificate has expired")]
    CertificateExpired,
    /// The keys are not there: their source does not answer.
    #[error("tokens cannot be verified now; try again")]
    Unavailable,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Missing,
        Self::Malformed,
        Self::TooLarge,
        Self::Algorithm,
        Self::UnknownKey,
        Self::Signature,
        Self::Expired,
        Self::NotYet,
        Self::Age,
        Self::Issuer,
        Self::Audience,
        Self::Claim,
        Self::Nameless,
        Self::Denied,
        Self::Revoked,
        Self::CertificateExpired,
        Self::Unavailable,
    ];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Age => "age",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claim => "claim",
            Self::Nameless => "nameless",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::CertificateExpired => "certificate_expired",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether fresh keys may change the verdict.
    pub(super) const fn may_pass_with_fresh_keys(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_stands_at_its_place() {
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place, "{}", refusal.name());
        }
    }
}
