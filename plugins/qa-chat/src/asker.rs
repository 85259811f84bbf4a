//! Who asks.

use tidegate_plugin::{Call, Cancelled, HttpRequest};

use crate::conversation::Owner;

/// Who asks, and whether they still wait for the answer.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) owner: Owner,
    /// The connection id of the session that asks.
    pub(crate) connection: Option<String>,
    pub(crate) cancelled: Cancelled,
}

impl Asker {
    pub(crate) fn of_call(call: &Call) -> Self {
        let connection = Some(call.connection_id.clone()).filter(|id| !id.is_empty());
        let owner = match (&call.principal.user, &connection) {
            (Some(user), _) => Owner::User(user.clone()),
            (None, Some(connection)) => Owner::Session(connection.clone()),
            (None, None) => Owner::Nobody,
        };
        Self { owner, connection, cancelled: call.cancelled() }
    }

    pub(crate) fn of_request(request: &HttpRequest) -> Self {
        let owner = request.principal.user.clone().map_or(Owner::Nobody, Owner::User);
        Self { owner, connection: None, cancelled: request.cancelled() }
    }

    /// The user's id; none: anonymous.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.owner {
            Owner::User(user) => Some(user),
            Owner::Session(_) | Owner::Nobody => None,
        }
    }
}
