//! Event types: interned for the gateway's life, known while somebody declares them.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::own::OWN;
use crate::frame::EventType;

/// All event types that were ever declared.
pub struct Types(RwLock<Table>);

#[derive(Default)]
struct Table {
    numbers: HashMap<Arc<str>, u32, foldhash::fast::RandomState>,
    /// By number: the name, and how many declare it.
    types: Vec<(Arc<str>, u32)>,
}

impl Default for Types {
    fn default() -> Self {
        let types = Self(RwLock::default());
        types.declare(OWN.map(|own| own.name));
        types
    }
}

impl Types {
    /// Makes types known; each call is undone by one of [`withdraw`](Self::withdraw).
    pub fn declare<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut table = self.0.write();
        for name in names {
            let number = table.intern(name);
            table.types[number as usize].1 += 1;
        }
    }

    /// Takes a declaration back.
    pub fn withdraw<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut table = self.0.write();
        for name in names {
            let number = table.intern(name) as usize;
            table.types[number].1 = table.types[number].1.saturating_sub(1);
        }
    }

    /// A type that is known.
    pub fn find(&self, name: &str) -> Option<EventType> {
        let table = self.0.read();
        let number = *table.numbers.get(name)?;
        let (name, declared) = &table.types[number as usize];
        (*declared > 0).then(|| EventType { number, name: Arc::clone(name) })
    }

    /// A type of an event that a history has, whether it is known now or not.
    pub fn intern(&self, name: &str) -> EventType {
        let mut table = self.0.write();
        let number = table.intern(name);
        EventType { number, name: Arc::clone(&table.types[number as usize].0) }
    }

    /// The names that are known, sorted.
    pub fn known(&self) -> Vec<Arc<str>> {
        let table = self.0.read();
        let mut names: Vec<_> = table
            .types
            .iter()
            .filter(|(_, declared)| *declared > 0)
            .map(|(name, _)| Arc::clone(name))
            .collect();
        names.sort();
        names
    }

    /// Whether `pattern` is a known type, or ends in `*`: such a pattern takes in types that come later.
    pub fn accepts(&self, pattern: &str) -> bool {
        pattern.ends_with('*') || self.find(pattern).is_some()
    }
}

impl Table {
    fn intern(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.types.len() as u32;
        let name: Arc<str> = name.into();
        self.types.push((Arc::clone(&name), 0));
        self.numbers.insert(name, number);
        number
    }
}

/// Whether `pattern` (exact, or a prefix with `*` at its end) takes in `name`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_while_someone_declares_it_and_keeps_its_number() {
        let types = Types::default();
        assert!(types.find("agent_created").is_none());
        types.declare(["agent_created"]);
        types.declare(["agent_created"]);
        let number = types.find("agent_created").unwrap().number;
        types.withdraw(["agent_created"]);
        assert_eq!(types.find("agent_created").unwrap().number, number);
        types.withdraw(["agent_created"]);
        assert!(types.find("agent_created").is_none());
        types.declare(["agent_created"]);
        assert_eq!(types.find("agent_created").unwrap().number, number);
    }

    #[test]
    fn patterns_take_in_prefixes() {
        assert!(matches("*", "anything"));
        assert!(matches("agent_*", "agent_created"));
        assert!(!matches("agent_*", "task_created"));
        assert!(matches("gap", "gap") && !matches("gap", "gaps"));
    }
}
