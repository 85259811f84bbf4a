//! What the slot holds back, told again and again, and held to the operator's limit; and what becomes of the tables.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::catalogue;
use super::publication::{Plan, second};
use super::refusal::Trouble;
use super::slot::{self, Slot};
use super::wire::{Connection, Purpose};
use super::{AtLimit, HeldLimit, Settings, Stats};

/// Watches the slot until it is over the limit, and answers how many bytes it holds. Whatever goes wrong with its own connection is no
/// reason to end the stream.
///
/// # Errors
/// Tables of the rules are not published any more.
pub(super) async fn watch(
    settings: &Settings,
    published: &Plan,
    mut sql: Option<Connection>,
    stats: &watch::Sender<Stats>,
) -> Result<u64, Trouble> {
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
                    return Ok(slot.held);
                }
            }
            Ok(None) => {}
            Err(_) => sql = None,
        }
        if let Some(sql) = &mut sql
            && lacks(sql, settings, published, stats).await
        {
            return Err(unpublished(stats));
        }
        sleep(settings.poll).await;
    }
}

/// Whether tables of the rules are gone, or not published; tells how those are that there are. A question that is not answered is
/// asked again.
async fn lacks(
    sql: &mut Connection,
    settings: &Settings,
    published: &Plan,
    stats: &watch::Sender<Stats>,
) -> bool {
    let publications = [settings.publication.as_str(), &second(settings)];
    let Ok(found) = catalogue::find(sql, &settings.tables, &publications).await else { return false };
    if found.len() < settings.tables.len() || !found.iter().all(|found| published.has(settings, found)) {
        return true;
    }
    let tables = Some(found.into_iter().map(|found| found.table).collect());
    stats.send_if_modified(|stats| {
        let changed = stats.tables != tables;
        stats.tables = tables;
        changed
    });
    false
}

/// What is written to a table that is not published is told by nobody.
fn unpublished(stats: &watch::Sender<Stats>) -> Trouble {
    let what = "tables of the rules were not published any more, or others have taken their place";
    stats.send_modify(|stats| stats.note(format!("{what}: what was written to them meanwhile is not told")));
    Trouble::Lost(format!("{what}: they are looked at again"))
}

/// Notes that the slot is gone, where nothing has said so: it was read up to there.
pub(super) fn miss(settings: &Settings, read: &str, stats: &watch::Sender<Stats>) {
    let slot = &settings.slot;
    stats.send_modify(|stats| {
        if !std::mem::replace(&mut stats.loss_is_told, true) {
            stats.note(format!(
                "the slot {slot:?} is gone, which was read up to {read}: the changes from there {LOST}"
            ));
        }
    });
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
        stats.note(format!("the slot {slot:?} was dropped, as {why}: the changes from {confirmed} {LOST}"));
        (stats.held_bytes, stats.lag_bytes) = (None, None);
        stats.loss_is_told = true;
    });
    Ok(())
}

/// How notes of what is lost with a slot end.
const LOST: &str = "up to the new slot's beginning are lost";
/// How often the slot is asked for, if nothing else is said.
pub(super) const POLL: Duration = Duration::from_secs(5);
