//! The store as shelves of JSON values, each with the revision that a change must name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_plugin::{Entry, Error, Expect, FieldError, Op, Outcome, Result, Status};

use crate::world::World;

/// Entries of a list that are asked for at once; the store gives less where they are large.
pub(crate) const PAGE: usize = 1000;
/// Values that are asked for at once by their keys, of which none is larger than 1 MiB.
const AT_ONCE: usize = 64;
/// How often a change is tried again when others were quicker, before it is given up for now.
pub(crate) const TRIES: usize = 16;

/// How a write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is there, with that revision.
    Written(u64),
    /// Something else was there than expected.
    Conflict,
}

/// The value of `key`, with its revision.
pub(crate) async fn get<T: DeserializeOwned>(world: &impl World, key: String) -> Result<Option<(T, u64)>> {
    match one(world, Op::Get { key }).await? {
        Outcome::Value(entry) => entry.map(read).transpose(),
        other => Err(mismatch(&other)),
    }
}

/// Writes the value of `key`, where what is there is what is expected.
pub(crate) async fn put<T: Serialize>(
    world: &impl World,
    key: String,
    value: &T,
    expect: Expect,
) -> Result<Put> {
    let value = serde_json::to_vec(value).map_err(Error::internal)?.into();
    match one(world, Op::Put { key, value, expect, ttl: None }).await {
        Ok(Outcome::Written(revision)) => Ok(Put::Written(revision)),
        Ok(other) => Err(mismatch(&other)),
        Err(error) if error.status() == Status::CONFLICT => Ok(Put::Conflict),
        Err(error) => Err(error),
    }
}

/// Removes the value of `key`, where what is there is what is expected; one that is gone already is as good as removed.
pub(crate) async fn delete(world: &impl World, key: String, expect: Expect) -> Result<()> {
    match one(world, Op::Delete { key, expect }).await? {
        Outcome::Deleted(_) => Ok(()),
        other => Err(mismatch(&other)),
    }
}

/// The values of `keys` that are there, in their order, as long as they are no more than `most` bytes together.
///
/// # Errors
/// 422 that asks for a smaller `limit`, where they are more.
pub(crate) async fn get_all<T: DeserializeOwned>(
    world: &impl World,
    keys: &[String],
    most: usize,
) -> Result<Vec<T>> {
    let (mut all, mut left) = (Vec::new(), most);
    for some in keys.chunks(AT_ONCE) {
        let ops = some.iter().map(|key| Op::Get { key: key.clone() }).collect();
        for answer in world.store(ops).await? {
            let entry = match answer? {
                Outcome::Value(Some(entry)) => entry,
                Outcome::Value(None) => continue,
                other => return Err(mismatch(&other)),
            };
            left = left.checked_sub(entry.value.len()).ok_or_else(|| {
                let msg = format!("Input should be less: so many of these have more than {most} bytes");
                Error::unprocessable([FieldError::query("limit", msg, "too_long")])
            })?;
            all.push(entry.parse()?);
        }
    }
    Ok(all)
}

/// Gives `take` each value whose key begins with `prefix`. There may be more of them than memory holds.
pub(crate) async fn each<T: DeserializeOwned>(
    world: &impl World,
    prefix: &str,
    mut take: impl FnMut(T),
) -> Result<()> {
    let mut after = String::new();
    loop {
        let list = Op::List { prefix: prefix.into(), after, limit: PAGE };
        let page = match one(world, list).await? {
            Outcome::Page(page) => page,
            other => return Err(mismatch(&other)),
        };
        let last = page.entries.last().map(|entry| entry.key.clone());
        for entry in &page.entries {
            take(entry.parse()?);
        }
        match last {
            Some(last) if page.more => after = last,
            _ => return Ok(()),
        }
    }
}

/// A change that others were always quicker than.
pub(crate) fn contended(what: &str) -> Error {
    Error::busy(format!("{what} is being changed by others all the time; try again"))
}

async fn one(world: &impl World, op: Op) -> Result<Outcome> {
    let answer = world.store(vec![op]).await?.pop();
    answer.unwrap_or_else(|| Err(Error::internal("the store gave no outcome")))
}

fn read<T: DeserializeOwned>(entry: Entry) -> Result<(T, u64)> {
    Ok((entry.parse()?, entry.revision))
}

fn mismatch(outcome: &Outcome) -> Error {
    Error::internal(format!("the store gave another operation's outcome: {outcome:?}"))
}
