//! The gateway as a plugin sees it: one handle, cheap to clone, good on any thread.

pub(crate) mod bridge;
mod clock;
pub(crate) mod flow;
pub(crate) mod gate;
mod lease;
mod log;
mod metrics;
pub(crate) mod publish;
pub(crate) mod requests;
mod sessions;
mod store;

pub use clock::Clock;
pub use lease::Lease;
pub use log::{Level, Log};
pub use metrics::{Counter, Gauge, Histogram, Metrics};
pub use publish::PublishError;
pub use sessions::{SessionInfo, Sessions};
pub use store::{Entry, Expect, Op, Outcome, Page, Store};

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::abi::{self, Status};
use crate::{Error, Result};
use bridge::Bridge;
use flow::Flow;
use lease::Losses;
use requests::Requests;

/// The gateway. Its methods answer `CLOSED` once the plugin is stopped, and `UNSUPPORTED` for what this gateway has not got.
#[derive(Clone)]
pub struct Host(Arc<Shared>);

/// What all clones share.
pub(crate) struct Shared {
    /// The callbacks.
    bridge: Bridge,
    /// The instance's name in the configuration.
    name: String,
    /// What publishers wait for.
    flow: Flow,
    /// Requests that are not answered yet.
    requests: Requests,
    /// Leases that are held.
    losses: Losses,
    /// The hook that tells of a lost lease, made for the plugin's type.
    lease_lost: abi::LeaseLost,
    /// The instance's runtime, for what blocks; set at start.
    runtime: OnceLock<Handle>,
    /// What a predecessor left, until it is asked for.
    restored: Mutex<Option<Bytes>>,
}

impl Host {
    /// The handle over a host's callbacks.
    pub(crate) fn new(bridge: Bridge, name: String, lease_lost: abi::LeaseLost) -> Self {
        Self(Arc::new(Shared {
            bridge,
            name,
            flow: Flow::default(),
            requests: Requests::default(),
            losses: Losses::default(),
            lease_lost,
            runtime: OnceLock::new(),
            restored: Mutex::new(None),
        }))
    }

    /// The instance's name in the configuration; most have the plugin's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The state that a predecessor's [`pause`](crate::Plugin::pause) gave, once, to be asked for in
    /// [`start`](crate::Plugin::start).
    #[must_use]
    pub fn restored(&self) -> Option<Bytes> {
        lock(&self.0.restored).take()
    }

    /// The instance's own part of the gateway's key-value store.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::own(self.clone())
    }

    /// The sessions of the gateway.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions(self.clone())
    }

    /// The gateway's log; works as long as the instance exists.
    #[must_use]
    pub fn log(&self) -> Log {
        Log(self.clone())
    }

    /// The gateway's metrics.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics(self.clone())
    }

    /// The gateway's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(self.clone())
    }

    /// The callbacks.
    pub(crate) fn bridge(&self) -> &Bridge {
        &self.0.bridge
    }

    /// What publishers wait for.
    pub(crate) fn flow(&self) -> &Flow {
        &self.0.flow
    }

    /// Requests that are not answered yet.
    pub(crate) fn requests(&self) -> &Requests {
        &self.0.requests
    }

    /// A lease was lost before it was given up.
    pub(crate) fn lease_was_lost(&self, lease: abi::Lease) {
        self.0.losses.tell(lease);
    }

    /// Keeps what a predecessor left until it is asked for.
    pub(crate) fn restore(&self, state: Bytes) {
        *lock(&self.0.restored) = Some(state);
    }

    /// Gives the instance's runtime to what blocks.
    pub(crate) fn set_runtime(&self, runtime: Handle) {
        // Set once: an instance is started once.
        let _ = self.0.runtime.set(runtime);
    }

    /// Runs a callback that blocks on a thread where that harms nothing.
    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Bridge) -> T + Send + 'static,
    ) -> Result<T> {
        let runtime = self.0.runtime.get().ok_or(Error::from(Status::CLOSED))?;
        let host = self.clone();
        runtime.spawn_blocking(move || call(host.bridge())).await.map_err(|_| Error::from(Status::CLOSED))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// Locks; a panic of another holder has left nothing half done, since no lock here is held over foreign code.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
