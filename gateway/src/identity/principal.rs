//! Who authenticated, how that is known, and what it allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Certificate, Pattern};
use crate::frame::Timestamp;

/// Who authenticated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Principal {
    /// The user's id; none for anonymous, and for a token or key that names nobody.
    pub user: Option<Arc<str>>,
    /// Roles, as `operator`; each is a room `role:<role>` that the sessions are in.
    pub roles: Vec<Arc<str>>,
    /// What it may do.
    pub scopes: Scopes,
    /// Rooms that its sessions may be in, beside what the rooms' rules say; none: all that the rules allow.
    pub rooms: Option<Vec<Pattern>>,
    /// What others in a room see of it: JSON.
    pub info: Option<Arc<str>>,
    /// Under which limits it falls, where the configuration has several.
    pub rate_class: Option<Arc<str>>,
    /// Claims of its token that rooms' rules ask for, by name.
    pub claims: BTreeMap<Arc<str>, Value>,
    /// How all this is known.
    pub proof: Proof,
}

/// Rights of a principal, also called permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scopes {
    /// Everything: an anonymous principal of a development profile.
    All,
    /// These only: words as `read`, and `publish:<room pattern>`.
    Some(Vec<Arc<str>>),
    /// None.
    #[default]
    None,
}

/// How it is known who a principal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// It is not: nothing was shown, or nothing that holds.
    #[default]
    Nothing,
    /// The profile asks for nothing.
    Anonymous,
    /// A token was verified.
    Token(Token),
    /// The API key of this name was shown.
    Key(Arc<str>),
    /// Its connection's handshake has verified a certificate.
    Certificate(Certificate),
}

impl Proof {
    /// Its name in metrics and in the audit log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Anonymous => "anonymous",
            Self::Token(_) => "token",
            Self::Key(_) => "key",
            Self::Certificate(_) => "certificate",
        }
    }
}

/// What a verified token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The profile that verified it.
    pub profile: Arc<str>,
    /// Its own id (`jti`), by which it can be revoked.
    pub id: Option<Arc<str>>,
    /// When it was issued (`iat`).
    pub issued_at: Option<Timestamp>,
    /// When it ceases to hold (`exp`).
    pub expires_at: Option<Timestamp>,
}

impl Principal {
    /// Without user, with every scope: who connects without a token where the profile is anonymous.
    pub fn anonymous() -> Self {
        Self { scopes: Scopes::All, proof: Proof::Anonymous, ..Self::default() }
    }

    /// Whether it has shown who it is.
    pub fn is_authenticated(&self) -> bool {
        matches!(self.proof, Proof::Token(_) | Proof::Key(_) | Proof::Certificate(_))
    }

    /// Whether it may do nothing, and has not shown who it is.
    pub fn is_nobody(&self) -> bool {
        self.proof == Proof::Nothing
    }

    /// The token by which it is known, if it is one.
    pub fn token(&self) -> Option<&Token> {
        match &self.proof {
            Proof::Token(token) => Some(token),
            _ => None,
        }
    }

    /// The profile that knows it, where one has verified something.
    pub fn profile(&self) -> Option<&Arc<str>> {
        match &self.proof {
            Proof::Token(token) => Some(&token.profile),
            Proof::Certificate(certificate) => Some(&certificate.profile),
            Proof::Nothing | Proof::Anonymous | Proof::Key(_) => None,
        }
    }

    /// When what it has shown ceases to hold.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match &self.proof {
            Proof::Token(token) => token.expires_at,
            Proof::Certificate(certificate) => Some(certificate.expires_at),
            Proof::Nothing | Proof::Anonymous | Proof::Key(_) => None,
        }
    }

    /// Whether it has `scope`, as `publish`, in full.
    pub fn may(&self, scope: &str) -> bool {
        match &self.scopes {
            Scopes::All => true,
            Scopes::Some(scopes) => scopes.iter().any(|s| **s == *scope),
            Scopes::None => false,
        }
    }

    /// Whether it has `scope` in full or for some rooms, as `publish:news:*`.
    pub fn may_somewhere(&self, scope: &str) -> bool {
        self.may(scope) || self.narrowed(scope).next().is_some()
    }

    /// Whether it has `scope` for this room; the name is empty for an event to everyone, which needs the whole scope.
    pub fn may_in(&self, scope: &str, room: &str) -> bool {
        self.may(scope)
            || (!room.is_empty() && self.narrowed(scope).any(|pattern| Pattern::fits(pattern, room)))
    }

    /// The patterns to which it has `scope` narrowed.
    fn narrowed<'a>(&'a self, scope: &'a str) -> impl Iterator<Item = &'a str> {
        let scopes = match &self.scopes {
            Scopes::Some(scopes) => scopes.as_slice(),
            Scopes::All | Scopes::None => &[],
        };
        scopes.iter().filter_map(move |held| held.strip_prefix(scope)?.strip_prefix(':'))
    }

    /// Whether its token lets its sessions into this room, where the token says anything about rooms.
    pub fn may_enter(&self, room: &str) -> bool {
        self.rooms.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(room)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(scopes: &[&str]) -> Principal {
        let scopes = scopes.iter().map(|scope| (*scope).into()).collect();
        Principal { scopes: Scopes::Some(scopes), ..Principal::default() }
    }

    #[test]
    fn a_scope_may_be_narrowed_to_rooms() {
        let editor = with(&["publish:news:*", "publish:one", "read"]);
        assert!(editor.may_somewhere("publish") && !editor.may("publish"));
        assert!(editor.may_in("publish", "news:1") && editor.may_in("publish", "one"));
        assert!(!editor.may_in("publish", "ones") && !editor.may_in("publish", "new"));
        assert!(!editor.may_in("publish", ""), "everyone is more than some rooms");
        assert!(editor.may_in("read", "") && !editor.may_somewhere("admin"));
        assert!(!with(&["publisher:x"]).may_somewhere("publish"));
        assert!(!with(&["publish:*"]).may_in("publish", ""));
        assert!(Principal::anonymous().may_in("publish", ""));
        assert!(!Principal::default().may_somewhere("publish"));
    }
}
