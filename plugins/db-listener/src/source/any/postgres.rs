//! What operators do with PostgreSQL by hand.

use std::time::Duration;

use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio::time::sleep;

use super::Purpose as Why;
use crate::change::TableName;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::source::Failure;
use crate::source::postgres::Postgres;
use crate::source::postgres::address::Address;
use crate::source::postgres::refusal::Trouble;
use crate::source::postgres::wire::{Connection, Purpose};

/// A lock of the application's on a table is waited for so long, as what we ask for waits in front of others.
const LOCK: &str = "SET lock_timeout = '2s'";
/// What a publication of ours says of itself, so that it is kept in step with the rules.
const MARK: &str = "made by Tidegate for its plugin db-listener";
/// How often it is tried to drop a slot whose reader has gone just now.
const TRIES: u32 = 20;

/// The database, for that purpose.
pub(super) fn open(settings: &Settings, rules: &Rules, instance: &str, why: Why) -> Postgres {
    let mut settings = settings.clone();
    if why == Why::Try {
        settings.source.slot = slot_of_a_try();
        (settings.source.snapshot, settings.source.prepare) = (false, false);
    }
    Postgres::new(&settings, rules, instance)
}

/// A name that no other process here uses.
fn slot_of_a_try() -> String {
    format!("tidegate_try_{}", std::process::id())
}

fn address(settings: &Settings) -> Result<Address, Failure> {
    let url = settings.source.read_url().map_err(Failure::Lasting)?;
    Address::parse(&url).map_err(|error| Failure::Lasting(format!("source.url: {error}")))
}

async fn connect(settings: &Settings) -> Result<Connection, Failure> {
    Ok(Connection::open(&address(settings)?, Purpose::Sql).await?)
}

/// The statements that a database needs once.
pub(super) fn init(settings: &Settings, rules: &Rules) -> Result<Vec<String>, Failure> {
    let source = &settings.source;
    let publication = escape_identifier(&source.publication);
    let tables = settings.tables().iter().map(quoted).collect::<Vec<_>>().join(", ");
    let user = escape_identifier(&address(settings)?.user);
    let asked = rules.ask_old_rows_of();
    let old_rows = asked.iter().map(|table| format!("ALTER TABLE {} REPLICA IDENTITY FULL", quoted(table)));
    let made = [
        format!(
            "CREATE PUBLICATION {publication} FOR TABLE {tables} WITH (publish_via_partition_root = true)"
        ),
        format!("COMMENT ON PUBLICATION {publication} IS {}", escape_literal(MARK)),
        format!("SELECT pg_create_logical_replication_slot({}, 'pgoutput')", escape_literal(&source.slot)),
        format!("ALTER ROLE {user} REPLICATION"),
        format!("GRANT SELECT ON {tables} TO {user}"),
    ];
    Ok(old_rows.chain(made).collect())
}

/// Runs them, but for what is there already.
pub(super) async fn apply(settings: &Settings, rules: &Rules) -> Result<(), Failure> {
    let mut connection = connect(settings).await?;
    connection.query(LOCK).await?;
    for statement in init(settings, rules)? {
        match connection.query(&statement).await {
            Ok(_) => {}
            Err(Trouble::Refused(refusal)) if refusal.code == "42710" => {}
            Err(trouble) => return Err(Failure::Passing(format!("{statement}: {trouble}"))),
        }
    }
    Ok(())
}

/// Drops the slot of a try. Its reader has gone just now, which the server may see later.
pub(super) async fn clear(settings: &Settings) -> Result<(), Failure> {
    let slot = escape_literal(&slot_of_a_try());
    let of_it = format!("FROM pg_replication_slots WHERE slot_name = {slot}");
    let ended = format!("SELECT pg_terminate_backend(active_pid) {of_it} AND active");
    let dropped = format!("SELECT pg_drop_replication_slot(slot_name) {of_it}");
    let mut connection = connect(settings).await?;
    for _ in 1..TRIES {
        connection.query(&ended).await?;
        if connection.query(&dropped).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    connection.query(&dropped).await.map(drop).map_err(Failure::from)
}

fn quoted(table: &TableName) -> String {
    format!("{}.{}", escape_identifier(&table.schema), escape_identifier(&table.table))
}
