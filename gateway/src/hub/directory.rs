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

impl Directory {
    /// Enters a session; `false` where its id is taken.
    pub(crate) fn enter(&self, id: &Arc<str>, user: Option<&Arc<str>>, slot: Slot) -> bool {
        let mut tables = self.0.write();
        if tables.sessions.contains_key(id) {
            return false;
        }
        tables.sessions.insert(Arc::clone(id), slot);
        tables.slots.insert(slot);
        if let Some(user) = user {
            tables.users.entry(Arc::clone(user)).or_default().push(slot);
        }
        true
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
