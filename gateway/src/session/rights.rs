//! What a session may do, and how another token changes that.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::recovery::Begun;
use super::waiting::{Open, Then};
use super::{Session, TOO_MANY};
use crate::audit::Deed;
use crate::dialect::{Answer, Before};
use crate::frame::{Posted, Since, Timestamp};
use crate::hub::{Entered, Guest, Rules};
use crate::identity::credentials::Source;
use crate::identity::{Principal, Refusal};
use crate::transport::close::{CloseReason, UNPROVEN};

/// Rooms of roles: a session is in those of its roles, and can ask for none.
pub(super) const ROLES: &str = "role:";

impl Session {
    /// Whether it is not known yet who it is by: its client is to show that first.
    pub(super) fn is_unknown(&self) -> bool {
        self.principal.borrow().is_nobody()
    }

    /// Takes another token. The request waits where its key has to be fetched, and where somebody else is asked who
    /// may have a session: this one is another's from here on, or one with other roles.
    pub(super) fn authenticate(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        token: &str,
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let verdict = self.endpoint.profile.authenticate(token);
        self.weigh(id, verdict, (token, None), open, out);
    }

    /// Begins, by a token or by what the request has shown that opened the connection, and where it was `before`.
    pub(super) fn enter(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        (token, before): (Option<&str>, Option<Before>),
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let takes = self.endpoint.profile.settings().taking.takes(Source::Payload);
        let shown = self.particulars.as_ref().and_then(|own| own.shown.as_ref());
        match (token.filter(|_| takes), shown) {
            (Some(token), _) => {
                let verdict = self.endpoint.profile.authenticate(token);
                self.weigh(id, verdict, (token, before), open, out);
            }
            (None, Some(shown)) => self.weigh(id, (**shown).clone(), ("", before), open, out),
            (None, None) => self.renew(id, Err(Refusal::Missing), None, out),
        }
    }

    /// Leaves everything that it is in; its client may begin again.
    pub(super) fn exit(self: &Rc<Self>) {
        for room in self.seat.rooms() {
            self.leave(&room);
        }
        self.common.shard.leave_broadcasts(self);
        self.note_rooms();
    }

    /// Goes by what a token has said, or asks first who else has a say.
    fn weigh(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        verdict: Result<Arc<Principal>, Refusal>,
        (token, before): (&str, Option<Before>),
        open: &mut Open,
        out: &mut Vec<u8>,
    ) {
        let profile = &self.endpoint.profile;
        let waits = match &verdict {
            Ok(_) => profile.asks() || before.is_some(),
            Err(refusal) => !token.is_empty() && profile.may_turn(*refusal),
        };
        if !waits {
            return self.renew(id, verdict, None, out);
        }
        let (endpoint, token) = (Rc::clone(&self.endpoint), token.to_owned());
        let rules = self.common.shard.hub().rules();
        open.wait(
            id,
            Box::pin(async move {
                let profile = &endpoint.profile;
                let verdict = match verdict {
                    Err(refusal) => profile.authenticate_anew(&token, refusal).await,
                    known => known,
                };
                let verdict = match verdict {
                    Ok(principal) => profile.admit(principal, &endpoint.path).await,
                    refused => refused,
                };
                let before = match (before, &verdict) {
                    (Some(before), Ok(principal)) => endpoint.lets_rejoin(&rules, principal, before).await,
                    _ => None,
                };
                let then: Then =
                    Box::new(move |session, id, out| session.renew(id, verdict, before.as_ref(), out));
                then
            }),
        );
    }

    /// Goes on with what a token says, if it is of the same user.
    fn renew(
        self: &Rc<Self>,
        id: Option<&RawValue>,
        verdict: Result<Arc<Principal>, Refusal>,
        before: Option<&Before>,
        out: &mut Vec<u8>,
    ) {
        // It may have been called back while the request waited.
        let verdict = verdict.and_then(|principal| match self.common.revocations.hold(&principal) {
            true => Err(Refusal::Revoked),
            false => Ok(principal),
        });
        let nameless = |principal: &Principal| self.dialect.needs_user() && principal.user.is_none();
        let verdict = verdict.and_then(|principal| match nameless(&principal) {
            true => Err(Refusal::Nameless),
            false => Ok(principal),
        });
        let stranger = self.is_unknown();
        let renewed = match verdict {
            Ok(principal) => match self.become_known(&principal, before) {
                Ok(begun) => Ok((principal, begun)),
                Err(why) => Err((why, None)),
            },
            Err(refusal) => {
                self.common.shard.hub().metrics().refusals.count(refusal);
                self.record(Deed::TokenRefused, |entry| entry.outcome(refusal.name()));
                Err((super::requests::capital(&refusal.to_string()), Some(refusal)))
            }
        };
        let dialect = &self.dialect;
        match renewed {
            Ok((principal, Begun { cached, start })) => {
                self.record(Deed::Authenticated, |entry| entry);
                let expires_at = principal.expires_at();
                let (user_id, roles) = (principal.user.as_deref(), principal.roles.as_slice());
                dialect.answer(
                    id,
                    &Answer::Authenticated { user_id, roles, expires_at, start: start.as_ref() },
                    out,
                );
                if (stranger || dialect.is_entered()) && !dialect.greets_strangers() {
                    self.welcome(None, None, out);
                }
                self.show(&cached, out);
            }
            Err((why, refusal)) => {
                dialect.answer(id, &Answer::Unproven { why: &why, refusal }, out);
                if self.is_unknown() && !dialect.forgives() {
                    self.fail_to_prove();
                }
            }
        }
    }

    /// Its client has shown something that proves nothing: there is one attempt each.
    pub(super) fn fail_to_prove(&self) {
        self.end(CloseReason::Policy(UNPROVEN.into()));
    }

    /// From here on the session is by `principal`: it has its time and its rights, and leaves the rooms that it may
    /// not be in any more. `place`: where it wants to go on.
    fn become_known(
        self: &Rc<Self>,
        principal: &Arc<Principal>,
        place: Option<&Before>,
    ) -> Result<Begun, String> {
        let (before, was) = (self.principal(), self.present());
        match (&before.user, &principal.user) {
            (Some(own), other) if Some(own) != other.as_ref() => {
                return Err("The token is another user's".to_owned());
            }
            (None, Some(user))
                if self.common.shard.adopt(self, user, self.endpoint.user_limit()) == Entered::Full =>
            {
                return Err(super::requests::capital(TOO_MANY));
            }
            _ => {}
        }
        self.principal.replace(Arc::clone(principal));
        self.common.shard.introduce(self, &was);
        let directory = self.common.shard.hub().directory();
        directory.enter_roles(&principal.roles);
        directory.leave_roles(&before.roles);
        self.term.begin(principal, Timestamp::now());
        self.begin_heartbeat();
        if before.is_nobody() {
            self.unknown.take();
        }
        if before.is_nobody() || self.dialect.is_entered() {
            self.seat.set_form(self.endpoint.form(self.dialect.form(), self.deflate));
            return Ok(self.begin_rooms(place));
        }
        self.leave_lost_rooms(&before, principal);
        Ok(Begun { cached: self.join_own_rooms(), start: None })
    }

    /// It stays where its endpoint puts it, and in rooms that it could not have asked for before: somebody else has put
    /// it there.
    fn leave_lost_rooms(self: &Rc<Self>, before: &Principal, now: &Principal) {
        self.leave_those(|room| match room.strip_prefix(ROLES) {
            Some(role) => !now.roles.iter().any(|own| **own == *role),
            None => self.may_join(before, room) && !self.may_join(now, room),
        });
    }

    /// The same where the rules for rooms are others than `before`.
    pub(super) fn leave_closed_rooms(self: &Rc<Self>, before: &Rules, now: &Rules) {
        let principal = self.principal();
        self.leave_those(|room| may_join(before, &principal, room) && !may_join(now, &principal, room));
    }

    /// Leaves the rooms that are `lost`, but for those that its endpoint puts it in.
    fn leave_those(self: &Rc<Self>, lost: impl Fn(&str) -> bool) {
        for room in self.seat.rooms() {
            if lost(&room) && !self.is_put_in(&room) {
                self.leave(&room);
            }
        }
    }

    /// Leaves a room; `false` where it is not in it. No gap reaches over this, to events that come when it is in again.
    pub(super) fn leave(self: &Rc<Self>, room: &str) -> bool {
        self.outbound.fence(room);
        if let Some(number) = self.seat.number(room) {
            self.outbound.choose(number, None);
        }
        let left = self.common.shard.leave(self, room);
        self.note_rooms();
        left
    }

    /// Whether its endpoint puts it in `room`.
    pub(super) fn is_put_in(&self, room: &str) -> bool {
        self.endpoint.first_rooms(self.principal().user.as_deref()).any(|own| own == room)
    }

    /// Whether it may have the history of `room`, where it is in already: it may have been put there by somebody else,
    /// or before the rules were what they are.
    pub(super) fn may_rejoin(&self, room: &str) -> bool {
        room.starts_with(ROLES) || self.is_put_in(room) || self.may_join(&self.principal(), room)
    }

    /// Joins the rooms that are its own: those that its endpoint puts every session in, and those of its roles.
    /// Answers what these show who joins.
    pub(super) fn join_own_rooms(self: &Rc<Self>) -> Vec<Arc<Posted>> {
        let (mut cached, mut failed) = (Vec::new(), None);
        for room in self.endpoint.own_rooms(&self.principal()) {
            if self.seat.is_in(&room) {
                continue;
            }
            match self.common.shard.join_own(self, &room, self.since(&room, Since::Now)) {
                Ok(shown) => {
                    self.has_read(shown.iter().map(|posted| posted.size()).sum());
                    self.record(Deed::Joined, |entry| entry.target(&room));
                    cached.extend(shown);
                }
                Err(error) => failed = failed.or(Some((room, error))),
            }
        }
        // One line: a token may bring many rooms, as often as its client likes.
        if let Some((room, error)) = failed {
            tracing::debug!(session = %self.id, room, %error, "cannot join a room of its own");
        }
        cached
    }

    /// Whether `principal` may ask to be in `room`.
    pub(super) fn may_join(&self, principal: &Principal, room: &str) -> bool {
        may_join(&self.common.shard.hub().rules(), principal, room)
    }
}

pub(super) fn may_join(rules: &Rules, principal: &Principal, room: &str) -> bool {
    !room.starts_with(ROLES) && principal.may_enter(room) && rules.find(room).lets_join(principal, room)
}
