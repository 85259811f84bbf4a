//! What the slot holds back: told again and again, and held to the operator's limit.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::refusal::Trouble;
use super::slot::{self, Slot};
use super::wire::{Connection, Purpose};
use super::{AtLimit, HeldLimit, Settings, Stats};

/// Watches the slot until it is over the limit, and answers how many bytes it holds. Whatever goes wrong with its own connection is no
/// reason to end the stream.
pub(super) async fn watch(
    settings: &Settings,
    mut sql: Option<Connection>,
    stats: &watch::Sender<Stats>,
) -> u64 {
    loop {
        if sql.is_none() {
            sql = Connection::open(&settings.address, Purpose::Sql).await.ok();
        }
        let found = match &mut sql {
            Some(sql) => slot::find(sql, &settings.slot).await,
            None => Ok(None),
        };
        match found {
            Ok(Some(slot)) => {
                tell(&slot, stats);
                if over(settings, &slot).is_some() {
                    return slot.held;
                }
            }
            Ok(None) => {}
            Err(_) => sql = None,
        }
        sleep(settings.poll).await;
    }
}

/// Tells what a slot holds.
pub(super) fn tell(slot: &Slot, stats: &watch::Sender<Stats>) {
    stats.send_if_modified(|stats| {
        let now = (Some(slot.held), Some(slot.lag));
        let changed = now != (stats.held_bytes, stats.lag_bytes);
        (stats.held_bytes, stats.lag_bytes) = now;
        changed
    });
}

/// The limit, where a slot is over it.
pub(super) fn over<'a>(settings: &'a Settings, slot: &Slot) -> Option<&'a HeldLimit> {
    settings.held_limit.as_ref().filter(|limit| slot.held > limit.bytes)
}

/// Does what the operator has chosen for a slot over the limit. With `Stop`, that is a trouble.
pub(super) async fn apply(
    settings: &Settings,
    limit: &HeldLimit,
    held: u64,
    sql: &mut Connection,
    stats: &watch::Sender<Stats>,
) -> Result<(), Trouble> {
    let (slot, most) = (&settings.slot, limit.bytes);
    match limit.then {
        AtLimit::Stop => Err(Trouble::Lasting(format!(
            "the slot {slot:?} holds {held} bytes of the write-ahead log, over the limit of {most}: listening has stopped, and nothing is \
             lost while the slot stays; raise the limit to read what it holds, or drop it (SELECT pg_drop_replication_slot('{slot}')) and \
             lose that"
        ))),
        AtLimit::DropSlot => {
            let why = format!("it held {held} bytes of the write-ahead log, over the limit of {most}");
            drop_slot(settings, &why, sql, stats).await
        }
    }
}

/// Drops the slot, and says what that means.
pub(super) async fn drop_slot(
    settings: &Settings,
    why: &str,
    sql: &mut Connection,
    stats: &watch::Sender<Stats>,
) -> Result<(), Trouble> {
    let confirmed = slot::find(sql, &settings.slot).await?.map(|slot| slot.confirmed).unwrap_or_default();
    slot::remove(sql, &settings.slot).await?;
    let slot = &settings.slot;
    stats.send_modify(|stats| {
        stats.note(format!(
            "the slot {slot:?} was dropped, as {why}: the changes from {confirmed} up to the new slot's beginning are lost"
        ));
        (stats.held_bytes, stats.lag_bytes) = (None, None);
    });
    Ok(())
}

/// How often the slot is asked for, if nothing else is said.
pub(super) const POLL: Duration = Duration::from_secs(5);
