//! The sources, behind one name: the one place that knows them all.

use serde_json::{Map, Value};

use super::mariadb::MariaDb;
use super::notify::Notify;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Failure, Feed, Listen, Position, Query, Stage, Standing, Table};
use crate::rules::Rules;
use crate::settings::{Kind, Settings};

/// A source of one of the kinds.
#[derive(Debug)]
pub enum Source {
    /// PostgreSQL's logical replication.
    Postgres(Postgres),
    /// PostgreSQL's LISTEN/NOTIFY.
    Notify(Notify),
    /// The binary log of MariaDB or MySQL.
    Mariadb(MariaDb),
    /// A change table of SQLite.
    Sqlite(Sqlite),
}

/// Has each kind do it.
macro_rules! each {
    ($source:expr, $kind:ident => $does:expr) => {
        match $source {
            Source::Postgres($kind) => $does,
            Source::Notify($kind) => $does,
            Source::Mariadb($kind) => $does,
            Source::Sqlite($kind) => $does,
        }
    };
}

/// Why a source is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be listened to.
    Listen,
    /// To try out rules: nothing of the instance's is touched, and nothing of the past is told.
    Try,
}

impl Source {
    /// The source that the settings are about.
    #[must_use]
    pub fn new(settings: &Settings, rules: &Rules, instance: &str, purpose: Purpose) -> Self {
        match settings.source.kind {
            Kind::Postgres => Self::Postgres(Postgres::new(settings, rules, instance, purpose)),
            Kind::Notify => Self::Notify(Notify::new(settings, instance)),
            Kind::Mariadb => Self::Mariadb(MariaDb::open(settings, instance, purpose)),
            Kind::Sqlite => Self::Sqlite(Sqlite::new(settings, purpose)),
        }
    }

    /// The tables as they are once what [`init`](Self::init) says is done; `None` where that is not known beforehand. Changes nothing.
    ///
    /// # Errors
    /// Why they cannot be looked at.
    pub async fn look(&self) -> Result<Option<Vec<Table>>, Failure> {
        match self {
            Self::Postgres(source) => source.look().await.map(Some),
            // Who is to run it may be the one that makes our user.
            Self::Notify(_) | Self::Mariadb(_) => Ok(None),
            Self::Sqlite(source) => source.look().await.map(Some),
        }
    }

    /// The SQL that makes what the database lacks, a statement each.
    ///
    /// # Errors
    /// Where it depends on what the database has, and that cannot be asked.
    pub async fn init(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Postgres(source) => source.init().await,
            Self::Notify(_) => Ok(Vec::new()),
            Self::Mariadb(source) => source.init(),
            Self::Sqlite(source) => source.init().await,
        }
    }

    /// Has the database do what [`init`](Self::init) says.
    ///
    /// # Errors
    /// The first statement that fails, and why.
    pub async fn apply(&self, statements: &[String]) -> Result<(), Failure> {
        match self {
            Self::Postgres(source) => source.apply(statements).await,
            Self::Notify(_) => Ok(()),
            // Its settings want a restart, and its user a password.
            Self::Mariadb(_) => Err(Failure::Lasting(
                "--apply: the server's settings are in my.cnf: run what is printed by hand".into(),
            )),
            Self::Sqlite(source) => source.apply(statements).await,
        }
    }
}

impl Listen for Source {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        each!(self, source => source.prepare().await)
    }

    async fn run(&self, from: Option<Position>, feed: Feed) -> Failure {
        each!(self, source => source.run(from, feed).await)
    }

    async fn passes(&self, stage: Stage) -> Stage {
        each!(self, source => source.passes(stage).await)
    }

    fn standing(&self) -> Standing {
        each!(self, source => source.standing())
    }

    fn is_exclusive(&self) -> bool {
        each!(self, source => source.is_exclusive())
    }

    fn origin(&self) -> String {
        each!(self, source => source.origin())
    }
}

impl Query for Source {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        each!(self, source => source.first_row(query).await)
    }
}
