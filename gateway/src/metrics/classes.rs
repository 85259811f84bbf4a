//! What publishers count of a class of rooms: those that one rule of the configuration takes in.

use std::sync::Arc;

use super::counter::Total;
use super::types::ByType;
use crate::frame::EventType;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct ClassTotals {
    label: Arc<str>,
    /// Whether its rooms keep history.
    pub(super) keeps: bool,
    published: ByType<Total>,
}

impl ClassTotals {
    pub(super) fn new(prefix: &str, keeps: bool) -> Self {
        Self { label: format!("{prefix}*").into(), keeps, published: ByType::default() }
    }

    /// How it is called: the names that it takes in, as `news:*`; `*` are the rooms that no other rule takes in.
    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    pub(super) fn count(&self, kind: &EventType) {
        self.published.of(kind).add(1);
    }

    pub(super) fn published(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.published.all().map(|(name, count)| (name, count.get()))
    }
}
