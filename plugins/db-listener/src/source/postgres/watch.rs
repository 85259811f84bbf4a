//! What the slot holds back, told again and again, and held to the operator's limit; and what becomes of the tables.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::catalogue::{self, quoted};
use super::publication::Plan;
use super::refusal::Trouble;
use super::slot::{self, Slot};
use super::wire::{Connection, Purpose};
use super::{AtLimit, HeldLimit, Settings, Stats};

/// Watches the slot until it is over the limit, and answers how many bytes it holds. Whatever goes wrong with its own connection is no
/// reason to end the stream, nor is what becomes of a table.
pub(super) async fn watch(
    settings: &Settings,
    published: &[String],
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
        if let Some(connection) = &mut sql
            && look(connection, settings, published, stats).await.is_err()
        {
            sql = None;
        }
        sleep(settings.poll).await;
    }
}

/// Tells how the tables of the rules are, and puts back into the publications what they have lost, where that is ours to do: the stream
/// has it from then on.
async fn look(
    sql: &mut Connection,
    settings: &Settings,
    published: &[String],
    stats: &watch::Sender<Stats>,
) -> Result<(), Trouble> {
    let mut plan = Plan::make(sql, settings, &[]).await?;
    let anew = plan.unpublished.iter().filter(|table| settings.old_rows.contains(table));
    let anew: Vec<_> = anew.cloned().collect();
    // Where that cannot be, the rules say that they lack it.
    if !anew.is_empty() && catalogue::have_old_rows_told(sql, &anew).await.is_ok() {
        plan = Plan::make(sql, settings, &[]).await?;
    }
    let mut drift = Vec::new();
    if !plan.unpublished.is_empty() {
        let tables: Vec<_> = plan.unpublished.iter().map(quoted).collect();
        drift.push(format!(
            "tables of the rules were not published any more, or others have taken their place: what was written to them meanwhile is \
             not told: {}",
            tables.join(", ")
        ));
    }
    match plan.carry_out(sql, settings).await {
        Err(Trouble::Lost(what)) => return Err(Trouble::Lost(what)),
        done => drift.extend(done.err().map(|trouble| trouble.to_string())),
    }
    // Those of ours are made before the slot, all of them.
    let unread = plan.names.iter().filter(|name| !published.contains(name));
    drift.extend(
        unread.map(|name| format!("the publication {name:?} is read once the listener is started anew")),
    );
    let mut tables = plan.tables;
    if tables.len() < settings.tables.len() {
        catalogue::add_others(sql, &settings.tables, &mut tables).await?;
    }
    stats.send_if_modified(|stats| {
        let changed = stats.tables.as_ref() != Some(&tables) || stats.drift != drift;
        (stats.tables, stats.drift) = (Some(tables), drift);
        changed
    });
    Ok(())
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
