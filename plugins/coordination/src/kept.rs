//! Values that are kept in the store together with the events that tell of them.
//!
//! A change and its events are written as one value; then the events are published, then the value is written once more without
//! them. Whatever is killed between two of these steps, nothing is told that did not happen, and what happened is told: by
//! the next who changes the value, or at the next start ([`retell`]). Every write names the revision that it was made from
//! (compare-and-set), so that the nodes of a cluster lose no change of each other: where another was quicker, the value is read
//! again and the change made anew.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_plugin::{Error, Expect, Result};

use crate::notice::Notice;
use crate::shelf::{self, Put, TRIES};
use crate::time::{Moment, Timestamp};
use crate::world::World;

/// A value as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept<T> {
    #[serde(flatten)]
    pub(crate) value: T,
    /// It is as good as removed: it will be once its events are told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) gone: bool,
    /// The events that may not have been published yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    untold: Vec<Notice>,
}

/// A value that was written, with events that are not told yet.
#[must_use]
#[derive(Debug)]
pub(crate) struct Written<T> {
    kept: Kept<T>,
    key: String,
    revision: u64,
}

/// What came of a change.
#[derive(Debug)]
pub(crate) enum Revised<T> {
    /// It was made.
    Written(Written<T>),
    /// There was nothing to change: the value as it is.
    Same(T),
    /// There is no such value.
    Absent,
}

impl<T: Serialize> Kept<T> {
    /// A new value.
    pub(crate) fn new(value: T) -> Self {
        Self { value, gone: false, untold: Vec::new() }
    }

    /// Makes an event of it, to be told once the value is written.
    pub(crate) fn say<D: Serialize>(
        &mut self,
        (kind, room): (&'static str, &'static str),
        now: Moment,
        data: impl FnOnce(&T) -> D,
    ) -> Result<()> {
        self.untold.push(Notice::new(kind, room, now.wall, &data(&self.value))?);
        Ok(())
    }

    /// Writes it as the value of `key`.
    ///
    /// # Errors
    /// 409 where there is one already.
    pub(crate) async fn create(self, world: &impl World, key: String) -> Result<Written<T>> {
        match shelf::put(world, key.clone(), &self, Expect::Absent).await? {
            Put::Written(revision) => Ok(Written { kept: self, key, revision }),
            Put::Conflict => Err(Error::conflict(format!("'{key}' exists already"))),
        }
    }

    /// When the first of its events happened that may not have been published, or that it was removed.
    pub(crate) fn untold_since(&self) -> Option<Timestamp> {
        let first = self.untold.first().map(|notice| notice.at);
        first.or_else(|| self.gone.then_some(Timestamp::default()))
    }
}

impl<T: Serialize> Written<T> {
    /// The value.
    pub(crate) fn value(&self) -> &T {
        &self.kept.value
    }

    /// Whether it is as good as removed.
    pub(crate) fn is_gone(&self) -> bool {
        self.kept.gone
    }

    /// Publishes what is untold, and notes that it is told. Where that cannot be noted, it may be told again, with the same ids.
    pub(crate) async fn tell(mut self, world: &impl World) -> Result<T> {
        let untold = std::mem::take(&mut self.kept.untold);
        world.publish(untold).await?;
        let (key, expect) = (self.key.clone(), Expect::Revision(self.revision));
        let noted = if self.kept.gone {
            shelf::delete(world, key, expect).await
        } else {
            shelf::put(world, key, &self.kept, expect).await.map(|_| ())
        };
        if let Err(error) = noted {
            world.warn(&format!("that the events of '{}' are told was not noted: {error}", self.key));
        }
        Ok(self.kept.value)
    }
}

/// Changes the value of `key`, or makes it of `seed`. `change` answers whether it has changed anything; it may run more than once.
pub(crate) async fn revise<T: Clone + Serialize + DeserializeOwned>(
    world: &impl World,
    key: &str,
    seed: Option<T>,
    change: impl Fn(&mut Kept<T>, Moment) -> Result<bool>,
) -> Result<Revised<T>> {
    for _ in 0..TRIES {
        let found = shelf::get::<Kept<T>>(world, key.to_owned()).await?.filter(|(kept, _)| !kept.gone);
        let (mut kept, expect) = match (found, &seed) {
            (Some((kept, revision)), _) => (kept, Expect::Revision(revision)),
            (None, Some(seed)) => (Kept::new(seed.clone()), Expect::Absent),
            (None, None) => return Ok(Revised::Absent),
        };
        if !change(&mut kept, world.now())? {
            return Ok(Revised::Same(kept.value));
        }
        if let Put::Written(revision) = shelf::put(world, key.to_owned(), &kept, expect).await? {
            return Ok(Revised::Written(Written { kept, key: key.to_owned(), revision }));
        }
    }
    Err(shelf::contended(&format!("'{key}'")))
}

/// Tells what a life that was ended before it could has left untold of the value of `key`, whatever it is.
pub(crate) async fn retell(world: &impl World, key: &str) -> Result<()> {
    let Some((kept, revision)) = shelf::get::<Kept<Map<String, Value>>>(world, key.to_owned()).await? else {
        return Ok(());
    };
    Written { kept, key: key.to_owned(), revision }.tell(world).await.map(|_| ())
}

#[cfg(test)]
mod tests;
