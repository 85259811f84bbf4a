//! Who a session or request is, and what it may do.

use std::sync::Arc;

/// Who authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The user's id; none for anonymous.
    pub user: Option<Arc<str>>,
    /// Roles, as `operator`.
    pub roles: Vec<Arc<str>>,
    /// What it may do.
    pub scopes: Scopes,
}

/// Rights of a principal, also called permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scopes {
    /// Everything: an anonymous principal of a development profile.
    All,
    /// These only.
    Some(Vec<Arc<str>>),
    /// None.
    #[default]
    None,
}

impl Principal {
    /// Without user, with every scope: who connects without a token where the profile is anonymous.
    pub fn anonymous() -> Self {
        Self { user: None, roles: Vec::new(), scopes: Scopes::All }
    }

    /// Whether it has `scope`, as `publish`.
    pub fn may(&self, scope: &str) -> bool {
        match &self.scopes {
            Scopes::All => true,
            Scopes::Some(scopes) => scopes.iter().any(|s| **s == *scope),
            Scopes::None => false,
        }
    }
}
