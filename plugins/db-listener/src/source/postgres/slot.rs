//! The slot: what the server keeps for us, and whose it is.

use std::time::Duration;

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio::time::{Instant, sleep};

use super::lsn::Lsn;
use super::refusal::{Trouble, code};
use super::wire::{Connection, Row};

/// A slot as the server tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Whether the server has removed what it was to keep.
    pub(super) lost: bool,
    /// The process that reads it.
    pub(super) reader: Option<String>,
    /// How many bytes of the log it holds back.
    pub(super) held: u64,
    /// How many bytes of the log are not confirmed.
    pub(super) lag: u64,
    /// The first byte of the log that is not confirmed.
    pub(super) confirmed: Lsn,
}

/// How long a slot may still be in use by a connection of ours that was closed.
const LETTING_GO: Duration = Duration::from_secs(20);

/// A slot, if it is there. One that cannot be listened to is a trouble.
pub(super) async fn find(sql: &mut Connection, name: &str) -> Result<Option<Slot>, Trouble> {
    let rows = sql
        .query(&format!(
            "select slot_type, plugin, database = current_database(), database, coalesce(to_jsonb(s) ->> 'two_phase', 'false'),
               wal_status = 'lost', active_pid, greatest(pg_wal_lsn_diff(now, restart_lsn), 0)::int8,
               greatest(pg_wal_lsn_diff(now, confirmed_flush_lsn), 0)::int8, confirmed_flush_lsn
             from pg_replication_slots s, lateral (select case when pg_is_in_recovery()
               then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end) log(now)
             where slot_name = {}",
            escape_literal(name)
        ))
        .await?;
    rows.first().map(|row| slot(name, row)).transpose()
}

fn slot(name: &str, row: &Row) -> Result<Slot, Trouble> {
    let text = |at: usize| row.get(at).and_then(|cell| cell.as_deref()).unwrap_or_default();
    let wrong = |what: String| {
        Err(Trouble::Lasting(format!(
            "the slot {name:?} {what}: name another by `slot`, or drop it (SELECT pg_drop_replication_slot({}))",
            escape_literal(name)
        )))
    };
    if text(0) != "logical" || text(1) != "pgoutput" {
        return wrong(format!("is {} with the plugin {:?}, not logical with pgoutput", text(0), text(1)));
    }
    if text(2) != "t" {
        return wrong(format!("is of the database {:?}", text(3)));
    }
    if text(4) == "true" {
        return wrong("tells of prepared transactions (two_phase), which are not taken".to_owned());
    }
    Ok(Slot {
        lost: text(5) == "t",
        reader: Some(text(6).to_owned()).filter(|pid| !pid.is_empty()),
        held: text(7).parse().unwrap_or(0),
        lag: text(8).parse().unwrap_or(0),
        confirmed: text(9).parse().unwrap_or_default(),
    })
}

/// Makes a slot that begins now.
pub(super) async fn create(replication: &mut Connection, name: &str) -> Result<(), Trouble> {
    let slot = escape_identifier(name);
    make(replication, &format!("{slot} LOGICAL pgoutput NOEXPORT_SNAPSHOT")).await.map(drop)
}

/// Makes a slot that begins now and ends with its connection; answers its name.
pub(super) async fn create_temporary(replication: &mut Connection) -> Result<String, Trouble> {
    // Slots are named on the whole server, and so are its processes.
    let process = replication.value("select pg_backend_pid()").await?.unwrap_or_default();
    let name = format!("tidegate_try_{process}");
    make(replication, &format!("{name} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT")).await?;
    Ok(name)
}

/// Makes a slot, and answers what the server tells of it.
pub(super) async fn make(replication: &mut Connection, what: &str) -> Result<Vec<Row>, Trouble> {
    // It begins once the transactions that are open now have ended, however long that takes.
    let patience = std::mem::replace(&mut replication.patience, Duration::MAX);
    let made = replication.query(&format!("CREATE_REPLICATION_SLOT {what}")).await;
    replication.patience = patience;
    made
}

/// Drops a slot that nobody reads any more.
pub(super) async fn remove(sql: &mut Connection, name: &str) -> Result<(), Trouble> {
    let deadline = Instant::now() + LETTING_GO;
    loop {
        match sql.query(&format!("select pg_drop_replication_slot({})", escape_literal(name))).await {
            Err(trouble) if trouble.is(code::OBJECT_IN_USE) && Instant::now() < deadline => {
                sleep(Duration::from_millis(100)).await;
            }
            Err(trouble) if trouble.is(code::UNDEFINED_OBJECT) => return Ok(()),
            done => return done.map(drop),
        }
    }
}
