//! MariaDB as the pump and the calls see it.

use serde_json::{Map, Value};

use super::Purpose;
use crate::change::TableName;
use crate::settings::{Settings, SourceSettings};
use crate::source::mariadb::{MariaDb, init_sql};
use crate::source::{Failure, Feed, Listen, Position, Query, Table};

/// A database of MariaDB.
#[derive(Debug)]
pub struct Maria {
    settings: SourceSettings,
    tables: Vec<TableName>,
    instance: String,
    purpose: Purpose,
}

impl Maria {
    pub(super) fn new(settings: &Settings, instance: &str, purpose: Purpose) -> Self {
        let (source, tables) = (settings.source.clone(), settings.tables());
        Self { settings: source, tables, instance: instance.into(), purpose }
    }

    /// The server, at the URL as it is now.
    fn server(&self) -> Result<MariaDb, Failure> {
        let url = self.settings.read_url().map_err(Failure::Lasting)?;
        let snapshot = self.settings.snapshot && self.purpose == Purpose::Listen;
        MariaDb::new(&url, self.server_id(), snapshot, self.tables.iter().cloned()).map_err(Failure::Lasting)
    }

    /// Another one for each instance, unless the operator gives one; that of a try is another than that of its instance.
    fn server_id(&self) -> u32 {
        match (self.settings.server_id, self.purpose) {
            (0, _) | (_, Purpose::Try) => {
                let seed = format!("{}{:?}", self.instance, self.purpose);
                // FNV-1a; ids that people give are small, so the highest bit keeps out of their way.
                let hash = seed
                    .bytes()
                    .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
                hash | 1 << 31
            }
            (id, Purpose::Listen) => id,
        }
    }

    pub(super) fn init(&self) -> Vec<String> {
        let sql = init_sql("tidegate", &self.tables);
        sql.split(";\n").filter(|statement| !statement.trim().is_empty()).map(str::to_owned).collect()
    }
}

impl Listen for Maria {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        self.server()?.tables().await.map(Some)
    }

    async fn run(&self, from: Option<Position>, feed: Feed) -> Failure {
        let ended = match self.server() {
            Ok(server) => server.run(from, &feed).await,
            Err(failure) => Err(failure),
        };
        ended.err().unwrap_or_else(|| Failure::Passing("it is not listened to any more".into()))
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    fn origin(&self) -> String {
        self.instance.clone()
    }
}

impl Query for Maria {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        self.server()?.first_row(query).await
    }
}
