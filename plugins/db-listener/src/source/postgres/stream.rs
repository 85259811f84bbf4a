//! The stream of changes: reading, answering the server, and handing over, none waiting for another.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf, BufMut, Bytes};
use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::lsn::Lsn;
use super::pgoutput::{self, Message};
use super::position::Origin;
use super::progress::Progress;
use super::refusal::Trouble;
use super::rows::Rows;
use super::wire::{Connection, Frame, Purpose, refusal};
use super::{Settings, ended, slot};
use crate::source::{Batch, Feed, Position};

/// A batch is handed over with at most about so many changes, or bytes of the stream.
const BATCH_CHANGES: usize = 512;
const BATCH_BYTES: usize = 256 * 1024;

/// How often the server is told how far this side is, at least.
const STATUS: Duration = Duration::from_secs(10);

/// What 2000 is in seconds since 1970.
const YEAR_2000: u64 = 946_684_800;

/// What the pump has confirmed.
type Confirmed = watch::Receiver<Option<Position>>;

/// A stream that has begun.
pub(super) struct Stream<'a> {
    settings: &'a Settings,
    connection: Connection,
    origin: Origin,
    rows: Rows,
    progress: Progress,
    /// What the server was last told that it may forget.
    reported: Lsn,
    batch: Batch,
    /// How many bytes of the stream are in the batch.
    bytes: usize,
    /// Whether the transaction that is being read had something to tell.
    told: bool,
    status: Duration,
}

impl<'a> Stream<'a> {
    /// Begins where the slot is, or behind it where more is known to be safe.
    pub(super) async fn begin(
        settings: &'a Settings,
        publications: &[String],
        confirmed: Lsn,
        from: Option<&Position>,
    ) -> Result<Self, Trouble> {
        let mut connection = Connection::open(&settings.address, Purpose::Replication).await?;
        let origin = Origin::identify(&mut connection).await?;
        let start = from.and_then(|from| origin.lsn(from)).unwrap_or_default().max(confirmed);
        Self::over(settings, connection, origin, &settings.slot, publications, start).await
    }

    /// Begins now, under a slot that ends with the stream.
    pub(super) async fn begin_temporary(
        settings: &'a Settings,
        publications: &[String],
    ) -> Result<Self, Trouble> {
        let mut connection = Connection::open(&settings.address, Purpose::Replication).await?;
        let origin = Origin::identify(&mut connection).await?;
        let slot = slot::create_temporary(&mut connection).await?;
        Self::over(settings, connection, origin, &slot, publications, Lsn::default()).await
    }

    async fn over(
        settings: &'a Settings,
        mut connection: Connection,
        origin: Origin,
        slot: &str,
        publications: &[String],
        start: Lsn,
    ) -> Result<Self, Trouble> {
        let timeout =
            connection.value("select setting from pg_settings where name = 'wal_sender_timeout'").await?;
        let names: Vec<String> = publications.iter().map(|name| escape_identifier(name)).collect();
        let command = format!(
            "START_REPLICATION SLOT {} LOGICAL {start} (proto_version '1', publication_names {})",
            escape_identifier(slot),
            escape_literal(&names.join(","))
        );
        connection.copy_both(&command).await?;
        Ok(Self {
            settings,
            connection,
            origin,
            rows: Rows::new(settings.tables.iter().cloned()),
            progress: Progress::at(start),
            reported: Lsn::default(),
            batch: empty(),
            bytes: 0,
            told: false,
            status: status_interval(timeout.as_deref(), settings.silence),
        })
    }

    /// Reads, hands over and answers, until something goes wrong.
    pub(super) async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Trouble> {
        let mut ticks = interval(self.status);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.take_buffered().await?;
            tokio::select! {
                permit = feed.batches.reserve(), if !self.is_empty() => {
                    let Ok(permit) = permit else { return Err(self.say_good_bye(&mut feed.confirmed).await) };
                    permit.send(std::mem::replace(&mut self.batch, empty()));
                    self.bytes = 0;
                }
                changed = feed.confirmed.changed() => {
                    changed.map_err(|_| ended())?;
                    self.confirm(&mut feed.confirmed).await?;
                }
                filled = self.connection.fill(), if !self.is_full() => filled?,
                _ = ticks.tick() => {
                    self.check_silence()?;
                    self.report(true).await?;
                }
                () = feed.batches.closed() => return Err(self.say_good_bye(&mut feed.confirmed).await),
            }
        }
    }

    /// Hands over what was read before it ended.
    pub(super) async fn hand_over(&mut self, feed: &Feed) {
        if !self.is_empty() {
            let _pump_is_gone = feed.batches.send(std::mem::replace(&mut self.batch, empty())).await;
        }
    }

    /// Tells the server what has become safe.
    async fn confirm(&mut self, confirmed: &mut Confirmed) -> Result<(), Trouble> {
        let confirmed = confirmed.borrow_and_update().as_ref().and_then(|at| self.origin.lsn(at));
        self.progress.confirmed(confirmed.unwrap_or_default());
        self.report(false).await
    }

    /// Tells the server for the last time, so that it does not tell again what is safe.
    async fn say_good_bye(&mut self, confirmed: &mut Confirmed) -> Trouble {
        // What is read and not handed over is lost with this stream, and not told as received.
        match self.confirm(confirmed).await {
            Ok(()) => ended(),
            Err(trouble) => trouble,
        }
    }

    fn is_empty(&self) -> bool {
        self.batch.changes.is_empty() && self.batch.position.is_none()
    }

    fn is_full(&self) -> bool {
        self.batch.changes.len() >= BATCH_CHANGES || self.bytes >= BATCH_BYTES
    }

    /// Takes what was read, as far as the batch takes it.
    async fn take_buffered(&mut self) -> Result<(), Trouble> {
        while !self.is_full() {
            let Some(frame) = self.connection.buffered()? else { break };
            self.take(frame).await?;
        }
        Ok(())
    }

    async fn take(&mut self, frame: Frame) -> Result<(), Trouble> {
        match frame.kind {
            b'd' => self.copied(frame.body()).await,
            b'E' => Err(refusal(frame)?.into()),
            b'N' | b'S' => Ok(()),
            _ => Err(Trouble::Lost("PostgreSQL has ended the replication: it shuts down".to_owned())),
        }
    }

    async fn copied(&mut self, mut bytes: Bytes) -> Result<(), Trouble> {
        let short = || Trouble::Lost("PostgreSQL sent a message of replication that is too short".to_owned());
        match bytes.try_get_u8() {
            // Where it begins, where the log ends, when it was sent; then what the plugin says.
            Ok(b'w') if bytes.len() >= 24 => self.changed(&bytes[24..]).await,
            Ok(b'k') => {
                let end = Lsn(bytes.try_get_u64().map_err(|_| short())?);
                let _sent = bytes.try_get_u64().map_err(|_| short())?;
                if !self.rows.in_transaction() {
                    self.progress.passed(end);
                }
                let asked = bytes.try_get_u8().map_err(|_| short())? == 1;
                if asked || self.progress.forgettable() > self.reported {
                    self.report(false).await
                } else {
                    Ok(())
                }
            }
            _ => Err(short()),
        }
    }

    async fn changed(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let nonsense = |error: &dyn std::fmt::Display| Trouble::Lasting(error.to_string());
        let message = pgoutput::read(bytes).map_err(|error| nonsense(&error))?;
        if let Message::Relation(relation) = &message {
            let unknown = self.rows.unknown_types(relation);
            if !unknown.is_empty() {
                let mut sql = Connection::open(&self.settings.address, Purpose::Sql).await?;
                self.rows.types.learn(&mut sql, &unknown).await?;
            }
        }
        let before = self.batch.changes.len();
        let end = self.rows.take(message, &mut self.batch.changes).map_err(|error| nonsense(&error))?;
        if self.batch.changes.len() > before {
            self.bytes += bytes.len();
            self.told = true;
        }
        if let Some(end) = end {
            if self.told {
                self.batch.position = Some(self.origin.position(end));
            }
            self.progress.ended(end, std::mem::take(&mut self.told));
        }
        Ok(())
    }

    /// Tells the server how far this side is. Whether it is to answer: then it shows that it is there.
    async fn report(&mut self, answer: bool) -> Result<(), Trouble> {
        let forgettable = self.progress.forgettable();
        let out = &mut self.connection.outgoing;
        out.put_u8(b'd');
        out.put_i32(4 + 1 + 4 * 8 + 1);
        out.put_u8(b'r');
        out.put_u64(self.progress.received().0);
        out.put_u64(forgettable.0);
        out.put_u64(forgettable.0);
        out.put_u64(microseconds_since_2000());
        out.put_u8(u8::from(answer));
        self.reported = forgettable;
        self.connection.flush().await
    }

    fn check_silence(&mut self) -> Result<(), Trouble> {
        // While the hub is busy, nothing is read, and nothing can be heard.
        if self.is_full() {
            self.connection.heard = Instant::now();
        }
        match self.connection.heard.elapsed() > self.settings.silence {
            true => {
                Err(Trouble::Lost(format!("PostgreSQL is silent for more than {:?}", self.settings.silence)))
            }
            false => Ok(()),
        }
    }
}

fn empty() -> Batch {
    Batch { changes: Vec::new(), position: None }
}

/// How often the server is told: three times in what either side takes for death.
fn status_interval(sender_timeout: Option<&str>, silence: Duration) -> Duration {
    let sender = sender_timeout.and_then(|milliseconds| milliseconds.parse().ok()).filter(|none| *none != 0);
    STATUS
        .min(sender.map_or(STATUS, Duration::from_millis) / 3)
        .min(silence / 3)
        .max(Duration::from_millis(10))
}

fn microseconds_since_2000() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = since.saturating_sub(Duration::from_secs(YEAR_2000));
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
