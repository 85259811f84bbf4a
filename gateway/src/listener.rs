//! Connections: accepted, counted, and served on the shard that has the fewest.
//!
//! The listener does not know what it serves. A socket is accepted once, without blocking, and travels as a bare
//! descriptor to its shard, where the runtime first hears of it; there it lives and dies.

mod carrier;
mod connection;
mod framing;
mod open;
mod permits;
mod proxy;
mod stall;
mod tls;
mod turns;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

pub use connection::{Bounds, Http, ServiceOf};
pub use permits::{Most, Permits};
pub use tls::Tls;

use crate::drain::{Drain, Phase};
use crate::metrics::Metrics;
use crate::units::Network;
use crate::web::ConnectionInfo;
use connection::Fresh;
use permits::{Full, Permit};
use turns::Turns;

/// Connections that may wait for [`accept`](Listener::accept) in the kernel.
const WAITING: i32 = 4096;
/// Accepted in a row before others on this thread have their turn.
const BATCH: usize = 32;
/// The first wait when no descriptor can be had; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A socket that is listened on, though nothing is accepted yet.
#[derive(Debug)]
pub struct Listener {
    name: Arc<str>,
    address: SocketAddr,
    socket: TcpListener,
    tls: Option<Arc<Tls>>,
    balancers: Option<Balancers>,
}

/// Who begins each connection with a header that says whose it is. An empty list is anybody.
#[derive(Clone, Debug)]
pub struct Balancers(pub Arc<[Network]>);

/// The way to one shard.
#[derive(Clone, Debug)]
pub struct Lane {
    sender: mpsc::UnboundedSender<Accepted>,
    load: Arc<AtomicUsize>,
}

/// A shard's end of its [`Lane`].
#[derive(Debug)]
pub struct Intake(mpsc::UnboundedReceiver<Accepted>);

/// A connection on the way to its shard. What waits here is bounded by the permits.
#[derive(Debug)]
struct Accepted {
    socket: OwnedFd,
    info: Arc<ConnectionInfo>,
    tls: Option<Arc<Tls>>,
    /// Whether a header says whose it is.
    proxied: bool,
    place: Place,
}

/// What a connection takes up, given back when it is dropped. Small, as every session has one.
#[derive(Debug)]
struct Place {
    permit: Permit,
    load: Arc<AtomicUsize>,
    /// Where its end is counted, until it is.
    metrics: Option<Arc<Metrics>>,
}

/// What ends a connection.
#[derive(Clone, Copy, Debug)]
enum Ended {
    /// Nothing before the drain did, or its shard was gone.
    Cut,
    /// One side, in good order.
    Http,
    /// Its session's end.
    Session,
    /// No request came, or none that was whole, in time.
    Timeout,
    /// The other end went away, or spoke something else.
    Error,
    /// It did not begin with the header of the PROXY protocol, though it should.
    Proxy,
    /// There are as many from the address that the header names.
    Full,
}

impl Ended {
    /// The word for it in metrics.
    fn label(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Http => "http",
            Self::Session => "session",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Proxy => "proxy_protocol",
            Self::Full => "connections_per_address",
        }
    }
}

impl Place {
    /// Gives it back, as the connection has ended so.
    fn end(mut self, ended: Ended) {
        self.count(ended);
    }

    /// Counts it for the address that it is really from.
    fn count_for(&mut self, address: IpAddr) -> Result<(), Ended> {
        self.permit.count_for(address).map_err(|_| {
            if let Some(metrics) = &self.metrics {
                metrics.connections.refused_address.add(1);
            }
            Ended::Full
        })
    }

    fn count(&mut self, ended: Ended) {
        if let Some(metrics) = self.metrics.take() {
            metrics.connections.closed.count(ended.label());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
        self.count(Ended::Cut);
    }
}

/// Ways to so many shards, with their ends.
pub fn lanes(shards: usize) -> (Vec<Lane>, Vec<Intake>) {
    let lane = |_| {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Lane { sender, load: Arc::default() }, Intake(receiver))
    };
    (0..shards).map(lane).unzip()
}

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// Whatever the system says, as that the port is in use.
    pub fn bind(name: &str, address: SocketAddr) -> io::Result<Self> {
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_tcp_nodelay(true)?; // what is accepted inherits it: no system call for each connection
        socket.bind(&address.into())?;
        socket.listen(WAITING)?;
        let socket = TcpListener::from(socket);
        Ok(Self { name: name.into(), address: socket.local_addr()?, socket, tls: None, balancers: None })
    }

    /// The same, speaking TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls.map(Arc::new);
        self
    }

    /// The same behind balancers, which speak the PROXY protocol.
    #[must_use]
    pub fn behind(mut self, balancers: Option<Balancers>) -> Self {
        self.balancers = balancers;
        self
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where it listens, the port that was picked included.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the drain is closing, then stops listening. Runs on any runtime: with one shard on the
    /// shard's own, so that nothing crosses a thread.
    ///
    /// # Errors
    /// The runtime could not take the socket in. What happens to single connections is counted, never returned.
    pub async fn accept(
        self,
        lanes: Vec<Lane>,
        permits: Arc<Permits>,
        metrics: Arc<Metrics>,
        drain: Drain,
    ) -> io::Result<()> {
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe; a TcpListener owns its descriptor to its end"
        )]
        let socket = AsyncFd::with_interest(self.socket, Interest::READABLE)?;
        let (name, tls, balancers) = (self.name, self.tls, self.balancers);
        let acceptor = Acceptor { name, tls, balancers, lanes, permits, metrics };
        tokio::select! {
            ended = acceptor.run(&socket) => ended,
            () = drain.reached(Phase::Closing) => Ok(()),
        }
    }
}

/// Why a connection is closed as soon as it is accepted.
enum Refused {
    /// There are as many as there may be.
    Full(Full),
    /// Only balancers connect here, and it is none.
    Stranger,
}

struct Acceptor {
    name: Arc<str>,
    tls: Option<Arc<Tls>>,
    balancers: Option<Balancers>,
    lanes: Vec<Lane>,
    permits: Arc<Permits>,
    metrics: Arc<Metrics>,
}

impl Acceptor {
    async fn run(&self, socket: &AsyncFd<TcpListener>) -> io::Result<()> {
        let mut wait = None;
        loop {
            let mut ready = socket.readable().await?;
            let starved = (0..BATCH).find_map(|_| {
                match acceptfrom_with(socket.get_ref(), SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                    Ok((socket, peer)) => {
                        self.admit(socket, peer.and_then(|peer| peer.try_into().ok()));
                        None
                    }
                    Err(Errno::AGAIN) => Some(None),
                    Err(error) => {
                        self.metrics.connections.accept_errors.add(1);
                        (!of_one_connection(error)).then_some(Some(error))
                    }
                }
            });
            match starved {
                Some(None) => {
                    ready.clear_ready();
                    self.recovered(&mut wait);
                }
                Some(Some(error)) => self.pause(&mut wait, error).await,
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// Hands a connection to the shard with the fewest, or closes it where it is one too many.
    fn admit(&self, socket: OwnedFd, peer: Option<SocketAddr>) {
        let Some(peer) = peer else { return };
        let permit = match self.permit(peer.ip()) {
            Ok(permit) => permit,
            Err(refused) => {
                let counters = &self.metrics.connections;
                match refused {
                    Refused::Full(Full::All) => counters.refused_all.add(1),
                    Refused::Full(Full::Address) => counters.refused_address.add(1),
                    Refused::Stranger => counters.refused_stranger.add(1),
                }
                return;
            }
        };
        let Some(lane) = self.lanes.iter().min_by_key(|lane| lane.load.load(Ordering::Relaxed)) else {
            return;
        };
        self.metrics.connections.opened.add(1);
        lane.load.fetch_add(1, Ordering::Relaxed);
        let (load, metrics) = (Arc::clone(&lane.load), Some(Arc::clone(&self.metrics)));
        let place = Place { permit, load, metrics };
        let info = ConnectionInfo { listener: Arc::clone(&self.name), peer, balancer: None, tls: None };
        let proxied = self.balancers.is_some();
        let (info, tls) = (Arc::new(info), self.tls.clone());
        // A shard that is gone drops the connection, and with it its place.
        let _gone = lane.sender.send(Accepted { socket, info, tls, proxied, place });
    }

    /// A balancer's connection is counted in all; for whose address is only known when it has said so.
    fn permit(&self, address: IpAddr) -> Result<Permit, Refused> {
        match &self.balancers {
            None => self.permits.take(address).map_err(Refused::Full),
            Some(Balancers(known)) if known.is_empty() || known.iter().any(|net| net.contains(address)) => {
                self.permits.take_uncounted().map_err(Refused::Full)
            }
            Some(_) => Err(Refused::Stranger),
        }
    }

    /// Waits a little, as there is no descriptor or memory for another connection. The connections themselves
    /// wait in the kernel.
    async fn pause(&self, wait: &mut Option<Duration>, error: Errno) {
        let now = match *wait {
            Some(before) => (before * 2).min(LONGEST_WAIT),
            None => {
                tracing::warn!(listener = %self.name, %error, "cannot accept connections; trying on");
                FIRST_WAIT
            }
        };
        *wait = Some(now);
        tokio::time::sleep(now).await;
    }

    /// Nobody waits any more. Only this ends an episode of want: single descriptors that come free in between
    /// would make it many.
    fn recovered(&self, wait: &mut Option<Duration>) {
        if wait.take().is_some() {
            tracing::info!(listener = %self.name, "accepting connections again");
        }
    }
}

/// Whether an error of `accept` is that of the connection alone (accept(2): network errors that are already
/// pending on it), so that the next one may be fine.
fn of_one_connection(error: Errno) -> bool {
    matches!(
        error,
        Errno::CONNABORTED
            | Errno::INTR
            | Errno::PERM
            | Errno::PROTO
            | Errno::NETDOWN
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::NONET
            | Errno::HOSTUNREACH
            | Errno::OPNOTSUPP
            | Errno::NETUNREACH
    )
}

impl Intake {
    /// Serves what comes, each connection in a task of its own on this thread's `LocalSet`; ends when the
    /// listeners have ended. The connections go on: [`Permits::all_returned`] says when they are through.
    pub async fn serve<M: ServiceOf>(mut self, http: Http, drain: Drain, make: M) {
        let shared = Rc::new(connection::Shared { http, drain, make, turns: Turns::default() });
        while let Some(Accepted { socket, info, tls, proxied, place }) = self.0.recv().await {
            match tokio::net::TcpStream::from_std(TcpStream::from(socket)) {
                Ok(stream) => {
                    let shared = Rc::clone(&shared);
                    let fresh = Fresh { stream, info, tls, proxied };
                    tokio::task::spawn_local(connection::run(shared, fresh, place));
                }
                Err(error) => tracing::warn!(%error, "a connection could not be registered"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
