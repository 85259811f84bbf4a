//! The small world of the tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;
use tidegate_plugin::{Bytes, Entry, Expect};

use super::*;

/// A node of a world in memory, whose clock goes when told to. A clone is the same node, [`Small::node`] another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Small {
    shared: Rc<Shared>,
    /// After how many effects (writes, events) the node is killed; `None`: not at all.
    fuse: Rc<Cell<Option<usize>>>,
    /// How many of the next puts find that somebody else was quicker.
    pub(crate) rivals: Rc<Cell<usize>>,
    pub(crate) warnings: Rc<RefCell<Vec<String>>>,
}

/// What all nodes have together.
#[derive(Debug, Default)]
struct Shared {
    wall: Cell<i64>,
    steady: Cell<i64>,
    ids: Cell<u64>,
    kept: RefCell<BTreeMap<String, (Bytes, u64)>>,
    revisions: Cell<u64>,
    published: RefCell<Vec<Notice>>,
    agents: RefCell<BTreeMap<String, Bytes>>,
}

impl Small {
    /// Another node over the same store and hub; what has been killed is started again like this.
    pub(crate) fn node(&self) -> Self {
        Self { shared: self.shared.clone(), ..Self::default() }
    }

    /// Has the node be killed after that many effects.
    pub(crate) fn kill_after(&self, effects: usize) {
        self.fuse.set(Some(effects));
    }

    /// Time passes.
    pub(crate) fn pass(&self, ms: i64) {
        self.set_clock(ms);
        self.shared.steady.set(self.shared.steady.get() + ms);
    }

    /// Somebody sets the clock, by that much.
    pub(crate) fn set_clock(&self, ms: i64) {
        self.shared.wall.set(self.shared.wall.get() + ms);
    }

    /// What the plugin `agents` keeps.
    pub(crate) fn keep_agents(&self, agents: &[Value]) {
        let keep = |agent: &Value| (format!("shared/agent/{}", agent["agent_id"]), agent.to_string().into());
        self.shared.agents.replace(agents.iter().map(keep).collect());
    }

    /// What was published since it was last asked.
    pub(crate) fn heard(&self) -> Vec<Notice> {
        self.shared.published.take()
    }

    /// The types of what was published since it was last asked.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.heard().into_iter().map(|notice| notice.kind.into_owned()).collect()
    }

    /// The value of a key, as JSON.
    pub(crate) fn stored(&self, key: &str) -> Option<Value> {
        self.shared.kept.borrow().get(key).map(|(value, _)| serde_json::from_slice(value).unwrap())
    }

    /// All keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.shared.kept.borrow().keys().cloned().collect()
    }

    /// One effect more; `CLOSED` for a node that was killed.
    fn burn(&self) -> Result<()> {
        match self.fuse.get() {
            Some(0) => Err(Status::CLOSED.into()),
            Some(left) => {
                self.fuse.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn put(&self, key: &str, value: Bytes) -> u64 {
        let revisions = &self.shared.revisions;
        revisions.set(revisions.get() + 1);
        self.shared.kept.borrow_mut().insert(key.into(), (value, revisions.get()));
        revisions.get()
    }

    /// Whether what is there is what is expected.
    fn fits(&self, key: &str, expect: Expect) -> Result<()> {
        let there = self.shared.kept.borrow().get(key).map(|(_, revision)| *revision);
        let fits = match expect {
            Expect::Any => true,
            Expect::Absent => there.is_none(),
            Expect::Revision(revision) => there == Some(revision),
        };
        if fits { Ok(()) } else { Err(Status::CONFLICT.into()) }
    }

    fn one(&self, op: Op) -> Result<Outcome> {
        let entry = |(key, (value, revision)): (&String, &(Bytes, u64))| Entry {
            key: key.clone(),
            value: value.clone(),
            revision: *revision,
        };
        match op {
            Op::Get { key } => Ok(Outcome::Value(self.shared.kept.borrow().get_key_value(&key).map(entry))),
            Op::List { prefix, after, limit } => {
                let kept = self.shared.kept.borrow();
                let wanted = kept.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
                let mut entries: Vec<_> = wanted.take(limit + 1).map(entry).collect();
                let more = entries.len() > limit;
                entries.truncate(limit);
                Ok(Outcome::Page(Page { entries, more }))
            }
            Op::Delete { key, expect } => {
                self.burn()?;
                self.fits(&key, expect)?;
                Ok(Outcome::Deleted(self.shared.kept.borrow_mut().remove(&key).is_some()))
            }
            Op::Put { key, value, expect, .. } => {
                self.burn()?;
                if let Some(left) = self.rivals.get().checked_sub(1) {
                    self.rivals.set(left);
                    let same = self.shared.kept.borrow()[&key].0.clone();
                    self.put(&key, same);
                }
                self.fits(&key, expect)?;
                Ok(Outcome::Written(self.put(&key, value)))
            }
        }
    }
}

impl World for Small {
    fn now(&self) -> Moment {
        let wall = Timestamp(1_700_000_000_000 + self.shared.wall.get());
        Moment { wall, steady: self.shared.steady.get() }
    }

    fn new_id(&self) -> String {
        self.shared.ids.set(self.shared.ids.get() + 1);
        format!("n{}", self.shared.ids.get())
    }

    async fn store(&self, ops: Vec<Op>) -> Result<Vec<Result<Outcome>>> {
        // Whoever is first need not be first to go on.
        tokio::task::yield_now().await;
        Ok(ops.into_iter().map(|op| self.one(op)).collect())
    }

    async fn agents(&self, after: String) -> Result<Page> {
        let agents = self.shared.agents.borrow();
        let entry =
            |(key, value): (&String, &Bytes)| Entry { key: key.clone(), value: value.clone(), revision: 1 };
        let mut entries: Vec<_> =
            agents.iter().filter(|(key, _)| **key > after).take(PAGE + 1).map(entry).collect();
        let more = entries.len() > PAGE;
        entries.truncate(PAGE);
        Ok(Page { entries, more })
    }

    async fn publish(&self, notices: Vec<Notice>) -> Result<()> {
        for notice in notices {
            tokio::task::yield_now().await;
            self.burn()?;
            self.shared.published.borrow_mut().push(notice);
        }
        Ok(())
    }

    fn warn(&self, message: &str) {
        self.warnings.borrow_mut().push(message.into());
    }
}
