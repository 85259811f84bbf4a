//! Wishes of a client that somebody else is asked about, where its profile says so.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use super::rights::may_join;
use super::waiting::{Open, Then};
use super::{Endpoint, Session};
use crate::hub::Rules;
use crate::identity::{Principal, Question, Wish};

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

impl Endpoint {
    /// Whether `principal` may be in `room` here: where it is put there, and where the rules allow it and nobody else who
    /// is asked denies it.
    pub async fn lets_join(&self, rules: &Rules, principal: &Principal, room: &str) -> bool {
        self.own_rooms(principal).iter().any(|own| own == room)
            || (may_join(rules, principal, room)
                && self.permission(principal, Wish::Join, room, None).granted().await)
    }

    fn permission(
        &self,
        principal: &Principal,
        wish: Wish,
        room: &str,
        event_type: Option<&str>,
    ) -> Permission {
        let profile = self.profile.settings();
        let Some(authoriser) = profile.authoriser.as_ref().filter(|one| one.is_for(wish)) else {
            return Permission::Known(true);
        };
        let question = Question::new(wish, principal).at(&self.path).within(room);
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
}

impl Session {
    /// Asks whether the client may do this in `room`, which the rules allow.
    pub(super) fn permission(&self, wish: Wish, room: &str, event_type: Option<&str>) -> Permission {
        self.endpoint.permission(&self.principal(), wish, room, event_type)
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
