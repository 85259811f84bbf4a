//! Which deliveries were taken, so that none is taken twice: a bounded number of them, also over restarts.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Error, Expect, Host, Result, Status, Store};

/// Where they are kept in the store, by their ids.
const PREFIX: &str = "delivery/";

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Deliveries {
    store: Store,
    most: usize,
    known: RefCell<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Those that were taken, and those that are just being.
    ids: HashSet<String>,
    /// Those that are kept, the oldest first.
    order: VecDeque<String>,
}

/// What is kept of a delivery.
#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    /// When it was taken, milliseconds since 1970.
    at: i64,
}

/// A delivery that is being taken. Where this is dropped before it is remembered, it may come again.
#[derive(Debug)]
pub(crate) struct Taking<'a> {
    deliveries: &'a Deliveries,
    id: &'a str,
    remembered: bool,
}

impl Deliveries {
    /// Those that are in the store; `most` are remembered.
    pub(crate) async fn open(host: &Host, most: usize) -> Result<Self> {
        let store = host.store();
        let mut kept = Vec::new();
        for entry in store.scan(PREFIX).await? {
            kept.push((entry.parse::<Kept>()?.at, entry.key[PREFIX.len()..].to_owned()));
        }
        kept.sort_unstable();
        let order: VecDeque<String> = kept.into_iter().map(|(_, id)| id).collect();
        let known = Known { ids: order.iter().cloned().collect(), order };
        let deliveries = Self { store, most, known: RefCell::new(known) };
        deliveries.forget_oldest().await?;
        Ok(deliveries)
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.known.borrow().order.len()
    }

    /// Begins to take a delivery.
    ///
    /// # Errors
    /// `CONFLICT` where it was taken before, or is being taken.
    pub(crate) fn take<'a>(&'a self, id: &'a str) -> Result<Taking<'a>> {
        match self.known.borrow_mut().ids.insert(id.to_owned()) {
            true => Ok(Taking { deliveries: self, id, remembered: false }),
            false => Err(replayed(id)),
        }
    }

    async fn forget_oldest(&self) -> Result<()> {
        loop {
            let oldest = {
                let mut known = self.known.borrow_mut();
                let over = known.order.len() > self.most;
                match known.order.pop_front_if(|_| over) {
                    Some(id) => {
                        known.ids.remove(&id);
                        id
                    }
                    None => return Ok(()),
                }
            };
            self.store.delete(format!("{PREFIX}{oldest}"), Expect::Any).await?;
        }
    }
}

impl Taking<'_> {
    /// It is taken for good.
    ///
    /// # Errors
    /// `CONFLICT` where another node was quicker; whatever the store says.
    pub(crate) async fn remember(mut self, now: i64) -> Result<()> {
        let Self { deliveries, id, .. } = self;
        let put = deliveries.store.put_json(format!("{PREFIX}{id}"), &Kept { at: now }, Expect::Absent).await;
        let conflict = put.as_ref().is_err_and(|error| error.status() == Status::CONFLICT);
        if !conflict {
            put?;
        }
        self.remembered = true;
        deliveries.known.borrow_mut().order.push_back(id.to_owned());
        if conflict {
            return Err(replayed(id));
        }
        deliveries.forget_oldest().await
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        if !self.remembered {
            self.deliveries.known.borrow_mut().ids.remove(self.id);
        }
    }
}

fn replayed(id: &str) -> Error {
    Error::conflict(format!("The delivery '{id}' was taken already"))
}
