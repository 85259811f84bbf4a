//! The request for the binary log, and what is wrong where it is refused.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn};

use crate::source::Failure;

use super::Server;
use super::connect::{Access, answered, connect, failure};
use super::gtid::{GtidSet, Gtids};

/// An idle server says that it is there so often.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Asks for the log from behind the position.
pub(super) async fn open(source: &Server, position: &Gtids) -> Result<BinlogStream, Failure> {
    let opts = &source.opts;
    let mut connection = connect(opts).await?;
    let (request, heartbeat) = (BinlogStreamRequest::new(source.server_id), HEARTBEAT.as_nanos());
    let (settings, request) = match position {
        Gtids::MariaDb(list) => {
            let settings = format!(
                "SET @mariadb_slave_capability=4, @slave_connect_state='{list}', @slave_gtid_strict_mode=1, \
                 @slave_gtid_ignore_duplicates=0, @master_heartbeat_period={heartbeat}"
            );
            (settings, request)
        }
        Gtids::MySql(set) => {
            has_all(opts, &mut connection, set).await?;
            // Servers from 8.0.26 on look for the second first.
            let settings =
                format!("SET @master_heartbeat_period={heartbeat}, @source_heartbeat_period={heartbeat}");
            (settings, request.with_gtid().with_gtid_set(set.sids()))
        }
    };
    answered(opts, connection.query_drop(settings)).await?;
    answered(opts, connection.get_binlog_stream(request)).await.map_err(|failure| granted(opts, failure))
}

/// Sees to it that the server has all that was read; MySQL itself would not mind.
async fn has_all(opts: &Access, connection: &mut Conn, position: &GtidSet) -> Result<(), Failure> {
    let missing = format!("SELECT GTID_SUBTRACT('{position}', @@GLOBAL.gtid_executed)");
    let missing: Option<Option<String>> = answered(opts, connection.query_first(missing)).await?;
    match missing.flatten().filter(|missing| !missing.is_empty()) {
        None => Ok(()),
        Some(missing) => Err(Failure::Lasting(format!(
            "MySQL does not have the transactions {missing}, which were read already: it is another server, or has lost them; \
             to begin anew, remove the position that is kept"
        ))),
    }
}

/// What the server refuses to read us, or why it has stopped.
pub(super) fn refusal(opts: &Access, position: &Gtids, error: &mysql_async::Error) -> Failure {
    const NOT_THERE: u16 = 1236;
    let server = position.flavour();
    match error {
        mysql_async::Error::Server(error) if error.code == NOT_THERE => Failure::Lasting(format!(
            "{server} cannot go on from GTID position '{position}': {}. What was written since is lost to us where its logs were purged; \
             to begin anew, remove the position that is kept",
            error.message
        )),
        error => failure(opts, &server.to_string(), error),
    }
}

/// A refusal to be read the log has a cure. Servers tell it as one of the password, too, which was right.
fn granted(opts: &Access, failure: Failure) -> Failure {
    match failure {
        Failure::Lasting(text) if !text.contains(opts.rights()) => {
            Failure::Lasting(format!("{text}; what the user needs: {}", opts.rights()))
        }
        failure => failure,
    }
}
