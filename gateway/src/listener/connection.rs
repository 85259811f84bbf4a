//! A connection's one task: HTTP, until it ends or hands its socket over.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tower::{Service, ServiceExt};

use super::carrier::Carrier;
use super::framing::{Ambiguities, Framed, Last};
use super::open::{Activity, Open, OpenBody};
use super::tls::Secured;
use super::turns::Turns;
use super::{Ended, Place, Tls, proxy};
use crate::drain::{Drain, Phase};
use crate::web::{Ambiguous, Body, BoxError, ConnectionInfo, Handoff, RequestBody, Upgraded, whole};

/// Streams of HTTP/2 that a client has reset before anybody has looked at them, and that were reset for its errors, at
/// most: over that it only makes work (rapid reset), and the connection is closed.
const RESETS: usize = 20;
const ERRORS: usize = 100;
/// Bytes of an answer that wait for one stream of HTTP/2, whose client may not let it go on.
const STREAM_BUFFER: usize = 64 * 1024;

/// How long and how slow what a connection sends and takes may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request's head at most; more are 431, as are more than 100 fields, hyper's own bound, for
    /// which it needs no allocation.
    pub head: usize,
    /// For a request's head, and between two requests.
    pub patience: Duration,
    /// For how long nothing of an answer may be taken.
    pub write_patience: Duration,
    /// Requests that an HTTP/2 connection may have open.
    pub streams: u32,
}

/// How HTTP is spoken.
#[derive(Clone)]
pub struct Http {
    builder: auto::Builder<Local>,
    bounds: Bounds,
}

/// Runs what HTTP/2 spawns on this thread.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move {
            task.await;
        });
    }
}

impl Http {
    /// A connection is closed when a request's head takes longer than its time, or none comes for so long.
    pub fn new(bounds: Bounds) -> Self {
        let Bounds { head, patience, streams, .. } = bounds;
        let mut builder = auto::Builder::new(Local);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(head)
            .keep_alive(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
            .max_concurrent_streams(streams)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(ERRORS)
            .max_send_buf_size(STREAM_BUFFER)
            .keep_alive_interval(patience)
            .keep_alive_timeout(patience);
        Self { builder, bounds }
    }
}

/// Makes the service of a connection.
pub trait ServiceOf: 'static {
    /// The service.
    type Service: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: 'static>
        + Clone
        + 'static;

    /// For a connection that leaves what it is upgraded to in `handoff`.
    fn make(&self, info: Arc<ConnectionInfo>, handoff: Handoff) -> Self::Service;
}

impl<F, S> ServiceOf for F
where
    F: Fn(Arc<ConnectionInfo>, Handoff) -> S + 'static,
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: 'static>
        + Clone
        + 'static,
{
    type Service = S;

    fn make(&self, info: Arc<ConnectionInfo>, handoff: Handoff) -> S {
        self(info, handoff)
    }
}

/// What the connections of a shard share.
pub(super) struct Shared<M> {
    pub(super) http: Http,
    pub(super) drain: Drain,
    pub(super) make: M,
    /// For handshakes.
    pub(super) turns: Turns,
}

/// A connection that nothing has been read from.
pub(super) struct Fresh {
    pub(super) stream: TcpStream,
    pub(super) info: Arc<ConnectionInfo>,
    pub(super) tls: Option<Arc<Tls>>,
    /// Whether a header of the PROXY protocol comes first.
    pub(super) proxied: bool,
}

/// A connection's life. HTTP is boxed, and so is the session that it leaves, so that neither takes memory in
/// the other's time: the task of an idle session is as small as can be.
pub(super) fn run<M: ServiceOf>(
    shared: Rc<Shared<M>>,
    fresh: Fresh,
    place: Place,
) -> impl Future<Output = ()> {
    let http: Pin<Box<dyn Future<Output = (Place, Result<Session, Ended>)>>> = Box::pin(async move {
        let mut place = place;
        let outcome = begin(shared, fresh, &mut place).await;
        (place, outcome)
    });
    async move {
        let (place, outcome) = http.await;
        let ended = match outcome {
            Ok(session) => {
                session.await;
                Ended::Session
            }
            Err(ended) => ended,
        };
        place.end(ended);
    }
}

/// From the first byte to the end of HTTP.
async fn begin<M: ServiceOf>(
    shared: Rc<Shared<M>>,
    fresh: Fresh,
    place: &mut Place,
) -> Result<Session, Ended> {
    let fresh = identify(&shared, fresh, place).await?;
    let (carrier, info) = secure(&shared, fresh).await?;
    http(shared, carrier, info).await
}

/// Reads whose connection it is, where the listener is behind balancers; a drain does not wait for it.
async fn identify<M>(shared: &Shared<M>, mut fresh: Fresh, place: &mut Place) -> Result<Fresh, Ended> {
    if !fresh.proxied {
        return Ok(fresh);
    }
    let outcome = tokio::select! {
        outcome = timeout(shared.http.bounds.patience, proxy::read(&mut fresh.stream)) => outcome,
        () = shared.drain.reached(Phase::Closing) => return Err(Ended::Cut),
    };
    let named = outcome.map_err(|_| Ended::Timeout)?.map_err(|error| {
        tracing::debug!(listener = %fresh.info.listener, peer = %fresh.info.peer, %error, "no PROXY header");
        Ended::Proxy
    })?;
    if let Some(client) = named {
        let info = ConnectionInfo::clone(&fresh.info);
        fresh.info = Arc::new(ConnectionInfo { peer: client, balancer: Some(info.peer), ..info });
    }
    place.count_for(fresh.info.peer.ip())?;
    Ok(fresh)
}

/// Shakes hands where the listener speaks TLS; a drain does not wait for it.
async fn secure<M>(shared: &Shared<M>, fresh: Fresh) -> Result<(Carrier, Arc<ConnectionInfo>), Ended> {
    let Fresh { stream, info, tls, .. } = fresh;
    let Some(tls) = tls else { return Ok((Carrier::Plain(stream), info)) };
    let Secured { stream, info: tls } = tokio::select! {
        secured = tls.accept(stream, &shared.turns) => secured?,
        () = shared.drain.reached(Phase::Closing) => return Err(Ended::Cut),
    };
    let info = ConnectionInfo { tls: Some(tls), ..ConnectionInfo::clone(&info) };
    Ok((Carrier::Tls(stream), Arc::new(info)))
}

/// What a connection is behind an upgrade.
type Session = LocalBoxFuture<'static, ()>;

/// Answers what has ended it, where it was not an upgrade.
async fn http<M: ServiceOf>(
    shared: Rc<Shared<M>>,
    carrier: Carrier,
    info: Arc<ConnectionInfo>,
) -> Result<Session, Ended> {
    let framed = Framed::new(carrier, shared.http.bounds.write_patience);
    let handoff = Handoff::default();
    let activity = Rc::<Activity>::default();
    let service = Requests {
        inner: shared.make.make(info, handoff.clone()),
        ambiguous: framed.ambiguities(),
        last: framed.last(),
        handoff: handoff.clone(),
        activity: Rc::clone(&activity),
    };
    let ended = speak(&shared, framed, service, &activity).await;
    let takeover = handoff.take().ok_or(ended)?;
    let upgraded = takeover.on.await.map_err(|_| Ended::Error)?;
    let parts = auto::upgrade::downcast::<TokioIo<Framed>>(upgraded).map_err(|_| Ended::Error)?;
    // An empty buffer would pin the 8 KiB that hyper read into.
    let early = if parts.read_buf.is_empty() { Bytes::new() } else { parts.read_buf };
    let (carrier, answer) = parts.io.into_inner().into_parts();
    let socket = carrier.into_socket().map_err(|_| Ended::Error)?;
    Ok((takeover.run)(Upgraded { socket, early, answer }))
}

/// Speaks HTTP to its end: by either side, an upgrade, the drain, or because no request begins. hyper itself
/// measures the time of an HTTP/1 head, but neither how long it takes to find out which version is spoken nor how long
/// an HTTP/2 connection is idle. Answers what ended it.
async fn speak<M, S>(shared: &Shared<M>, framed: Framed, service: Requests<S>, activity: &Activity) -> Ended
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: 'static>
        + Clone
        + 'static,
{
    let patience = shared.http.bounds.patience;
    let mut connection =
        pin!(shared.http.builder.serve_connection_with_upgrades(TokioIo::new(framed), service));
    let mut closing = pin!(shared.drain.reached(Phase::Closing));
    let mut look = pin!(tokio::time::sleep(patience));
    let (mut told, mut before) = (false, 0);
    loop {
        tokio::select! {
            // An error is the other end's: it went away, or spoke something else and has been told so.
            outcome = connection.as_mut() => return ended(outcome),
            () = closing.as_mut(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = look.as_mut() => {
                let begun = activity.begun.get();
                if begun == 0 {
                    return Ended::Timeout;
                }
                if begun == before && activity.open.get() == 0 && !told {
                    told = true;
                    connection.as_mut().graceful_shutdown(); // what is still being sent goes on to its end
                }
                before = begun;
                look.as_mut().reset(Instant::now() + patience);
            }
        }
    }
}

fn ended(outcome: Result<(), BoxError>) -> Ended {
    let is_timeout = |error: &BoxError| {
        let slow = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        };
        let error = error.downcast_ref::<hyper::Error>();
        error.is_some_and(|error| error.is_timeout() || error.source().is_some_and(slow))
    };
    match outcome {
        Ok(()) => Ended::Http,
        Err(error) if is_timeout(&error) => Ended::Timeout,
        Err(_) => Ended::Error,
    }
}

/// The requests of one connection, numbered.
struct Requests<S> {
    inner: S,
    ambiguous: Ambiguities,
    last: Last,
    handoff: Handoff,
    activity: Rc<Activity>,
}

impl<S> hyper::service::Service<Request<Incoming>> for Requests<S>
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: 'static>
        + Clone
        + 'static,
{
    type Response = Response<OpenBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<OpenBody>, BoxError>>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let number = self.activity.begun.get() + 1;
        self.activity.begun.set(number);
        let open = Open::new(&self.activity);
        if self.ambiguous.holds(number) {
            request.extensions_mut().insert(Ambiguous);
        }
        let upgrade = request.headers().contains_key(header::UPGRADE);
        let bodiless = *request.method() == Method::HEAD && request.version() == Version::HTTP_2;
        // Whoever waits for leave to send a body is not given it for one that nobody wants.
        let may_drain = !request.headers().contains_key(header::EXPECT);
        // HTTP/2 ends the one stream; HTTP/1 has nothing but the connection.
        let version_1 = request.version() <= Version::HTTP_11;
        let request = request.map(RequestBody::from);
        let rest = version_1.then(|| request.body().clone());
        let answer = self.inner.clone().oneshot(request);
        let (last, handoff) = (self.last.clone(), self.handoff.clone());
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let is_clean = match rest {
                Some(rest) if !rest.is_end_stream() => may_drain && rest.drain().await,
                _ => true,
            };
            // Behind an upgrade the framing of what follows would not be looked at any more.
            let refused_upgrade = upgrade && response.status() != StatusCode::SWITCHING_PROTOCOLS;
            if refused_upgrade || !is_clean {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            if response.status() == StatusCode::SWITCHING_PROTOCOLS && handoff.is_left() {
                last.is_next();
            }
            let response = if bodiless { without_body(response) } else { response };
            Ok(response.map(|body| OpenBody { body, _open: open }))
        })
    }
}

/// The answer to `HEAD`: the length of the body, and none of it. hyper sees to that for HTTP/1.1 only; over HTTP/2
/// clients take a body for a breach of the protocol.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    Response::from_parts(head, whole(Bytes::new()))
}
