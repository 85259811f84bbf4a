//! The pump: takes changes from a source, makes events of them by the rules, publishes them, and confirms to the source what is
//! safe. It goes on for ever: a source that has failed is begun again after a pause that grows.
//!
//! Order: events are published in the order of the changes; a batch is handed over when the one before is safe, and takes with it
//! all that the source has read meanwhile. What may be confirmed is what came before the oldest change that is not safe yet, one
//! that is held back included.

mod backoff;
mod coalesce;
mod keeper;
mod meters;
mod publish;
mod state;

use std::rc::Rc;
use std::time::Duration;

use tidegate_plugin::{Host, Lease, abi::Status};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::rules::{Plans, Rules};
use crate::source::{Batch, Failure, Feed, Listen, Position, Stage};
use backoff::Backoff;
use keeper::Keeper;
pub use meters::Meters;
use publish::Stream;
use state::Teller;
pub use state::{Phase, Pulse};

/// Batches that a source may have read ahead.
const AHEAD: usize = 16;
/// How long a lease holds without being renewed: as long a node that died is waited for.
const LEASE: Duration = Duration::from_secs(15);
/// How often a lease that another has is asked for.
const LEASE_PAUSE: Duration = Duration::from_secs(1);
/// How long a source that is to end is waited for.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a pump is made of.
#[derive(Debug)]
pub struct Pump<S> {
    /// The gateway.
    pub host: Host,
    /// Where changes come from.
    pub source: Rc<S>,
    /// What becomes of them.
    pub rules: Rc<Rules>,
    /// How it is doing, for health.
    pub pulse: Rc<Pulse>,
    /// What is counted.
    pub meters: Rc<Meters>,
    /// Bytes of an event's data at most.
    pub max_event: usize,
}

/// Whether the pump is to listen.
#[derive(Debug, Clone)]
pub struct Wish(watch::Receiver<bool>);

impl Wish {
    /// A wish, and what changes it; to listen at first.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(true);
        (sender, Self(receiver))
    }

    /// Ends when it is to rest; whoever could say so being gone is as good.
    async fn rest(&mut self) {
        let _gone = self.0.wait_for(|listen| !*listen).await;
    }

    /// Ends when it is to listen; answers whether it ever will.
    async fn listen(&mut self) -> bool {
        self.0.wait_for(|listen| *listen).await.is_ok()
    }
}

/// A task that ends with this value.
struct Task<T>(JoinHandle<T>, AbortHandle);

impl<T: 'static> Task<T> {
    fn spawn(future: impl Future<Output = T> + 'static) -> Self {
        let task = spawn_local(future);
        let abort = task.abort_handle();
        Self(task, abort)
    }

    /// Waits for its end for some time, whatever it says: what it has not done is done again.
    async fn farewell(mut self) {
        if !self.0.is_finished() {
            let _ended = timeout(FAREWELL, &mut self.0).await;
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.1.abort();
    }
}

impl<S: Listen + 'static> Pump<S> {
    /// Listens as long as it is wished, for ever.
    pub async fn run(self, mut wish: Wish) {
        let mut backoff = Backoff::default();
        let mut teller = Teller::new(self.host.log());
        while wish.listen().await {
            self.pulse.enter(Phase::Connecting);
            let ended = self.listen(&mut wish).await;
            if self.pulse.take_listened() {
                backoff.reset();
                teller.forget();
            }
            let Err(failure) = ended else {
                self.pulse.enter(Phase::Resting);
                continue;
            };
            teller.tell(&failure);
            self.meters.reconnects.add(1);
            let pause = backoff.pause(&failure);
            self.pulse.enter(Phase::Failing(failure));
            tokio::select! {
                () = wish.rest() => self.pulse.enter(Phase::Resting),
                () = sleep(pause) => {}
            }
        }
    }

    /// Listens until it is to rest, or fails.
    async fn listen(&self, wish: &mut Wish) -> Result<(), Failure> {
        let Some(lease) = self.lease(wish).await? else { return Ok(()) };
        let tables = tokio::select! {
            () = wish.rest() => return Ok(()),
            tables = self.source.prepare() => tables?,
        };
        let wrong = tables.map(|tables| self.rules.check(&tables)).unwrap_or_default();
        // What becomes of a table later is in no other's way: the health tells it.
        if !wrong.is_empty() && !self.pulse.has_begun() {
            return Err(Failure::Lasting(wrong.join("; ")));
        }
        let (keeper, from) = Keeper::load(&self.host).await?;
        let (sender, batches) = mpsc::channel(AHEAD);
        let (confirm, confirmed) = watch::channel(None);
        let keeper = Task::spawn(keeper.keep(confirmed.clone()));
        let source = Rc::clone(&self.source);
        let feed = Feed { batches: sender, confirmed };
        let source = Task::spawn(async move { source.run(from, feed).await });
        let ways = Ways { batches, confirm, source, keeper, lease };
        self.flow(ways, wish).await
    }

    /// Takes the lease of a source that does not see to it by itself that one node listens; `None`: it is to rest.
    async fn lease(&self, wish: &mut Wish) -> Result<Option<Option<Lease>>, Failure> {
        if self.source.is_exclusive() {
            return Ok(Some(None));
        }
        loop {
            match self.host.lease("listen", LEASE, Duration::ZERO).await {
                Ok(lease) => return Ok(Some(Some(lease))),
                Err(error) if [Status::CONFLICT, Status::TIMEOUT].contains(&error.status()) => {
                    self.pulse.enter(Phase::Waiting);
                }
                Err(error) => return Err(Failure::Passing(error.to_string())),
            }
            tokio::select! {
                () = wish.rest() => return Ok(None),
                () = sleep(LEASE_PAUSE) => {}
            }
        }
    }

    /// Has changes flow until it is to rest, or something fails.
    async fn flow(&self, mut ways: Ways, wish: &mut Wish) -> Result<(), Failure> {
        let plans = Plans::new(Rc::clone(&self.rules), self.source.origin());
        let mut stream = Stream::new(&self.host, plans, &self.meters, self.max_event);
        let mut stage = Stage::Connecting;
        let ended = loop {
            let batch = tokio::select! {
                biased;
                () = wish.rest() => break Ok(()),
                () = lost(&mut ways.lease) => {
                    break Err(Failure::Passing("the lease was lost: another node listens now".into()));
                }
                kept = &mut ways.keeper.0 => break Err(kept.unwrap_or_else(gone)),
                batch = ways.batches.recv() => match batch {
                    Some(batch) => Some(batch),
                    None => break Err((&mut ways.source.0).await.unwrap_or_else(gone)),
                },
                () = stream.due() => None,
                passed = self.source.passes(stage) => {
                    stage = passed;
                    self.pulse.enter(if stage == Stage::Reading { Phase::Listening } else { Phase::Waiting });
                    continue;
                }
            };
            if std::mem::replace(&mut stage, Stage::Reading) != Stage::Reading {
                self.pulse.enter(Phase::Listening);
            }
            let passed = stream.pass(batch, &mut ways.batches).await;
            self.pulse.heard(stream.delay());
            match passed {
                Ok(Some(safe)) => drop(ways.confirm.send_replace(Some(safe))),
                Ok(None) => {}
                Err(failure) => break Err(failure),
            }
        };
        if ended.is_ok()
            && let Some(safe) = stream.finish().await?
        {
            ways.confirm.send_replace(Some(safe));
        }
        ways.close().await;
        ended
    }
}

/// All that ends together.
struct Ways {
    batches: mpsc::Receiver<Batch>,
    confirm: watch::Sender<Option<Position>>,
    source: Task<Failure>,
    keeper: Task<Failure>,
    lease: Option<Lease>,
}

impl Ways {
    /// Lets the source say good-bye to its database, has the position kept, and gives up the lease, in this order.
    async fn close(self) {
        let Self { batches, confirm, source, keeper, lease } = self;
        drop(batches);
        source.farewell().await;
        drop(confirm);
        keeper.farewell().await;
        if let Some(lease) = lease {
            let _ends_by_itself = lease.release().await;
        }
    }
}

/// Ends when the lease is lost; never without one.
async fn lost(lease: &mut Option<Lease>) {
    match lease {
        Some(lease) => lease.lost().await,
        None => std::future::pending().await,
    }
}

/// A task that has panicked: that is told by the gateway.
fn gone(error: tokio::task::JoinError) -> Failure {
    Failure::Passing(format!("it ended without a word: {error}"))
}
