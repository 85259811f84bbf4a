//! All agents: in memory, written through to the store.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Expect, Result, Store};

use crate::model::{Record, Status};
use crate::time::Timestamp;

/// Where agents are kept: a part that other plugins may read.
const PREFIX: &str = "shared/agent/";
/// Where the groups' totals are kept.
const TOTALS: &str = "totals";

/// The groups' totals, over the life of the store.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) created: u64,
    pub(crate) destroyed: u64,
}

/// See the module's documentation.
pub(crate) struct Registry {
    store: Store,
    /// By order of creation: the record, and its revision in the store.
    records: BTreeMap<u64, (Record, u64)>,
    orders: HashMap<String, u64>,
    totals: Totals,
}

impl Registry {
    /// Reads what is kept.
    pub(crate) async fn load(store: Store) -> Result<Self> {
        let mut registry =
            Self { records: BTreeMap::new(), orders: HashMap::new(), totals: Totals::default(), store };
        for entry in registry.store.scan(PREFIX).await? {
            let record: Record = entry.parse()?;
            registry.enter(record, entry.revision);
        }
        if let Some(entry) = registry.store.get(TOTALS).await? {
            registry.totals = entry.parse()?;
        }
        Ok(registry)
    }

    fn enter(&mut self, record: Record, revision: u64) {
        self.orders.insert(record.agent.agent_id.clone(), record.order);
        self.records.insert(record.order, (record, revision));
    }

    /// All, in the order of creation.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.values().map(|(record, _)| record)
    }

    pub(crate) fn find(&self, agent_id: &str) -> Option<&Record> {
        self.orders.get(agent_id).and_then(|order| self.records.get(order)).map(|(record, _)| record)
    }

    /// The place of the next agent in the order of creation.
    pub(crate) fn next_order(&self) -> u64 {
        self.records.last_key_value().map_or(1, |(order, _)| order + 1)
    }

    /// Active agents whose last sign of life was before `deadline`.
    pub(crate) fn silent_since(&self, deadline: Timestamp) -> Vec<Record> {
        let silent = |record: &&Record| record.agent.status == Status::Active && record.heard_at < deadline;
        self.all().filter(silent).cloned().collect()
    }

    /// Keeps a new or changed record.
    pub(crate) async fn put(&mut self, record: Record) -> Result<()> {
        let known = self.records.get(&record.order).map(|(_, revision)| *revision);
        let expect = known.map_or(Expect::Absent, Expect::Revision);
        let key = format!("{PREFIX}{}", record.agent.agent_id);
        let revision = self.store.put_json(key, &record, expect).await?;
        self.enter(record, revision);
        Ok(())
    }

    /// Forgets an agent.
    pub(crate) async fn remove(&mut self, agent_id: &str) -> Result<()> {
        self.store.delete(format!("{PREFIX}{agent_id}"), Expect::Any).await?;
        if let Some(order) = self.orders.remove(agent_id) {
            self.records.remove(&order);
        }
        Ok(())
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    pub(crate) async fn set_totals(&mut self, totals: Totals) -> Result<()> {
        self.store.put_json(TOTALS, &totals, Expect::Any).await?;
        self.totals = totals;
        Ok(())
    }
}
