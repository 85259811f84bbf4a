//! PostgreSQL, by logical replication: a slot of the server's keeps what is not confirmed, and its plugin `pgoutput` tells it.
//!
//! In the order of flow: an [`address`] is dialled (`dial`, `login`, [`wire`]); what the server is to publish is made or checked
//! (`catalogue`, `publication`, `slot`), what was there before is read (`snapshot`), and a `stream` of [`pgoutput`]'s messages becomes changes
//! ([`rows`], [`types`], [`value`], [`literal`]), while `watch` looks at what the slot holds back. [`stats`] tells how it goes,
//! [`refusal`] what went wrong; `init` is what an operator does by hand.

pub mod address;
mod catalogue;
mod dial;
mod init;
mod listen;
pub mod literal;
mod login;
pub mod lsn;
pub mod pgoutput;
mod position;
mod progress;
mod publication;
mod query;
pub mod refusal;
pub mod rows;
mod slot;
mod snapshot;
pub mod stats;
mod stream;
pub mod types;
pub mod value;
mod watch;
pub mod wire;

pub use listen::Postgres;
pub(super) use listen::{address_of, passes, standing};
pub(super) use query::first_row;

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch as channel;
use tokio::time::sleep;

use self::address::Address;
use self::publication::Plan;
use self::refusal::{Trouble, code};
use self::slot::Slot;
use self::stats::{State, Stats};
use self::stream::Stream;
use self::wire::{Connection, Purpose};
use super::{Failure, Feed, Position, Table};
use crate::change::TableName;

/// What a source listens to, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub address: Address,
    /// The slot's name; one for each instance, as it is of the whole server.
    pub slot: String,
    /// The publication's name.
    pub publication: String,
    /// Whether the rows that are there when the slot is made are told as inserts.
    pub snapshot: bool,
    /// The tables of the rules.
    pub tables: Vec<TableName>,
    /// Those that are to tell their old rows, where they are made anew.
    pub old_rows: Vec<TableName>,
    /// How much the slot may hold back.
    pub held_limit: Option<HeldLimit>,
    /// How often what it holds back is asked for.
    pub poll: Duration,
    /// For how long a server may be silent before it is taken for dead.
    pub silence: Duration,
}

/// How much of the write-ahead log a slot may hold back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldLimit {
    /// In bytes.
    pub bytes: u64,
    /// What is done above it.
    pub then: AtLimit,
}

/// What is done when a slot holds back too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtLimit {
    /// Nothing is read any more until an operator acts; the slot stays, and nothing is lost.
    Stop,
    /// The slot is dropped, for the database's disk, and another made: what it held is lost, and that is noted.
    DropSlot,
}

/// How often a slot in use elsewhere is looked at.
const TAKE_OVER: Duration = Duration::from_secs(1);

/// The oldest version that is listened to, as `server_version_num` has it.
const OLDEST: u32 = 130_000;

impl Settings {
    /// The tables of a database, with what is usual for the rest.
    pub fn new(address: Address, tables: Vec<TableName>) -> Self {
        Self {
            address,
            slot: "tidegate".to_owned(),
            publication: "tidegate".to_owned(),
            snapshot: false,
            tables,
            old_rows: Vec::new(),
            held_limit: None,
            poll: watch::POLL,
            silence: Duration::from_secs(60),
        }
    }
}

/// The tables that a database has now.
///
/// # Errors
/// [`Failure`], as of the source.
pub async fn tables(address: &Address) -> Result<Vec<Table>, Failure> {
    let mut sql = Connection::open(address, Purpose::Sql).await?;
    let names = catalogue::all(&mut sql).await?;
    Ok(catalogue::tables(&mut sql, &names).await?)
}

/// Listens until something goes wrong, or the feed's other end is gone. Begins where the slot is, or at a position, where that is
/// further and of the same server's history.
pub async fn run(
    settings: &Settings,
    from: Option<&Position>,
    mut feed: Feed,
    stats: &channel::Sender<Stats>,
) -> Failure {
    stats.send_modify(|stats| stats.state = State::Connecting);
    let ended = listen(settings, from, &mut feed, stats).await;
    stats.send_modify(|stats| stats.state = State::Connecting);
    match ended {
        Ok(never) => match never {},
        Err(trouble) => trouble.into(),
    }
}

/// Tells what is committed from now on, and changes nothing: its slot ends with its connection, and what is published is taken as it is.
pub async fn try_out(settings: &Settings, mut feed: Feed, stats: &channel::Sender<Stats>) -> Failure {
    let tried = async {
        let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
        check_server(&mut sql).await?;
        let published = Plan::make(&mut sql, settings, &[]).await?;
        published.is_done(settings)?;
        let mut stream = Stream::begin_temporary(settings, &published.names).await?;
        stats.send_modify(|stats| stats.state = State::Streaming);
        stream.read(&mut feed).await
    };
    match tried.await {
        Ok(never) => match never {},
        Err(trouble) => Trouble::into(trouble),
    }
}

async fn listen(
    settings: &Settings,
    from: Option<&Position>,
    feed: &mut Feed,
    stats: &channel::Sender<Stats>,
) -> Result<Infallible, Trouble> {
    let pump = feed.batches.clone();
    let (mut stream, sql, published) = tokio::select! {
        begun = begin(settings, from, feed, stats) => begun?,
        () = pump.closed() => return Err(ended()),
    };
    // Else the feed would never be closed.
    drop(pump);
    stats.send_modify(|stats| {
        (stats.state, stats.begun, stats.loss_is_told) = (State::Streaming, true, false);
    });
    let ended = tokio::select! {
        ended = stream.read(feed) => Err(ended),
        held = watch::watch(settings, &published, Some(sql), stats) => Ok(held),
    };
    let held = match ended {
        Ok(held) => held,
        Err(Err(trouble)) if lacks_publication(&trouble, &published) => {
            stream.hand_over(feed).await;
            drop(stream);
            return begin_anew(settings, &published, trouble, stats).await;
        }
        Err(ended) => return ended,
    };
    drop(stream);
    let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
    if let Some(limit) = &settings.held_limit {
        watch::apply(settings, limit, held, &mut sql, stats).await?;
    }
    Err(Trouble::Lost(
        "the slot was dropped, as it held too much of the write-ahead log; another is made".to_owned(),
    ))
}

/// Whether a change was made while there was no such publication.
fn lacks_publication(trouble: &Trouble, published: &[String]) -> bool {
    matches!(trouble, Trouble::Refused(refusal) if refusal.code == code::UNDEFINED_OBJECT
        && published.iter().any(|name| refusal.message.contains(name)))
}

/// Drops the slot that stands before the making of its publications, once these are there: it would never pass that place.
async fn begin_anew(
    settings: &Settings,
    published: &[String],
    trouble: Trouble,
    stats: &channel::Sender<Stats>,
) -> Result<Infallible, Trouble> {
    let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
    let names: Vec<_> = published.iter().map(String::as_str).collect();
    if publication::there(&mut sql, &names).await?.len() < published.len() {
        return Err(trouble);
    }
    let why = "its publication was dropped and made anew, and PostgreSQL tells nothing past that";
    watch::drop_slot(settings, why, &mut sql, stats).await?;
    Err(Trouble::Lost(format!("the slot was dropped, as {why}; another is made")))
}

/// Makes or checks what is needed, and begins to stream.
async fn begin<'a>(
    settings: &'a Settings,
    from: Option<&Position>,
    feed: &mut Feed,
    stats: &channel::Sender<Stats>,
) -> Result<(Stream<'a>, Connection, Vec<String>), Trouble> {
    let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
    check_server(&mut sql).await?;
    let begun = stats.borrow().begun;
    let published = publication::ensure(&mut sql, settings, begun).await?;
    loop {
        let Some(slot) = ready_slot(settings, &published, from, &mut sql, feed, stats).await? else {
            continue;
        };
        match Stream::begin(settings, &published, slot.confirmed, from).await {
            // Somebody was faster.
            Err(trouble) if trouble.is(code::OBJECT_IN_USE) => {}
            begun => return Ok((begun?, sql, published)),
        }
    }
}

/// The slot, once it is there and nobody else's. None: something has changed, look again.
async fn ready_slot(
    settings: &Settings,
    publications: &[String],
    from: Option<&Position>,
    sql: &mut Connection,
    feed: &mut Feed,
    stats: &channel::Sender<Stats>,
) -> Result<Option<Slot>, Trouble> {
    let Some(slot) = slot::find(sql, &settings.slot).await? else {
        if let Some(Position(read)) = from {
            watch::miss(settings, read, stats);
        }
        match make_slot(settings, publications, feed, stats).await {
            // Another node makes it at the same time.
            Err(trouble) if trouble.is(code::DUPLICATE_OBJECT) => wait(stats).await,
            made => made?,
        }
        return Ok(None);
    };
    watch::tell(&slot, stats);
    let drops = settings.held_limit.is_some_and(|limit| limit.then == AtLimit::DropSlot);
    if slot.lost && drops {
        watch::drop_slot(settings, "PostgreSQL has removed what it was to keep", sql, stats).await?;
        return Ok(None);
    }
    if slot.lost {
        return Err(Trouble::Lasting(format!(
            "the slot {0:?} is lost: PostgreSQL has removed what it was to keep (max_slot_wal_keep_size), and changes with it; drop it \
             (SELECT pg_drop_replication_slot('{0}')), and another is made",
            settings.slot
        )));
    }
    if slot.reader.is_some() {
        wait(stats).await;
        return Ok(None);
    }
    if let Some(limit) = watch::over(settings, &slot) {
        watch::apply(settings, limit, slot.held, sql, stats).await?;
        return Ok(None);
    }
    Ok(Some(slot))
}

async fn make_slot(
    settings: &Settings,
    publications: &[String],
    feed: &mut Feed,
    stats: &channel::Sender<Stats>,
) -> Result<(), Trouble> {
    if settings.snapshot {
        return snapshot::read(settings, publications, feed, stats).await;
    }
    let mut replication = Connection::open(&settings.address, Purpose::Replication).await?;
    slot::create(&mut replication, &settings.slot).await
}

/// Lets some time pass before a slot in use elsewhere is looked at again.
async fn wait(stats: &channel::Sender<Stats>) {
    stats.send_if_modified(|stats| std::mem::replace(&mut stats.state, State::Waiting) != State::Waiting);
    sleep(TAKE_OVER).await;
}

async fn check_server(sql: &mut Connection) -> Result<(), Trouble> {
    let version = sql.value("show server_version_num").await?.and_then(|number| number.parse::<u32>().ok());
    if version.is_some_and(|version| version < OLDEST) {
        return Err(Trouble::Lasting(
            "PostgreSQL is older than version 13, the oldest that is listened to".to_owned(),
        ));
    }
    let level = sql.value("show wal_level").await?.unwrap_or_default();
    match level.as_str() {
        "logical" => Ok(()),
        _ => Err(Trouble::Lasting(format!(
            "PostgreSQL has wal_level = {level}, and logical replication needs logical: ALTER SYSTEM SET wal_level = 'logical', and a restart"
        ))),
    }
}

/// The pump is gone.
fn ended() -> Trouble {
    Trouble::Lost("nobody takes the changes any more".to_owned())
}
