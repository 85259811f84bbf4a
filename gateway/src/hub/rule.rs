//! Rules for rooms, matched by the longest prefix of their names.

use std::sync::Arc;

use crate::history::Keep;
use crate::identity::Principal;

/// Who may do a thing in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Every session.
    #[default]
    Anyone,
    /// No session: only plugins and the API.
    Nobody,
}

impl Who {
    /// Whether `principal` is among them, in the room `name`.
    pub fn takes_in(&self, _principal: &Principal, _name: &str) -> bool {
        *self == Self::Anyone
    }
}

/// What holds for the rooms whose names start with `prefix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The start of the names; also the room's class in metrics.
    pub prefix: String,
    /// Which sessions may join.
    pub join: Who,
    /// Which sessions may publish.
    pub publish: Who,
    /// What is kept.
    pub keep: Keep,
    /// Members at most; 0: no limit.
    pub max_members: usize,
}

/// The rules of a gateway.
pub struct Rules {
    /// Longest prefix first; the last one has the empty prefix.
    rules: Vec<Arc<Rule>>,
}

impl Rules {
    /// Sorts `rules`; a room that none matches gets [`Rule::default`].
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        if !rules.iter().any(|r| r.prefix.is_empty()) {
            rules.push(Arc::default());
        }
        rules.sort_by_key(|r| std::cmp::Reverse(r.prefix.len()));
        Self { rules }
    }

    /// The rule of the room `name`.
    pub fn find(&self, name: &str) -> &Arc<Rule> {
        let found = self.rules.iter().find(|r| name.starts_with(&r.prefix));
        found.unwrap_or_else(|| unreachable!("the empty prefix matches every name"))
    }

    /// The prefixes, which are the classes of rooms in metrics.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|r| r.prefix.as_str())
    }
}
