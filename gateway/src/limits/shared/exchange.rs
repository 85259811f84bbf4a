//! The conversation with Redis.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};

use super::{Handed, Told};
use crate::limits::Window;

/// To be connected, and for the answer to one exchange.
const PATIENCE: Duration = Duration::from_millis(500);

/// Adds to each meter what a node has let pass, and answers how it stands. By the clock of Redis, so that nodes' clocks
/// need not agree; in microseconds, which its numbers hold exactly. A meter that says no more than a new one goes.
const SCRIPT: &str = include_str!("exchange.lua");

/// Why a URL names no store.
#[derive(Debug, thiserror::Error)]
#[error("is no URL such as \"redis://127.0.0.1:6379/0\" (without TLS)")]
pub struct BadStore;

/// A Redis by its URL.
#[derive(Clone, Debug)]
pub struct Store(Client);

impl Store {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`BadStore`].
    pub fn new(url: &str) -> Result<Self, BadStore> {
        let client = url.starts_with("redis://").then(|| Client::open(url).ok());
        client.flatten().map(Self).ok_or(BadStore)
    }

    /// Connects, and has it answer once.
    pub(super) async fn reach(&self) -> Result<Exchange, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = self.0.get_multiplexed_async_connection_with_config(&config).await?;
        let mut exchange = Exchange { connection, script: Script::new(SCRIPT) };
        exchange.run(&[]).await?;
        Ok(exchange)
    }
}

/// A connection that answers.
pub(super) struct Exchange {
    connection: MultiplexedConnection,
    script: Script,
}

impl Exchange {
    /// Hands over what parties have used; answers how they stand, in the same order.
    pub(super) async fn run(&mut self, used: &[Handed]) -> Result<Vec<Told>, RedisError> {
        let mut call = self.script.prepare_invoke();
        for (_, used) in used {
            let span = (used.rule.span / 1000).max(1);
            let each = span as f64 / f64::from(used.rule.capacity);
            call.key(&*used.name).arg(used.rule.window.name()).arg(span).arg(each).arg(used.cost);
        }
        let told: Vec<(u64, u64, u64)> = call.invoke_async(&mut self.connection).await?;
        if told.len() != used.len() {
            return Err((redis::ErrorKind::UnexpectedReturnType, "not an answer for each party").into());
        }
        Ok(told.into_iter().map(|(time, before, used)| Told { time, before, used }).collect())
    }
}

impl Window {
    /// Its name in the store.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sliding => "sliding",
            Self::Bucket => "bucket",
        }
    }
}
