//! Rules for rooms, matched by the longest prefix of their names.

use std::sync::Arc;

use crate::history::Keep;

/// Who may do a thing in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Every session.
    #[default]
    Anyone,
    /// No session: only plugins and the API.
    Nobody,
}

/// What holds for the rooms whose names start with `prefix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The start of the names.
    pub prefix: String,
    /// The class of its rooms in metrics, which [`Rules`] gives: 0 is that of the empty prefix.
    pub class: u16,
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
    /// Sorts and numbers `rules`; a room that none matches gets [`Rule::default`].
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rules: Vec<_> = rules.into_iter().collect();
        if !rules.iter().any(|r| r.prefix.is_empty()) {
            rules.push(Rule::default());
        }
        rules.sort_by_key(|r| std::cmp::Reverse(r.prefix.len()));
        for (class, rule) in (0..).zip(rules.iter_mut().rev()) {
            rule.class = class;
        }
        Self { rules: rules.into_iter().map(Arc::new).collect() }
    }

    /// The rule of the room `name`.
    pub fn find(&self, name: &str) -> &Arc<Rule> {
        let found = self.rules.iter().find(|r| name.starts_with(&r.prefix));
        found.unwrap_or_else(|| unreachable!("the empty prefix matches every name"))
    }

    /// By number of the class: the prefix, and whether history is kept.
    pub(super) fn classes(&self) -> impl Iterator<Item = (String, bool)> {
        self.rules.iter().rev().map(|rule| (rule.prefix.clone(), rule.keep.size > 0))
    }
}
