//! Events of other processes, which publish them as envelopes on a channel of Redis: they go to local sessions.
//!
//! Redis keeps nothing of what it sends on a channel: what is published while it cannot be reached is lost. What
//! comes twice, by whichever of the other processes, is delivered once.

mod envelope;
mod recent;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Client, ErrorKind, RedisError};
use tokio::time::{sleep, timeout};

use crate::frame::{Event, Tags, Timestamp};
use crate::hub::{Hub, PublishError};
use crate::metrics::Metrics;
pub use envelope::{Envelope, NoEnvelope};
use recent::Recent;

/// To be connected and subscribed, and for the answer to a ping.
const PATIENCE: Duration = Duration::from_secs(2);
/// Without a message, how often it is looked whether Redis is there.
const LOOK: Duration = Duration::from_secs(10);
/// Between two attempts to reach it: at first, and at most. Each is twice as long as the one before.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));
/// For how long an event waits where mailboxes are full, and between two attempts. The next ones do not wait before one
/// was taken again: what Redis has sent meanwhile is in memory.
const WAIT: Duration = Duration::from_millis(100);
const STEP: Duration = Duration::from_millis(5);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Forwarded,
    /// It had come before.
    Duplicate,
    /// A heartbeat of another process.
    Ping,
    /// Nobody here knows an event of this type.
    UnknownType,
    /// No envelope, or one that no room can have.
    Malformed,
    /// Mailboxes were full, or the log could not be written.
    Refused,
}

impl Outcome {
    const ALL: [Self; 6] =
        [Self::Forwarded, Self::Duplicate, Self::Ping, Self::UnknownType, Self::Malformed, Self::Refused];

    /// Its name in metrics.
    const fn label(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Duplicate => "duplicate",
            Self::Ping => "ping",
            Self::UnknownType => "unknown_type",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
        }
    }
}

/// Why a URL names no Redis.
#[derive(Debug, thiserror::Error)]
#[error("is no URL such as \"redis://127.0.0.1:6379/0\" (without TLS)")]
pub struct BadUrl;

/// A channel of a Redis.
#[derive(Clone, Debug)]
pub struct Channel {
    client: Client,
    name: Arc<str>,
}

impl Channel {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn new(url: &str, name: &str) -> Result<Self, BadUrl> {
        let client = url.starts_with("redis://").then(|| Client::open(url).ok());
        Ok(Self { client: client.flatten().ok_or(BadUrl)?, name: name.into() })
    }

    /// Has what is published there forwarded from now on. Tries once to reach Redis, so that who starts up knows; goes on
    /// trying in the background.
    pub async fn forward(self, hub: &Arc<Hub>) {
        let metrics = Arc::clone(hub.metrics());
        metrics.bus.link.set(false);
        Outcome::ALL.iter().for_each(|outcome| metrics.bus.messages.know(outcome.label()));
        let first = self.reach().await;
        if let Err(error) = &first {
            tracing::warn!(%error, "Redis is not there: events of other processes are not forwarded");
        }
        let (recent, waits) = (Recent::default(), true);
        let bus = Bus { channel: self, hub: Arc::clone(hub), metrics, recent, waits };
        tokio::spawn(bus.keep_forwarding(first.ok()));
    }

    async fn reach(&self) -> Result<PubSub, RedisError> {
        let subscribed = async {
            let mut messages = self.client.get_async_pubsub().await?;
            messages.subscribe(&*self.name).await?;
            Ok(messages)
        };
        timeout(PATIENCE, subscribed).await.unwrap_or_else(|_| Err(slow()))
    }
}

/// See the module's documentation.
struct Bus {
    channel: Channel,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    recent: Recent,
    /// Whether the next event may wait for space in mailboxes.
    waits: bool,
}

impl Bus {
    async fn keep_forwarding(mut self, first: Option<PubSub>) {
        let (mut reached, mut pause) = (first, RETRY.0);
        loop {
            if let Some(messages) = reached.take() {
                self.is_up(Ok(()));
                let error = self.forward(messages).await;
                self.is_up(Err(&error));
                pause = RETRY.0;
            }
            sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
            reached = self.channel.reach().await.ok();
        }
    }

    /// What is known of Redis, told once when it changes.
    fn is_up(&self, up: Result<(), &RedisError>) {
        let before = self.metrics.bus.link.set(up.is_ok());
        let channel = &*self.channel.name;
        match up {
            Ok(()) if !before => {
                tracing::info!(channel, "events of other processes are forwarded from Redis")
            }
            Err(error) if before => {
                tracing::warn!(channel, %error, "Redis is gone: events of other processes are not forwarded");
            }
            _ => {}
        }
    }

    /// Forwards until the connection fails.
    async fn forward(&mut self, messages: PubSub) -> RedisError {
        let (mut sink, mut messages) = messages.split();
        loop {
            match timeout(LOOK, messages.next()).await {
                Ok(Some(message)) => {
                    let outcome = self.take(message.get_payload_bytes()).await;
                    self.metrics.bus.messages.count(outcome.label());
                }
                Ok(None) => return (ErrorKind::Io, "the connection has ended").into(),
                Err(_) => match timeout(PATIENCE, sink.ping::<redis::Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error,
                    Err(_) => return slow(),
                },
            }
        }
    }

    async fn take(&mut self, message: &[u8]) -> Outcome {
        let envelope = match Envelope::read(message) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::debug!(channel = &*self.channel.name, %error, "a message is no envelope");
                return Outcome::Malformed;
            }
        };
        if envelope.event_type == "ping" {
            return Outcome::Ping;
        }
        let Some(kind) = self.hub.types().find(&envelope.event_type) else { return Outcome::UnknownType };
        let id = envelope.message_id;
        if id.as_deref().is_some_and(|id| self.recent.has(id)) {
            return Outcome::Duplicate;
        }
        let event = Event {
            id: id.as_deref().map(Into::into),
            tags: Tags::of_micros(envelope.micros),
            ..Event::new(
                kind,
                envelope.data,
                Arc::clone(&self.channel.name),
                envelope.time.unwrap_or_else(Timestamp::now),
            )
        };
        let outcome = self.publish(envelope.room.as_deref(), &event).await;
        if let Some(id) = id.filter(|_| outcome == Outcome::Forwarded) {
            self.recent.note(&id);
        }
        outcome
    }

    async fn publish(&mut self, room: Option<&str>, event: &Event) -> Outcome {
        let targets: Vec<&str> = room.into_iter().collect();
        let mut waited = Duration::ZERO;
        loop {
            match self.hub.publish(&targets, event) {
                // Of a durable room the log says itself when it cannot be written.
                Ok(_receipt) => {
                    self.waits = true;
                    return Outcome::Forwarded;
                }
                Err(PublishError::Name(_)) => return Outcome::Malformed,
                Err(PublishError::Busy(_)) if self.waits && waited < WAIT => {
                    sleep(STEP).await;
                    waited += STEP;
                }
                Err(PublishError::Busy(_) | PublishError::NotWritten(_)) => {
                    self.waits = false;
                    return Outcome::Refused;
                }
            }
        }
    }
}

fn slow() -> RedisError {
    (ErrorKind::Io, "no answer in time").into()
}
