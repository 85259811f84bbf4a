//! orders: brings the orders of a Redis stream to a room.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::{
    Bytes, Error, Event, Expect, Health, Host, Manifest, Plugin, Result, Status, export, manifest,
};
use tokio::task::JoinHandle;

/// The settings: the table `[plugins.orders]`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where Redis is.
    url: String,
    /// The stream's key.
    #[serde(default = "stream")]
    stream: String,
    /// How long Redis may take for anything, in milliseconds, before it counts as gone.
    #[serde(default = "patience")]
    patience_ms: u64,
}

fn stream() -> String {
    "orders".into()
}

fn patience() -> u64 {
    5000
}

/// Redis gives each entry of a stream an id that grows: that is the cursor.
#[derive(Debug)]
struct Listener {
    host: Host,
    config: Config,
    client: Client,
    /// The last entry whose event is safe.
    cursor: RefCell<String>,
    connected: Cell<bool>,
}

impl Listener {
    async fn open(host: Host, config: Config) -> Result<Self> {
        let client = Client::open(config.url.as_str())
            .map_err(|error| Error::invalid(format!("url: {error}")))?;
        let cursor = match host.store().get("cursor").await? {
            Some(entry) => entry.parse()?,
            None => "0".to_owned(),
        };
        let (cursor, connected) = (RefCell::new(cursor), Cell::new(false));
        Ok(Self { host, config, client, cursor, connected })
    }
}

impl Listener {
    /// Publishes entries, and moves the cursor behind them once their events are safe.
    async fn bring(&self, entries: Vec<Entry>) -> Result<()> {
        let Some((last, _)) = entries.last().cloned() else { return Ok(()) };
        let mut events: Vec<_> = entries.into_iter().map(|(id, fields)| event(id, fields)).collect();
        while let Err(error) = self.host.publish_all(events).await {
            // One that is wrong stays wrong: it is told and passed over. Anything else is tried again from the cursor.
            let is_safe = error.taken.iter().all(|taken| taken.is_ok());
            if error.status != Status::INVALID || error.rest.is_empty() || !is_safe {
                return Err(error.into());
            }
            self.host.log().warn(format_args!("passed over: {error}"));
            events = error.rest;
            events.remove(0);
        }
        self.host.store().put_json("cursor", &last, Expect::Any).await?;
        self.cursor.replace(last);
        Ok(())
    }
}

/// The event of an entry, whose field `order` is JSON. By its id it is published once, though its entry may be read twice.
fn event(id: String, fields: Vec<(String, String)>) -> Event {
    let order = fields.into_iter().find(|(name, _)| name == "order");
    let order = order.map(|(_, json)| json).unwrap_or_default();
    Event::new("order_placed").room("orders").origin(id.clone()).id(id).raw(order)
}

/// How long it waits before it connects again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

impl Listener {
    /// Connects, and connects again, for as long as the plugin lives.
    async fn listen(self: Rc<Self>) {
        let mut pause = PAUSES.0;
        loop {
            let Err(error) = self.read().await;
            if self.connected.replace(false) {
                pause = PAUSES.0;
            }
            self.host.log().warn(format_args!("connecting again in {pause:?}: {error}"));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn read(&self) -> Result<Infallible> {
        let patience = Duration::from_millis(self.config.patience_ms);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(Error::internal)?;
        loop {
            let entries = self.next(&mut connection).await.map_err(Error::internal)?;
            self.connected.set(true);
            self.bring(entries).await?;
        }
    }
}

/// Entries that are read at once.
const BATCH: usize = 100;

/// An entry: its id, and its fields.
type Entry = (String, Vec<(String, String)>);

impl Listener {
    /// What comes behind the cursor; none where nothing comes for a while. That Redis answers, also with nothing, and well
    /// before its patience ends, is how a network that was cut is told from a stream that is still.
    async fn next(&self, connection: &mut MultiplexedConnection) -> RedisResult<Vec<Entry>> {
        let wait = self.config.patience_ms / 2;
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(BATCH).arg("BLOCK").arg(wait);
        command.arg("STREAMS").arg(&self.config.stream).arg(&*self.cursor.borrow());
        let streams: Option<Vec<(String, Vec<Entry>)>> = command.query_async(connection).await?;
        Ok(streams.unwrap_or_default().into_iter().flat_map(|(_, entries)| entries).collect())
    }
}

/// The plugin: its task reads, and the hooks say how it is.
#[derive(Debug)]
pub struct Orders {
    listener: Rc<Listener>,
    task: RefCell<JoinHandle<()>>,
}

impl Plugin for Orders {
    type Config = Config;
    const CHECKPOINT: bool = true;

    fn manifest() -> Manifest {
        manifest!("tests/guide/queue.json")
    }

    async fn start(host: Host, config: Config) -> Result<Self> {
        let listener = Rc::new(Listener::open(host, config).await?);
        let task = RefCell::new(tokio::task::spawn_local(Rc::clone(&listener).listen()));
        Ok(Self { listener, task })
    }

    async fn health(&self) -> Result<Health> {
        let details = json!({ "cursor": *self.listener.cursor.borrow() });
        Ok(match self.listener.connected.get() {
            true => Health { details, ..Health::healthy() },
            false => Health::unhealthy(details),
        })
    }

    /// A successor reads on from the cursor in the store.
    async fn pause(&self) -> Result<Bytes> {
        self.task.borrow().abort();
        Ok(Bytes::new())
    }

    async fn unpause(&self) -> Result<()> {
        let listener = Rc::clone(&self.listener);
        *self.task.borrow_mut() = tokio::task::spawn_local(listener.listen());
        Ok(())
    }
}

export!(Orders);
