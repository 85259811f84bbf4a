//! The store in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::abi::{self, Status};

/// What plugins keep in the store. TTLs are not counted.
#[derive(Debug, Clone, Default)]
pub struct StoreContent {
    /// By instance (empty: the one under test) and key.
    values: BTreeMap<(String, String), (Bytes, u64)>,
    last_revision: u64,
}

/// What one operation asks for, copied.
pub(super) struct Asked<'a> {
    pub(super) kind: u32,
    pub(super) expect: (u32, u64),
    pub(super) plugin: &'a str,
    pub(super) key: &'a str,
    pub(super) after: &'a str,
    pub(super) value: &'a [u8],
    pub(super) limit: usize,
}

/// What came of it.
pub(super) struct Came {
    pub(super) status: Status,
    pub(super) more: bool,
    pub(super) revision: u64,
    pub(super) entries: Vec<(String, Bytes, u64)>,
}

impl Came {
    fn only(status: Status) -> Self {
        Self { status, more: false, revision: 0, entries: Vec::new() }
    }
}

impl StoreContent {
    /// With a value of the plugin under test.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<Bytes>) -> Self {
        self.with_of("", key, value)
    }

    /// With a value of another plugin's.
    #[must_use]
    pub fn with_of(mut self, plugin: &str, key: &str, value: impl Into<Bytes>) -> Self {
        self.last_revision += 1;
        self.values.insert((plugin.into(), key.into()), (value.into(), self.last_revision));
        self
    }

    /// A value of the plugin under test.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.values.get(&(String::new(), key.into())).map(|(value, _)| value)
    }

    /// The keys of the plugin under test.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().filter(|(plugin, _)| plugin.is_empty()).map(|(_, key)| key.as_str())
    }

    pub(super) fn run(&mut self, op: &Asked<'_>) -> Came {
        let foreign = !op.plugin.is_empty();
        let readable = matches!(op.kind, abi::STORE_GET | abi::STORE_LIST) && op.key.starts_with("shared/");
        if foreign && !readable {
            return Came::only(Status::DENIED);
        }
        if op.key.len() > 512 || (op.key.is_empty() && op.kind != abi::STORE_LIST) || op.value.len() > 1 << 20
        {
            return Came::only(Status::INVALID);
        }
        let place = (op.plugin.to_owned(), op.key.to_owned());
        let there = self.values.get(&place).map(|(_, revision)| *revision);
        let expected = match op.expect {
            (abi::EXPECT_ANY, _) => true,
            (abi::EXPECT_ABSENT, _) => there.is_none(),
            (_, revision) => there == Some(revision),
        };
        match op.kind {
            abi::STORE_GET => match self.values.get(&place) {
                None => Came::only(Status::NOT_FOUND),
                Some((value, revision)) => {
                    let entries = vec![(op.key.to_owned(), value.clone(), *revision)];
                    Came { entries, ..Came::only(Status::OK) }
                }
            },
            abi::STORE_DELETE if there.is_none() => Came::only(Status::NOT_FOUND),
            abi::STORE_PUT | abi::STORE_DELETE if !expected => {
                Came { revision: there.unwrap_or(0), ..Came::only(Status::CONFLICT) }
            }
            abi::STORE_PUT => {
                self.last_revision += 1;
                self.values.insert(place, (Bytes::copy_from_slice(op.value), self.last_revision));
                Came { revision: self.last_revision, ..Came::only(Status::OK) }
            }
            abi::STORE_DELETE => {
                self.values.remove(&place);
                Came::only(Status::OK)
            }
            abi::STORE_LIST if (1..=10_000).contains(&op.limit) => self.list(op),
            _ => Came::only(Status::INVALID),
        }
    }

    fn list(&self, op: &Asked<'_>) -> Came {
        let mut matching = self.values.iter().filter(|((plugin, key), _)| {
            plugin == op.plugin && key.starts_with(op.key) && key.as_str() > op.after
        });
        let entries = matching
            .by_ref()
            .take(op.limit)
            .map(|((_, key), (value, revision))| (key.clone(), value.clone(), *revision))
            .collect();
        Came { more: matching.next().is_some(), entries, ..Came::only(Status::OK) }
    }
}
