//! PostgreSQL's LISTEN/NOTIFY: channels as tables, notifications as rows that are new.
//!
//! PostgreSQL keeps nothing for who is not connected: what is notified meanwhile is lost, and a note says so. There is nothing to
//! confirm and no position. It is a wake-up with at most 8000 bytes; changes that must not be lost come by logical replication.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use postgres_protocol::escape::escape_identifier;
use postgres_protocol::message::frontend;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::interval;

use super::postgres::address::Address;
use super::postgres::refusal::Trouble;
use super::postgres::stats::{State, Stats};
use super::postgres::wire::{Connection, Frame, Purpose, refusal};
use super::{Batch, Failure, Feed, Listen, Position, Query, Stage, Standing, Table, postgres};
use crate::change::{Cell, Change, Kind, Shape, TableName};
use crate::settings::{Settings as Said, SourceSettings};

/// The schema that channels are in.
pub const SCHEMA: &str = "notify";

/// The column of a notification that is not a JSON object: its JSON, or its text.
pub const PAYLOAD: &str = "payload";

/// What is listened to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub address: Address,
    /// The channels' names.
    pub channels: Vec<String>,
    /// For how long a server may be silent before it is taken for dead: it is asked three times in it.
    pub silence: Duration,
}

/// The channels of a database of PostgreSQL.
#[derive(Debug)]
pub struct Notify {
    said: SourceSettings,
    channels: Vec<String>,
    application: String,
    stats: watch::Sender<Stats>,
}

impl Notify {
    /// The channels that rules are about, in the database that the settings name.
    #[must_use]
    pub fn new(settings: &Said, instance: &str) -> Self {
        Self {
            said: settings.source.clone(),
            channels: settings.tables().into_iter().map(|name| name.table).collect(),
            application: format!("tidegate {instance}"),
            stats: watch::Sender::default(),
        }
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let address = postgres::address_of(&self.said, &self.application)?;
        Ok(Settings { address, channels: self.channels.clone(), silence: SILENCE })
    }
}

impl Listen for Notify {
    async fn prepare(&self) -> Result<Option<Vec<Table>>, Failure> {
        // That it can be connected to; channels are not declared anywhere.
        Connection::open(&self.settings()?.address, Purpose::Sql).await?;
        Ok(None)
    }

    async fn run(&self, _from: Option<Position>, feed: Feed) -> Failure {
        match self.settings() {
            Ok(settings) => run(&settings, feed, &self.stats).await,
            Err(failure) => failure,
        }
    }

    async fn passes(&self, stage: Stage) -> Stage {
        postgres::passes(&self.stats, stage).await
    }

    fn standing(&self) -> Standing {
        postgres::standing(&self.stats.borrow())
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    fn origin(&self) -> String {
        SCHEMA.to_owned()
    }
}

impl Query for Notify {
    async fn first_row(&self, query: &str) -> Result<Map<String, Value>, Failure> {
        postgres::first_row(&self.settings()?.address, query).await
    }
}

/// For how long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Notifications of a batch at most.
const BATCH: usize = 512;

/// Listens until something goes wrong, or the feed's other end is gone. `stats` tells by a note whether notifications may be lost.
pub async fn run(settings: &Settings, feed: Feed, stats: &watch::Sender<Stats>) -> Failure {
    let ended = tokio::select! {
        trouble = listen(settings, &feed, stats) => trouble,
        () = feed.batches.closed() => Trouble::Lost("nobody takes the notifications any more".to_owned()),
    };
    stats.send_modify(|stats| {
        if stats.state == State::Streaming {
            stats.note(
                "the connection was lost at least once: what was notified until it was back is lost, too"
                    .to_owned(),
            );
        }
        stats.state = State::Connecting;
    });
    ended.into()
}

async fn listen(settings: &Settings, feed: &Feed, stats: &watch::Sender<Stats>) -> Trouble {
    match Listener::begin(settings).await {
        Ok(mut listener) => {
            stats.send_modify(|stats| stats.state = State::Streaming);
            match listener.read(settings, feed).await {
                Ok(never) => match never {},
                Err(trouble) => trouble,
            }
        }
        Err(trouble) => trouble,
    }
}

struct Listener {
    connection: Connection,
    wanted: HashSet<String>,
    /// What tells the notifications of this connection from those of any other.
    began: u128,
    count: u64,
}

impl Listener {
    async fn begin(settings: &Settings) -> Result<Self, Trouble> {
        let mut connection = Connection::open(&settings.address, Purpose::Sql).await?;
        for channel in &settings.channels {
            connection.query(&format!("listen {}", escape_identifier(channel))).await?;
        }
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Ok(Self { connection, wanted: settings.channels.iter().cloned().collect(), began, count: 0 })
    }

    async fn read(&mut self, settings: &Settings, feed: &Feed) -> Result<Infallible, Trouble> {
        let mut ticks = interval((settings.silence / 3).max(Duration::from_millis(10)));
        loop {
            let mut changes = Vec::new();
            while changes.len() < BATCH
                && let Some(frame) = self.connection.buffered()?
            {
                changes.extend(self.take(frame)?);
            }
            if !changes.is_empty() {
                let sent = feed.batches.send(Batch { changes, position: None }).await;
                sent.map_err(|_| Trouble::Lost("nobody takes the notifications any more".to_owned()))?;
                // While the hub is busy, nothing is read, and nothing can be heard.
                self.connection.heard = Instant::now();
                continue;
            }
            tokio::select! {
                filled = self.connection.fill() => filled?,
                _ = ticks.tick() => self.ask(settings.silence).await?,
            }
        }
    }

    /// Has the server show that it is there.
    async fn ask(&mut self, silence: Duration) -> Result<(), Trouble> {
        if self.connection.heard.elapsed() > silence {
            return Err(Trouble::Lost(format!("PostgreSQL is silent for more than {silence:?}")));
        }
        frontend::query("", &mut self.connection.outgoing)?;
        self.connection.flush().await
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Change>, Trouble> {
        match frame.kind {
            b'A' => self.change(&frame.body()).map(Some),
            b'E' => Err(refusal(frame)?.into()),
            _ => Ok(None),
        }
    }

    fn change(&mut self, body: &[u8]) -> Result<Change, Trouble> {
        let Some((channel, payload)) = told(body) else {
            return Err(Trouble::Lost("PostgreSQL sent half a notification".to_owned()));
        };
        if !self.wanted.contains(&channel) {
            return Err(Trouble::Lost(format!(
                "PostgreSQL notifies of {channel:?}, which nobody listens to"
            )));
        }
        self.count += 1;
        let (columns, cells) = row(&payload);
        let table = TableName { schema: SCHEMA.to_owned(), table: channel };
        Ok(Change {
            kind: Kind::Insert,
            shape: Arc::new(Shape { table, columns }),
            new: Some(cells),
            old: None,
            origin: format!("{}/{}", self.began, self.count),
            time: 0,
        })
    }
}

/// A notification's channel and payload, behind the number of the process that has sent it. Bytes that are no UTF-8, as a database has
/// whose encoding is SQL_ASCII, are U+FFFD.
fn told(body: &[u8]) -> Option<(String, String)> {
    let mut texts =
        body.get(4..)?.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    Some((texts.next()?, texts.next()?))
}

/// The columns of a payload: an object's own, or one that is called [`PAYLOAD`].
fn row(payload: &str) -> (Vec<String>, Vec<Cell>) {
    match serde_json::from_str::<BTreeMap<String, &RawValue>>(payload) {
        Ok(fields) => fields.into_iter().map(|(name, json)| (name, Cell::json(json.get()))).unzip(),
        Err(_) => (vec![PAYLOAD.to_owned()], vec![Cell::json(payload)]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notification_is_told_whatever_its_bytes() {
        let said = |channel: &str, payload: &str| Some((channel.to_owned(), payload.to_owned()));
        assert_eq!(told(b"\0\0\0\x07news\0caf\xE9\0"), said("news", "caf\u{FFFD}"));
        assert_eq!(told(b"\0\0\0\x07news\0\0"), said("news", ""));
        assert_eq!((told(b"\0\0\0\x07news"), told(b"\0")), (None, None));
    }

    #[test]
    fn an_object_is_a_row_and_anything_else_a_payload() {
        for (payload, value) in
            [("{oops", json!("{oops")), ("", json!("")), ("[1]", json!([1])), ("7", json!(7))]
        {
            assert_eq!(row(payload), (vec![PAYLOAD.to_owned()], vec![Cell::Is(value)]));
        }
        let (columns, cells) = row(r#"{"id": 1, "name": null}"#);
        assert_eq!(columns, ["id", "name"]);
        assert_eq!(cells, [Cell::Is(json!(1)), Cell::Is(Value::Null)]);
    }
}
