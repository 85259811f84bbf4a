//! Telling a plugin where its events came to stand, once they are as safe as their rooms promise.

use std::sync::Arc;

use tidegate_plugin::abi::Status;

use super::super::super::queue::{Committed, Task};
use super::super::super::shared::Shared;
use crate::frame::Cursor;
use crate::hub::{Placed, Receipt};

/// Where an event came to stand.
pub(super) enum Place {
    /// There, in one of its targets.
    Known(Cursor),
    /// Its receipt says so later, for each of these targets; of none: for everyone.
    Waits(Box<[Box<str>]>, Receipt),
}

/// Notes where an event came to stand: for each target, as one that is named twice is published to once.
pub(super) fn place(targets: &[&str], receipt: Receipt, places: &mut Vec<Place>) {
    match receipt.now() {
        Ok(placed) => places.extend(cursors(targets, &placed).map(Place::Known)),
        Err(receipt) => {
            places.push(Place::Waits(targets.iter().map(|target| (*target).into()).collect(), receipt));
        }
    }
}

fn cursors<'a, T: AsRef<str>>(targets: &'a [T], placed: &'a [Placed]) -> impl Iterator<Item = Cursor> + 'a {
    let alone = (targets.len() < 2).then_some(placed).into_iter().flatten().map(|placed| placed.cursor);
    let several = targets.iter().filter(|_| targets.len() > 1);
    let of =
        |target: &T| placed.iter().find(|place| *place.room == *target.as_ref()).map(|place| place.cursor);
    alone.chain(several.filter_map(of))
}

/// Owes the plugin the news of so many events, now or when all are committed; as far as that goes, where it fails.
pub(super) fn owe(shared: &Arc<Shared>, token: u64, count: u64, places: Vec<Place>) {
    let waits = places.iter().any(|place| matches!(place, Place::Waits(..)));
    let told = Arc::clone(shared);
    let tell = async move {
        let (mut all, mut status) = (Vec::new(), Status::OK);
        for place in places {
            match place {
                Place::Known(cursor) => all.push(cursor),
                Place::Waits(targets, receipt) => match receipt.committed().await {
                    Ok(placed) => all.extend(cursors(&targets, &placed)),
                    Err(error) => {
                        tracing::warn!(plugin = %told.name, %error, "events are not committed");
                        status = Status::INTERNAL;
                        all.clear();
                        break;
                    }
                },
            }
        }
        told.queue.owe(Task::Committed(Box::new(Committed { token, count, cursors: all, status })));
    };
    match waits {
        true => drop(shared.services.control.spawn(tell)),
        // Nothing in it waits.
        false => drop(futures_util::FutureExt::now_or_never(tell)),
    }
}
