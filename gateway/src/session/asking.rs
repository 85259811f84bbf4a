//! Wishes of a client that somebody else is asked about, where its profile says so.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use super::Session;
use super::waiting::{Open, Then};
use crate::identity::{Question, Wish};

/// What a wish comes to.
pub(super) enum Permission {
    /// It may, or may not.
    Known(bool),
    /// That is being asked.
    Later(LocalBoxFuture<'static, bool>),
}

impl Permission {
    /// Whether it may.
    pub(super) async fn granted(self) -> bool {
        match self {
            Self::Known(allow) => allow,
            Self::Later(answer) => answer.await,
        }
    }
}

impl Session {
    /// Asks whether the client may do this in `room`, which the rules allow.
    pub(super) fn permission(&self, wish: Wish, room: &str, event_type: Option<&str>) -> Permission {
        let profile = self.endpoint.profile.settings();
        let Some(authoriser) = profile.authoriser.as_ref().filter(|one| one.is_for(wish)) else {
            return Permission::Known(true);
        };
        let question = Question::new(wish, &self.principal()).at(&self.endpoint.path).within(room);
        let question = match event_type {
            Some(event_type) => question.of_type(event_type),
            None => question,
        };
        if let Some(allow) = authoriser.known(&question) {
            return Permission::Known(allow);
        }
        Permission::Later(Box::pin(async move {
            match &profile.authoriser {
                Some(authoriser) => authoriser.allows(question).await,
                None => true,
            }
        }))
    }

    /// Does `then` with the answer, now or when it is there; the requests behind it wait.
    pub(super) fn with_permission(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        permission: Permission,
        open: &mut Open,
        out: &mut Vec<u8>,
        then: impl FnOnce(&Rc<Self>, bool, Option<&RawValue>, &mut Vec<u8>) + 'static,
    ) {
        match permission {
            Permission::Known(allow) => then(self, allow, id, out),
            Permission::Later(answer) => open.wait(
                id,
                Box::pin(async move {
                    let allow = answer.await;
                    let then: Then = Box::new(move |session, id, out| then(session, allow, id, out));
                    then
                }),
            ),
        }
    }
}
