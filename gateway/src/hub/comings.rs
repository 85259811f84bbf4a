//! Who came into a room and who left it since its members were told last. What cancels out within that time is never told.

mod tell;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::presence::Present;
use super::room::Room;

/// What a room whose rule has `join_leave` remembers, under its lock. Bounded by its members, now and when they were told.
#[derive(Default)]
pub(crate) struct Comings {
    changes: HashMap<Arc<str>, Change, foldhash::fast::RandomState>,
    /// Of the next change.
    order: u64,
    /// Sessions of each user, as the members were told.
    users: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
    /// Events told so far.
    told: u64,
    /// The room stands among those that have something to tell.
    listed: bool,
}

/// A session in the room.
struct Change {
    /// Changes are told in the order in which they began.
    order: u64,
    /// As the members know it; none where they do not.
    before: Option<Present>,
    /// As it is now; none where it has left.
    after: Option<Present>,
}

/// What the members are to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Who came, or says something else of itself than before; and whether it is the first session of its user. One
    /// without a user is.
    pub(crate) joined: Vec<(Present, bool)>,
    /// Who left, and whether it was the last session of its user.
    pub(crate) left: Vec<(Present, bool)>,
}

impl Comings {
    /// A session came.
    pub(crate) fn joined(&mut self, now: Present) {
        self.change(None, Some(now));
    }

    /// A session left, which was there as `was`.
    pub(crate) fn left(&mut self, was: Present) {
        self.change(Some(was), None);
    }

    /// A session that is there says something else of itself.
    pub(crate) fn changed(&mut self, was: Present, now: Present) {
        self.change(Some(was), Some(now));
    }

    fn change(&mut self, before: Option<Present>, after: Option<Present>) {
        let Some(id) = after.as_ref().or(before.as_ref()).map(|one| Arc::clone(&one.connection_id)) else {
            return;
        };
        match self.changes.entry(id) {
            Entry::Occupied(mut known) => known.get_mut().after = after,
            Entry::Vacant(space) => {
                self.order += 1;
                space.insert(Change { order: self.order, before, after });
            }
        }
    }

    /// Takes what is to be told. Who came counts before who left: a user who goes over from one session to another is
    /// never away.
    pub(crate) fn take(&mut self) -> News {
        let mut changes: Vec<_> = self.changes.drain().map(|(_, change)| change).collect();
        changes.retain(|change| change.before != change.after);
        changes.sort_unstable_by_key(|change| change.order);
        let mut news = News::default();
        for Change { before, after, .. } in &changes {
            let Some(now) = after else { continue };
            let is_known = before.as_ref().is_some_and(|was| was.user_id == now.user_id);
            news.joined.push((now.clone(), !is_known && self.one_more(now.user_id.as_ref())));
        }
        for Change { before, after, .. } in changes {
            match (before, after) {
                (Some(was), None) => {
                    let last = self.one_less(was.user_id.as_ref());
                    news.left.push((was, last));
                }
                (Some(was), Some(now)) if was.user_id != now.user_id => {
                    self.one_less(was.user_id.as_ref());
                }
                _ => {}
            }
        }
        news
    }

    /// One session more of this user; whether it is the first.
    fn one_more(&mut self, user: Option<&Arc<str>>) -> bool {
        let Some(user) = user else { return true };
        let sessions = self.users.entry(Arc::clone(user)).or_default();
        *sessions += 1;
        *sessions == 1
    }

    /// One less; whether it was the last.
    fn one_less(&mut self, user: Option<&Arc<str>>) -> bool {
        let Some(Entry::Occupied(mut known)) = user.map(|user| self.users.entry(Arc::clone(user))) else {
            return true;
        };
        *known.get_mut() -= 1;
        let last = *known.get() == 0;
        if last {
            known.remove();
        }
        last
    }

    /// The place of the last event that told of members; 0 before the first.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// The place of the next event that tells of members.
    pub(crate) fn next(&mut self) -> u64 {
        self.told += 1;
        self.told
    }
}

/// Rooms whose members are to be told who came and left.
#[derive(Default)]
pub(crate) struct Stirred {
    rooms: Mutex<Vec<Arc<Room>>>,
    wake: Notify,
}

impl Stirred {
    /// A room, whose lock guards `comings`, has something to tell.
    pub(crate) fn list(&self, room: &Arc<Room>, comings: &mut Comings) {
        if !std::mem::replace(&mut comings.listed, true) {
            self.rooms.lock().push(Arc::clone(room));
            self.wake.notify_one();
        }
    }
}
