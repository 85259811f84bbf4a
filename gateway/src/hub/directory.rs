//! Where each session lives: written when one opens or closes, never on the hot path.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use parking_lot::RwLock;

/// A session's place: a slot of a shard, and which of the slot's tenants it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The shard.
    pub shard: u16,
    /// Index into the shard's table of sessions.
    pub index: u32,
    /// Grows with each tenant of the slot.
    pub generation: u32,
}

/// How many sessions a user may have at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserLimit {
    /// As many as come.
    #[default]
    None,
    /// So many; a further one is refused.
    Refuse(usize),
    /// So many; a further one takes the place of the oldest.
    Displace(usize),
}

/// How entering a session went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It is in; the user's session at this slot has to go for it.
    In(Option<Slot>),
    /// Its id is another session's.
    Taken,
    /// Its user has as many as may be.
    Full,
}

/// Sessions by id and by user.
#[derive(Default)]
pub struct Directory(RwLock<Tables>);

#[derive(Default)]
struct Tables {
    sessions: HashMap<Arc<str>, Slot, foldhash::fast::RandomState>,
    users: HashMap<Arc<str>, Vec<Slot>, foldhash::fast::RandomState>,
    slots: HashSet<Slot, foldhash::fast::RandomState>,
    /// By role: sessions whose principal has it.
    roles: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
}

impl Tables {
    fn enter_user(&mut self, user: &Arc<str>, limit: UserLimit, slot: Slot) -> Entered {
        let slots = self.users.entry(Arc::clone(user)).or_default();
        let displaced = match limit {
            UserLimit::Refuse(most) if slots.len() >= most => return Entered::Full,
            // Struck out at once, so that the next one displaces another.
            UserLimit::Displace(most) if slots.len() >= most => Some(slots.remove(0)),
            _ => None,
        };
        slots.push(slot);
        Entered::In(displaced)
    }
}

impl Directory {
    /// Enters a session.
    pub(crate) fn enter(
        &self,
        id: &Arc<str>,
        user: Option<&Arc<str>>,
        limit: UserLimit,
        slot: Slot,
    ) -> Entered {
        let mut tables = self.0.write();
        if tables.sessions.contains_key(id) {
            return Entered::Taken;
        }
        let displaced = match user.map(|user| tables.enter_user(user, limit, slot)) {
            Some(Entered::In(displaced)) => displaced,
            Some(no) => return no,
            None => None,
        };
        tables.sessions.insert(Arc::clone(id), slot);
        tables.slots.insert(slot);
        Entered::In(displaced)
    }

    /// From here on the session at `slot`, which had no user, is this one's.
    pub(crate) fn adopt(&self, user: &Arc<str>, limit: UserLimit, slot: Slot) -> Entered {
        self.0.write().enter_user(user, limit, slot)
    }

    /// Whether a further session of `user` would be refused.
    pub fn is_full(&self, user: &str, limit: UserLimit) -> bool {
        let UserLimit::Refuse(most) = limit else { return false };
        self.0.read().users.get(user).is_some_and(|slots| slots.len() >= most)
    }

    /// Strikes a session out.
    pub(crate) fn leave(&self, id: &str, user: Option<&Arc<str>>, slot: Slot) {
        let mut tables = self.0.write();
        tables.sessions.remove(id);
        tables.slots.remove(&slot);
        let Some(user) = user else { return };
        if let Some(slots) = tables.users.get_mut(user) {
            slots.retain(|s| *s != slot);
            if slots.is_empty() {
                tables.users.remove(user);
            }
        }
    }

    /// A session has begun whose principal has these roles.
    pub(crate) fn enter_roles(&self, roles: &[Arc<str>]) {
        if roles.is_empty() {
            return;
        }
        let mut tables = self.0.write();
        roles.iter().for_each(|role| *tables.roles.entry(Arc::clone(role)).or_default() += 1);
    }

    /// It has ended.
    pub(crate) fn leave_roles(&self, roles: &[Arc<str>]) {
        if roles.is_empty() {
            return;
        }
        let mut tables = self.0.write();
        for role in roles {
            if let Some(sessions) = tables.roles.get_mut(role) {
                *sessions = sessions.saturating_sub(1);
            }
        }
        tables.roles.retain(|_, sessions| *sessions > 0);
    }

    /// By role: sessions whose principal has it.
    pub fn by_role(&self) -> BTreeMap<Arc<str>, usize> {
        self.0.read().roles.iter().map(|(role, sessions)| (Arc::clone(role), *sessions)).collect()
    }

    /// The session with this id.
    pub fn find(&self, id: &str) -> Option<Slot> {
        self.0.read().sessions.get(id).copied()
    }

    /// Whether the place's tenant of this generation is there.
    pub fn holds(&self, slot: Slot) -> bool {
        self.0.read().slots.contains(&slot)
    }

    /// All sessions of a user.
    pub fn of_user(&self, user: &str) -> Vec<Slot> {
        self.0.read().users.get(user).cloned().unwrap_or_default()
    }

    /// All sessions, in no order.
    pub fn all(&self) -> Vec<Slot> {
        self.0.read().sessions.values().copied().collect()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.0.read().sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many users have a session.
    pub fn users(&self) -> usize {
        self.0.read().users.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted_by_role_as_long_as_they_last() {
        let directory = Directory::default();
        let (both, one): ([Arc<str>; 2], [Arc<str>; 1]) =
            (["admin".into(), "staff".into()], ["staff".into()]);
        directory.enter_roles(&both);
        directory.enter_roles(&one);
        assert_eq!(directory.by_role(), BTreeMap::from([("admin".into(), 1), ("staff".into(), 2)]));
        directory.leave_roles(&both);
        assert_eq!(directory.by_role(), BTreeMap::from([("staff".into(), 1)]));
    }
}
