//! Going on where a client was when it lost its connection, for dialects whose clients say that when they begin.

use std::rc::Rc;
use std::sync::Arc;

use super::listening::{Resume, Wants};
use super::outbound::{Progress, Reached};
use super::{Endpoint, Session};
use crate::dialect::{Before, Start};
use crate::frame::Posted;
use crate::hub::Rules;
use crate::identity::Principal;

/// What becoming known has led to.
pub(super) struct Begun {
    /// What the rooms show who joins.
    pub(super) cached: Vec<Arc<Posted>>,
    /// Where it goes on once it has lost its connection; none where no session does.
    pub(super) start: Option<Start>,
}

impl Endpoint {
    /// `before`, if `principal` may be in all its rooms.
    pub(super) async fn lets_rejoin(
        &self,
        rules: &Rules,
        principal: &Principal,
        before: Before,
    ) -> Option<Before> {
        for room in &before.rooms {
            if !self.lets_join(rules, principal, room).await {
                return None;
            }
        }
        Some(before)
    }
}

impl Session {
    /// Joins what it is in from the start or, where nothing is missing since, what it was in `before`.
    pub(super) fn begin_rooms(self: &Rc<Self>, before: Option<&Before>) -> Begun {
        let recovers = self.dialect.recovers() && self.common.shard.hub().rules().keep_history();
        let begins = self.seat.rooms().is_empty();
        let rejoined = before.filter(|_| recovers && begins).and_then(|before| self.rejoin(before));
        let recovered = rejoined.is_some();
        let cached = rejoined.unwrap_or_else(|| self.join_first_rooms());
        if recovers {
            self.outbound.track(Progress::new(false, Vec::new()));
            self.note_rooms();
        }
        let progress = self.outbound.progress().filter(|_| recovers);
        let start = progress.map(|progress| Start { recovered, reached: progress.tell() });
        Begun { cached, start }
    }

    /// Is again where it was, and gets what it has missed; none, and in no room, where not all of that is there any more.
    fn rejoin(self: &Rc<Self>, before: &Before) -> Option<Vec<Arc<Posted>>> {
        let since = Resume::After(before.reached.clone());
        let wants = Wants { rooms: before.rooms.clone(), since, ..Wants::default() };
        self.join_broadcasts(&wants); // which tells by itself what is missing
        let joined = self.join_wanted(&wants).ok();
        let whole = joined.filter(|all| all.iter().all(|(_, joined)| joined.recovered != Some(false)));
        if whole.is_none() {
            self.exit();
        }
        Some(whole?.into_iter().flat_map(|(_, joined)| joined.cached).collect())
    }

    /// It may be in other rooms than before: its client is told where it is, if it is told that.
    pub(super) fn note_rooms(&self) {
        let Some(progress) = self.outbound.progress() else { return };
        let standings = self.common.shard.standings(self);
        let nameless = self.seat.is_in("").then(|| Arc::from(""));
        let rooms = self.seat.rooms().into_iter().chain(nameless);
        let reached = |room: Arc<str>| {
            let number = self.seat.number(&room)?;
            let cursor = standings.iter().find(|(of, _)| *of == number).map(|(_, cursor)| *cursor);
            Some(Reached { number, room, cursor })
        };
        if progress.be_in(rooms.filter_map(reached).collect()) {
            self.outbound.wake();
        }
    }
}
