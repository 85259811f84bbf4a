//! PostgreSQL as the pump and the calls see it.

use postgres_protocol::escape::{escape_identifier, escape_literal};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::Purpose as Why;
use crate::change::TableName;
use crate::rules::Rules;
use crate::settings::{AtWalLimit, Settings, SourceSettings};
use crate::source::postgres::address::Address;
use crate::source::postgres::refusal::Trouble;
use crate::source::postgres::stats::{State, Stats};
use crate::source::postgres::wire::{Connection, Purpose};
use crate::source::postgres::{self, AtLimit, HeldLimit};
use crate::source::{Failure, Feed, Listen, Position, Query, Standing, Table};

/// A lock of the application's on a table is waited for so long before another attempt, as what we ask for waits in front of others.
const LOCK: &str = "SET lock_timeout = '2s'";
/// What a publication of ours says of itself.
const MARK: &str = "made by Tidegate for its plugin db-listener";

/// A database of PostgreSQL.
#[derive(Debug)]
pub struct Pg {
    settings: SourceSettings,
    tables: Vec<TableName>,
    /// The tables whose old rows rules ask for.
    ask_old: Vec<TableName>,
    instance: String,
    why: Why,
    stats: watch::Sender<Stats>,
}

impl Pg {
    pub(super) fn new(settings: &Settings, rules: &Rules, instance: &str, why: Why) -> Self {
        let mut source = settings.source.clone();
        if why == Why::Try {
            source.slot = format!("tidegate_try_{}", std::process::id());
            source.snapshot = false;
        }
        Self {
            settings: source,
            tables: settings.tables(),
            ask_old: rules.ask_old_rows_of(),
            instance: instance.into(),
            why,
            stats: watch::Sender::default(),
        }
    }

    fn address(&self) -> Result<Address, Failure> {
        let url = self.settings.read_url().map_err(Failure::Lasting)?;
        Address::parse(&url).map_err(|error| Failure::Lasting(format!("source.url: {error}")))
    }

    async fn open(&self) -> Result<Connection, Failure> {
        Ok(Connection::open(&self.address()?, Purpose::Sql).await?)
    }

    fn listened(&self) -> Result<postgres::Settings, Failure> {
        let source = &self.settings;
        let then = match source.at_wal_limit {
            AtWalLimit::Stop => AtLimit::Stop,
            AtWalLimit::DropSlot => AtLimit::DropSlot,
        };
        let bytes = source.wal_limit;
        Ok(postgres::Settings {
            slot: source.slot.clone(),
            publication: source.publication.clone(),
            snapshot: source.snapshot,
            held_limit: (bytes > 0).then_some(HeldLimit { bytes, then }),
            ..postgres::Settings::new(self.address()?, self.tables.clone())
        })
    }

    /// Has tables tell their old rows where rules ask for them.
    async fn tell_old_rows(&self, tables: &mut [Table]) -> Result<(), Failure> {
        let silent =
            tables.iter_mut().filter(|table| !table.tells_old_rows && self.ask_old.contains(&table.name));
        let silent: Vec<_> = silent.collect();
        if silent.is_empty() || !self.settings.prepare || self.why == Why::Try {
            return Ok(());
        }
        let mut connection = self.open().await?;
        connection.query(LOCK).await?;
        for table in silent {
            match connection.query(&full(&table.name)).await {
                Ok(_) => table.tells_old_rows = true,
                // Who may not is told so when the rules are checked.
                Err(Trouble::Refused(refusal)) if refusal.code.starts_with("42") => return Ok(()),
                Err(trouble) => return Err(trouble.into()),
            }
        }
        Ok(())
    }

    pub(super) async fn init(&self) -> Result<Vec<String>, Failure> {
        let publication = escape_identifier(&self.settings.publication);
        let tables = self.tables.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let user = escape_identifier(&self.address()?.user);
        let old_rows = self.ask_old.iter().map(full);
        let made = [
            format!(
                "CREATE PUBLICATION {publication} FOR TABLE {tables} WITH (publish_via_partition_root = true)"
            ),
            format!("COMMENT ON PUBLICATION {publication} IS {}", escape_literal(MARK)),
            format!(
                "SELECT pg_create_logical_replication_slot({}, 'pgoutput')",
                escape_literal(&self.settings.slot)
            ),
        ];
        let granted =
            [format!("ALTER ROLE {user} REPLICATION"), format!("GRANT SELECT ON {tables} TO {user}")];
        Ok(old_rows.chain(made).chain(granted).collect())
    }

    pub(super) async fn apply(&self) -> Result<(), Failure> {
        let mut connection = self.open().await?;
        connection.query(LOCK).await?;
        for statement in self.init().await? {
            match connection.query(&statement).await {
                Ok(_) => {}
                // It is there already.
                Err(Trouble::Refused(refusal)) if refusal.code == "42710" => {}
                Err(trouble) => return Err(Failure::Passing(format!("{statement}: {trouble}"))),
            }
        }
        Ok(())
    }

    /// Drops the slot of a try. Its reader has gone just now, which the server may see later.
    pub(super) async fn clear(&self) -> Result<(), Failure> {
        if self.why == Why::Listen {
            return Ok(());
        }
        let slot = escape_literal(&self.settings.slot);
        let ended = format!(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = {slot} AND active"
        );
        let dropped = format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {slot}"
        );
        let mut connection = self.open().await?;
        let mut tries = 0;
        loop {
            connection.query(&ended).await?;
            match connection.query(&dropped).await {
                Err(_) if tries < 20 => tries += 1,
                done => return done.map(drop).map_err(Failure::from),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

impl Listen for Pg {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        self.stats.send_replace(Stats::default());
        let mut tables = postgres::tables(&self.address()?).await?;
        self.tell_old_rows(&mut tables).await?;
        Ok(Some(tables))
    }

    async fn run(&self, from: Option<Position>, feed: Feed) -> Failure {
        match self.listened() {
            Ok(settings) => postgres::run(&settings, from.as_ref(), feed, &self.stats).await,
            Err(failure) => failure,
        }
    }

    async fn reads(&self) {
        let mut stats = self.stats.subscribe();
        // The sender is ours.
        let _stats = stats.wait_for(|stats| stats.state != State::Connecting).await;
    }

    fn standing(&self) -> Standing {
        let stats = self.stats.borrow().clone();
        Standing {
            waits: stats.state == State::Waiting,
            lag_bytes: stats.lag_bytes,
            held_bytes: stats.held_bytes,
            notes: stats.notes,
        }
    }

    /// The slot is.
    fn is_exclusive(&self) -> bool {
        true
    }

    fn origin(&self) -> String {
        format!("{}/{}", self.instance, self.settings.slot)
    }
}

impl Query for Pg {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        let query = query.trim().trim_end_matches(';');
        let mut connection = self.open().await?;
        let rows =
            connection.query(&format!("SELECT row_to_json(r) FROM (\n{query}\n) AS r LIMIT 1")).await?;
        let json = rows.into_iter().next().and_then(|row| row.into_iter().next().flatten());
        let Some(json) = json else { return Ok(Map::new()) };
        serde_json::from_str(&json).map_err(|error| Failure::Passing(format!("a row is no JSON: {error}")))
    }
}

fn quoted(table: &TableName) -> String {
    format!("{}.{}", escape_identifier(&table.schema), escape_identifier(&table.table))
}

fn full(table: &TableName) -> String {
    format!("ALTER TABLE {} REPLICA IDENTITY FULL", quoted(table))
}
