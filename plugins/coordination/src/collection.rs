//! Records by number: the store has them, the index in memory knows of each what lists are filtered by and when its time is up.

mod index;

pub(crate) use index::Index;

use std::cell::{Ref, RefCell};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_plugin::{Error, Expect, Result};

use crate::kept::{self, Kept, Revised, Written};
use crate::shelf::{self, Put, TRIES};
use crate::time::{Moment, Timestamp};
use crate::world::World;

/// What can be in a collection.
pub(crate) trait Record: Clone + Serialize + DeserializeOwned {
    /// What lists are filtered by.
    type Card: Clone;
    /// How its key begins, which its name ends. Other plugins may read this part of the store.
    const PREFIX: &'static str;
    /// Where the last number that was given is kept.
    const COUNTER: &'static str;

    /// Its name, which ends in its number.
    fn name(&self) -> &str;
    /// What lists are filtered by.
    fn card(&self) -> Self::Card;
    /// When its time is up, if anything happens then.
    fn expiry(&self) -> Option<Timestamp>;
    /// Whether it has come to an end, so that it may be forgotten where there are too many.
    fn is_over(&self) -> bool;
}

/// Bytes of the records of one answer: half of what the gateway takes from a plugin at a time.
const LARGEST_PAGE: usize = 32 * 1024 * 1024;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Collection<T: Record> {
    index: RefCell<Index<T::Card>>,
    /// How many there may be.
    most: usize,
}

/// Something that a life that was ended before it could has left untold: since when, and its key.
pub(crate) type Leftover = (Timestamp, String);

impl<T: Record> Collection<T> {
    /// All that the store keeps, of which there may be `most`.
    pub(crate) async fn load(world: &impl World, most: usize) -> Result<(Self, Vec<Leftover>)> {
        let (mut index, mut left, now) = (Index::default(), Vec::new(), world.now());
        let take = |kept: Kept<T>| {
            left.extend(kept.untold_since().map(|since| (since, key::<T>(kept.value.name()))));
            if !kept.gone {
                index.put(&kept.value, now);
            }
        };
        shelf::each(world, T::PREFIX, take).await?;
        Ok((Self { index: RefCell::new(index), most }, left))
    }

    /// The index. The borrow must not be held over an await.
    pub(crate) fn index(&self) -> Ref<'_, Index<T::Card>> {
        self.index.borrow()
    }

    /// The record of that name.
    pub(crate) async fn get(&self, world: &impl World, name: &str) -> Result<Option<T>> {
        if !is_name(name) {
            return Ok(None);
        }
        let found = shelf::get::<Kept<T>>(world, key::<T>(name)).await?;
        Ok(found.filter(|(kept, _)| !kept.gone).map(|(kept, _)| kept.value))
    }

    /// The records of these names that are there, in their order.
    ///
    /// # Errors
    /// 422 where they are too much for one answer.
    pub(crate) async fn get_all(&self, world: &impl World, names: &[String]) -> Result<Vec<T>> {
        let keys: Vec<_> = names.iter().map(|name| key::<T>(name)).collect();
        let found: Vec<Kept<T>> = shelf::get_all(world, &keys, LARGEST_PAGE).await?;
        Ok(found.into_iter().filter(|kept| !kept.gone).map(|kept| kept.value).collect())
    }

    /// Keeps a new record.
    pub(crate) async fn place(&self, world: &impl World, kept: Kept<T>) -> Result<Written<T>> {
        let key = key::<T>(kept.value.name());
        let written = kept.create(world, key).await?;
        self.index.borrow_mut().put(written.value(), world.now());
        Ok(written)
    }

    /// Changes the record of that name; `None` where there is none. `change` answers whether it has changed anything; it may run
    /// more than once.
    pub(crate) async fn revise(
        &self,
        world: &impl World,
        name: &str,
        change: impl Fn(&mut Kept<T>, Moment) -> Result<bool>,
    ) -> Result<Option<T>> {
        let revised = if is_name(name) {
            kept::revise(world, &key::<T>(name), None, change).await?
        } else {
            Revised::Absent
        };
        match revised {
            Revised::Absent => {
                self.index.borrow_mut().remove(name);
                Ok(None)
            }
            Revised::Same(value) => {
                self.index.borrow_mut().put(&value, world.now());
                Ok(Some(value))
            }
            Revised::Written(written) => {
                if written.is_gone() {
                    self.index.borrow_mut().remove(name);
                } else {
                    self.index.borrow_mut().put(written.value(), world.now());
                }
                written.tell(world).await.map(Some)
            }
        }
    }

    /// Makes place for one more: where there are as many as there may be, the oldest that is over is forgotten. Answers its name,
    /// for what else is kept of it.
    ///
    /// # Errors
    /// 503 where none is over.
    pub(crate) fn oldest_to_forget(&self) -> Result<Option<String>> {
        let index = self.index();
        if index.len() < self.most {
            return Ok(None);
        }
        match index.oldest_over() {
            Some(name) => Ok(Some(name.to_owned())),
            None => Err(Error::busy(format!("There may be at most {} that are not over yet", self.most))),
        }
    }

    /// Forgets a record, without a word.
    pub(crate) async fn forget(&self, world: &impl World, name: &str) -> Result<()> {
        shelf::delete(world, key::<T>(name), Expect::Any).await?;
        self.index.borrow_mut().remove(name);
        Ok(())
    }

    /// One whose time is up, and when it was.
    pub(crate) fn overdue(&self, now: Moment) -> Option<(String, Timestamp)> {
        self.index().overdue(now.steady)
    }

    /// Has the time of a record be up later.
    pub(crate) fn postpone(&self, name: &str, until: i64) {
        self.index.borrow_mut().postpone(name, until);
    }

    /// A number that no record has had before, on any node.
    pub(crate) async fn next_number(&self, world: &impl World) -> Result<u64> {
        for _ in 0..TRIES {
            let found = shelf::get::<u64>(world, T::COUNTER.into()).await?;
            let (last, expect) =
                found.map_or((0, Expect::Absent), |(n, revision)| (n, Expect::Revision(revision)));
            if let Put::Written(_) = shelf::put(world, T::COUNTER.into(), &(last + 1), expect).await? {
                return Ok(last + 1);
            }
        }
        Err(shelf::contended(&format!("'{}'", T::COUNTER)))
    }
}

fn key<T: Record>(name: &str) -> String {
    format!("{}{name}", T::PREFIX)
}

/// Whether a record can have that name. The store has no key that is longer.
fn is_name(name: &str) -> bool {
    (1..=crate::validate::LONGEST_NAME).contains(&name.len())
}

#[cfg(test)]
mod tests;
