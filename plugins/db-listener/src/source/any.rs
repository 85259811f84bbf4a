//! The sources, behind one name: the one place that knows them all.

use serde_json::{Map, Value};

use super::notify::Notify;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Failure, Feed, Listen, Position, Query, Standing, Table};
use crate::rules::Rules;
use crate::settings::{Kind, Settings};

/// A source of one of the kinds.
#[derive(Debug)]
pub enum Source {
    /// PostgreSQL's logical replication.
    Postgres(Postgres),
    /// PostgreSQL's LISTEN/NOTIFY.
    Notify(Notify),
    /// A change table of SQLite.
    Sqlite(Sqlite),
}

/// Has each kind do it.
macro_rules! each {
    ($source:expr, $kind:ident => $does:expr) => {
        match $source {
            Source::Postgres($kind) => $does,
            Source::Notify($kind) => $does,
            Source::Sqlite($kind) => $does,
        }
    };
}

impl Source {
    /// The source that the settings are about.
    #[must_use]
    pub fn new(settings: &Settings, rules: &Rules, instance: &str) -> Self {
        match settings.source.kind {
            Kind::Postgres => Self::Postgres(Postgres::new(settings, rules, instance)),
            Kind::Notify => Self::Notify(Notify::new(settings, instance)),
            Kind::Sqlite | Kind::Mariadb => Self::Sqlite(Sqlite::new(settings)),
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

    async fn reads(&self) {
        each!(self, source => source.reads().await)
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
