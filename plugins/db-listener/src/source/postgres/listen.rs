//! The source as the pump sees it, and as calls ask it.

use std::sync::Mutex;

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::address::Address;
use super::catalogue;
use super::position::Origin;
use super::publication;
use super::query::first_row;
use super::stats::Stats;
use super::wire::{Connection, Purpose};
use super::{AtLimit, HeldLimit, Settings, run, try_out};
use crate::change::TableName;
use crate::rules::Rules;
use crate::settings::{AtWalLimit, Settings as Said, SourceSettings};
use crate::source::{Failure, Feed, Listen, Position, Purpose as Why, Query, Stage, Standing, Table, Told};

/// A database of PostgreSQL, by logical replication.
#[derive(Debug)]
pub struct Postgres {
    said: SourceSettings,
    pub(super) tables: Vec<TableName>,
    /// Those whose old rows rules ask for.
    pub(super) old_rows: Vec<TableName>,
    why: Why,
    /// What the server's list of connections calls ours.
    application: String,
    stats: watch::Sender<Stats>,
    /// Whose log it is, as was last found.
    origin: Mutex<Option<Origin>>,
}

impl Postgres {
    /// The database that the settings name.
    #[must_use]
    pub fn new(settings: &Said, rules: &Rules, instance: &str, why: Why) -> Self {
        Self {
            said: settings.source.clone(),
            tables: settings.tables(),
            old_rows: rules.ask_old_rows_of(),
            why,
            application: format!("tidegate {instance}"),
            stats: watch::Sender::default(),
            origin: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let said = &self.said;
        let then = match said.at_wal_limit {
            AtWalLimit::Stop => AtLimit::Stop,
            AtWalLimit::DropSlot => AtLimit::DropSlot,
        };
        let address = address_of(said, &self.application)?;
        Ok(Settings {
            slot: said.slot.clone(),
            publication: said.publication.clone(),
            snapshot: said.snapshot,
            old_rows: if said.prepare { self.old_rows.clone() } else { Vec::new() },
            held_limit: (said.wal_limit > 0).then_some(HeldLimit { bytes: said.wal_limit, then }),
            ..Settings::new(address, self.tables.clone())
        })
    }

    /// Has tables tell their old rows where rules ask for them, if that is wanted.
    async fn ask_for_old_rows(&self, sql: &mut Connection, tables: &mut [Table]) -> Result<(), Failure> {
        catalogue::have_old_rows_told(sql, &self.old_rows).await?;
        self.tell_old_rows(tables);
        Ok(())
    }

    /// What tables are like that were made to tell their old rows: all of them has become their replica identity.
    pub(super) fn tell_old_rows(&self, tables: &mut [Table]) {
        for table in tables.iter_mut().filter(|table| self.old_rows.contains(&table.name)) {
            if table.told == Told::All {
                table.tells_old_rows = true;
                table.untold.clear();
            }
        }
    }
}

/// Where the settings say that the database is.
pub(in crate::source) fn address_of(said: &SourceSettings, application: &str) -> Result<Address, Failure> {
    let url = said.read_url().map_err(Failure::Lasting)?;
    let mut address =
        Address::parse(&url).map_err(|error| Failure::Lasting(format!("source.url: {error}")))?;
    // Longer names are cut by the server, with a notice.
    address.application = application.chars().take(40).collect();
    Ok(address)
}

/// How a source is doing, of what it tells of itself.
pub(in crate::source) fn standing(stats: &Stats) -> Standing {
    Standing {
        lag_bytes: stats.lag_bytes,
        held_bytes: stats.held_bytes,
        notes: stats.notes.iter().chain(&stats.drift).cloned().collect(),
        tables: stats.tables.clone(),
    }
}

/// Ends once a source has come further than that, of what it tells of itself.
pub(in crate::source) async fn passes(stats: &watch::Sender<Stats>, stage: Stage) -> Stage {
    let mut stats = stats.subscribe();
    match stats.wait_for(|stats| stats.state.stage() > stage).await {
        Ok(stats) => stats.state.stage(),
        Err(_) => std::future::pending().await,
    }
}

impl Listen for Postgres {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        let settings = self.settings()?;
        let mut sql = Connection::open(&settings.address, Purpose::Sql).await?;
        let mut tables = catalogue::tables(&mut sql, &self.tables).await?;
        if self.said.prepare && self.why == Why::Listen {
            self.ask_for_old_rows(&mut sql, &mut tables).await?;
        }
        publication::limit(&mut sql, &settings, &mut tables).await?;
        let mut replication = Connection::open(&settings.address, Purpose::Replication).await?;
        let found = Origin::identify(&mut replication).await?;
        *self.origin.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(found);
        Ok(Some(tables))
    }

    async fn run(&self, from: Option<Position>, feed: Feed) -> Failure {
        match (self.settings(), self.why) {
            (Ok(settings), Why::Listen) => run(&settings, from.as_ref(), feed, &self.stats).await,
            (Ok(settings), Why::Try) => try_out(&settings, feed, &self.stats).await,
            (Err(failure), _) => failure,
        }
    }

    async fn passes(&self, stage: Stage) -> Stage {
        passes(&self.stats, stage).await
    }

    fn standing(&self) -> Standing {
        standing(&self.stats.borrow())
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    /// The server's own name and its history, as places in the log of another are other places; and the slot, as instances are told apart
    /// by it.
    fn origin(&self) -> String {
        let origin = self.origin.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let server = origin.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{server}/{}", self.said.slot)
    }
}

impl Query for Postgres {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        first_row(&address_of(&self.said, &self.application)?, query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_wrong_is_told_with_its_setting() {
        let said = SourceSettings { url: Some("postgres://:hush@h/d".into()), ..SourceSettings::default() };
        let failure = address_of(&said, "tidegate db-listener").unwrap_err();
        assert_eq!(
            failure,
            Failure::Lasting("source.url: the URL of the database names no user: postgres://USER@…".into())
        );
    }
}
