//! Where changes come from: one way for each kind of database.
//!
//! A source is a task of its own, so that it can go on answering its database (keep-alives) while the hub is busy. It reads ahead of
//! the pump by as much as the [`Feed`] takes, and no further: a full one is back-pressure to the database.

mod any;
pub mod mariadb;
pub mod notify;
pub mod postgres;
pub mod sqlite;
mod table;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};

use crate::change::Change;
pub use any::{Purpose, Source};
pub use table::{Table, TableColumn, Told, Untold, Values};

/// How far a source has got, in its own terms: an LSN, a GTID list, a number of a change table. Kept by the pump in the host's store
/// once all before it is safe, and given back at the next start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position(pub String);

/// Changes in the order of their commits.
#[derive(Debug)]
pub struct Batch {
    /// What happened. A large transaction comes in several batches.
    pub changes: Vec<Change>,
    /// Set where a transaction ends: what may be confirmed once all up to here is safe. May come without changes, so that a source
    /// that reads what no rule is about gets ahead.
    pub position: Option<Position>,
}

/// The two ways between a source and the pump.
#[derive(Debug)]
pub struct Feed {
    /// What was read. Closed: the pump is gone, and the source ends.
    pub batches: mpsc::Sender<Batch>,
    /// The newest position up to which all is safe; `None` until there is one. A source may then tell its database.
    pub confirmed: watch::Receiver<Option<Position>>,
}

/// A source, as the pump sees it. All of it runs on the instance's thread.
#[allow(async_fn_in_trait, reason = "no caller needs the futures to be Send")]
pub trait Listen {
    /// Connects, and checks or makes what is needed; answers the tables that there are, `None` where there is no such thing. It is given
    /// up by being dropped.
    ///
    /// # Errors
    /// Why it cannot listen.
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure>;

    /// Reads changes from that position on until it fails, or the feed is closed.
    async fn run(&self, from: Option<Position>, feed: Feed) -> Failure;

    /// Ends once it has come further than that, and answers how far; never where the first batch says so.
    async fn passes(&self, _stage: Stage) -> Stage {
        std::future::pending().await
    }

    /// How it is doing.
    fn standing(&self) -> Standing {
        Standing::default()
    }

    /// Whether the source itself sees to it that one node listens, as a slot does.
    fn is_exclusive(&self) -> bool;

    /// What makes an origin of this source another than that of any other: begins the events' ids.
    fn origin(&self) -> String;
}

/// A database that calls ask.
#[allow(async_fn_in_trait, reason = "no caller needs the futures to be Send")]
pub trait Query {
    /// The first row that a query answers, by its columns; none where it answers none.
    ///
    /// # Errors
    /// Why it cannot be asked.
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure>;
}

/// How far a source has come since it was told to [run](Listen::run), in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stage {
    /// It connects.
    #[default]
    Connecting,
    /// Another node listens: it takes over when that ends.
    Waiting,
    /// Changes that are committed from then on are told.
    Reading,
}

/// How a source is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Bytes of the database's log that are not confirmed.
    pub lag_bytes: Option<u64>,
    /// Bytes of the database's log that are kept for us.
    pub held_bytes: Option<u64>,
    /// What an operator should know, though it goes on.
    pub notes: Vec<String>,
    /// The tables of the rules as they were last seen, where the source looks at them again and again.
    pub tables: Option<Vec<Table>>,
}

/// Why a source has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may be well again later: the database is down, the network is cut, the slot is held by another. It is tried again.
    #[error("{0}")]
    Passing(String),
    /// It will not be well by itself: the operator has to do something, which the text names. Tried again, too, but seldom, and the
    /// health says so.
    #[error("{0}")]
    Lasting(String),
}
