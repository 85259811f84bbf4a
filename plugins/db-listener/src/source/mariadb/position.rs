//! Where the binary log is: now, and as of a snapshot.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::source::Failure;

use super::Server;
use super::connect::{Access, answered, connect};
use super::gtid::{Flavour, Gtids};
use super::tables::{quoted, some};

/// Where it is now.
pub(super) async fn now(opts: &Access, connection: &mut Conn, flavour: Flavour) -> Result<Gtids, Failure> {
    let query = match flavour {
        Flavour::MariaDb => "SELECT @@gtid_binlog_pos",
        Flavour::MySql => "SELECT @@GLOBAL.gtid_executed",
    };
    told(flavour, answered(opts, connection.query_first(query)).await?)
}

/// Has the connection read all tables as they are now, and tells where the log is then.
pub(super) async fn freeze(
    source: &Server,
    connection: &mut Conn,
    flavour: Flavour,
) -> Result<Gtids, Failure> {
    const LEVEL: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    const START: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    let opts = &source.opts;
    answered(opts, connection.query_drop(LEVEL)).await?;
    match flavour {
        Flavour::MariaDb => {
            answered(opts, connection.query_drop(START)).await?;
            frozen(opts, connection).await
        }
        Flavour::MySql => {
            let lock = lock(source).await?;
            answered(opts, connection.query_drop(START)).await?;
            let position = now(opts, connection, flavour).await?;
            let _unlocked = answered(opts, lock.disconnect()).await;
            Ok(position)
        }
    }
}

/// Where MariaDB's log was when the connection's snapshot began.
async fn frozen(opts: &Access, connection: &mut Conn) -> Result<Gtids, Failure> {
    const FILE: &str =
        "SHOW STATUS WHERE Variable_name IN ('binlog_snapshot_file', 'binlog_snapshot_position')";
    let mut status: Vec<(String, String)> = answered(opts, connection.query(FILE)).await?;
    status.sort();
    let [(_, file), (_, offset)] = status.as_slice() else {
        return Err(Failure::Lasting(
            "MariaDB does not tell the position of a snapshot: is log_bin on?".into(),
        ));
    };
    let offset: u64 = offset.parse().unwrap_or_default();
    let position = connection.exec_first("SELECT BINLOG_GTID_POS(?, ?)", (file, offset));
    told(Flavour::MariaDb, answered(opts, position).await?)
}

/// Locks tables of ours against writes, as long as the connection lasts. MySQL does not tell the position of a snapshot, so nothing of
/// theirs may be written while it is asked, nor be half committed. Before 5.7 a lock is of InnoDB, and waits for its transactions, without
/// autocommit alone.
async fn lock(source: &Server) -> Result<Conn, Failure> {
    /// Seconds to wait for those who write; others who want to wait behind us meanwhile.
    const PATIENCE: u32 = 10;
    let opts = &source.opts;
    let mut connection = connect(opts).await?;
    let names: Vec<_> = source.tables.iter().cloned().collect();
    let tables = some(opts, &mut connection, &names).await?;
    let locks: Vec<_> =
        tables.keys().map(|name| format!("{}.{} READ", quoted(&name.schema), quoted(&name.table))).collect();
    if !locks.is_empty() {
        // A connection that says no more, as the network is cut, does not keep its locks for long.
        let session = format!(
            "SET SESSION autocommit=0, lock_wait_timeout={PATIENCE}, innodb_lock_wait_timeout={PATIENCE}, wait_timeout={PATIENCE}"
        );
        answered(opts, connection.query_drop(session)).await?;
        let lock = format!("LOCK TABLES {}", locks.join(", "));
        answered(opts, connection.query_drop(lock)).await.map_err(|failure| grant(source, failure))?;
    }
    Ok(connection)
}

fn told(flavour: Flavour, gtids: Option<Option<String>>) -> Result<Gtids, Failure> {
    Gtids::told(flavour, &gtids.flatten().unwrap_or_default())
        .map_err(|error| Failure::Lasting(format!("{flavour}'s position: {error}")))
}

/// A refusal to lock tables has a cure.
fn grant(source: &Server, failure: Failure) -> Failure {
    let account = source.opts.account();
    let schemas: BTreeSet<_> = source.tables.iter().map(|table| quoted(&table.schema)).collect();
    let grants: Vec<_> =
        schemas.iter().map(|schema| format!("GRANT LOCK TABLES ON {schema}.* TO {account}")).collect();
    match failure {
        Failure::Lasting(text) => Failure::Lasting(format!(
            "{text}. A snapshot of MySQL locks its tables for a moment: {}",
            grants.join("; ")
        )),
        passing => passing,
    }
}
