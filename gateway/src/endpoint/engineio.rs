//! An endpoint that speaks Engine.IO: polls, WebSockets, and the change from the one to the other.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde::Serialize;

use super::Entrance;
use super::admission::{Admitted, No, Refused};
use super::websocket::upgrade;
use crate::router::{self, Bodies};
use crate::session::{self, Inflow, Opening};
use crate::transport::engineio::{Lines, Polling, probe};
use crate::transport::websocket::handshake;
use crate::transport::{Framing, Socket, pipe};
use crate::web::{Handoff, Problem, RequestBody, Response, Upgraded, query_pairs, whole};

/// See the module's documentation.
pub struct EngineIo {
    /// As of every endpoint.
    pub entrance: Entrance,
    /// The sessions that are polled, of all shards.
    pub lines: Arc<Lines>,
    /// Reads what is posted.
    pub bodies: Bodies,
    /// What a client is told.
    pub terms: Terms,
}

/// What a client is told of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Between two pings.
    pub ping_interval: Duration,
    /// For how long the answer to one may take.
    pub ping_timeout: Duration,
    /// Bytes of what it posts, and of a message, at most.
    pub max_payload: usize,
}

/// The first packet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: usize,
}

/// What is wrong with a request, as Node's server numbers and words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Transport,
    Session,
    Method,
    Request,
    Version,
}

impl Wrong {
    fn told(self) -> (u8, &'static str) {
        match self {
            Self::Transport => (0, "Transport unknown"),
            Self::Session => (1, "Session ID unknown"),
            Self::Method => (2, "Bad handshake method"),
            Self::Request => (3, "Bad request"),
            Self::Version => (5, "Unsupported protocol version"),
        }
    }

    fn answer(self) -> Response {
        let (code, message) = self.told();
        let told = serde_json::json!({ "code": code, "message": message });
        text(StatusCode::BAD_REQUEST, "application/json", told.to_string().into())
    }
}

/// A request, as far as its query says what it is.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// A session that is polled.
    Begin,
    /// One over a WebSocket.
    BeginSocket,
    /// Packets for a poll of this session.
    Poll(String),
    /// Packets from the client of this session.
    Post(String),
    /// A WebSocket for this session.
    Socket(String),
}

impl Asked {
    fn read<B>(request: &Request<B>) -> Result<Self, Wrong> {
        let pairs = query_pairs(request.uri().query());
        let last =
            |name: &str| pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
        let socket = match last("transport").as_deref() {
            Some("polling") => false,
            Some("websocket") => true,
            _ => return Err(Wrong::Transport),
        };
        let upgrade = request.headers().contains_key(header::UPGRADE);
        let sid = last("sid").filter(|sid| !sid.is_empty());
        if socket != upgrade && (sid.is_some() || *request.method() == Method::GET) {
            return Err(Wrong::Request);
        }
        if last("EIO").as_deref() != Some("4") {
            return Err(Wrong::Version);
        }
        match (sid, request.method()) {
            (None, &Method::GET) if socket => Ok(Self::BeginSocket),
            (None, &Method::GET) => Ok(Self::Begin),
            (None, _) => Err(Wrong::Method),
            (Some(sid), &Method::GET) if socket => Ok(Self::Socket(sid)),
            (Some(sid), &Method::GET) => Ok(Self::Poll(sid)),
            (Some(sid), &Method::POST) if !socket => Ok(Self::Post(sid)),
            (Some(_), _) => Err(Wrong::Request),
        }
    }
}

impl router::Endpoint for EngineIo {
    fn answer(
        self: Rc<Self>,
        mut request: Request<RequestBody>,
        handoff: Handoff,
    ) -> LocalBoxFuture<'static, Response> {
        Box::pin(async move {
            let asked = match Asked::read(&request) {
                Ok(asked) => asked,
                Err(wrong) => {
                    self.entrance.common.shard.hub().metrics().handshakes.count("engineio");
                    return wrong.answer();
                }
            };
            match asked {
                Asked::Begin => self.begin(&request).unwrap_or_else(|refused| self.entrance.refuse(refused)),
                Asked::BeginSocket => self
                    .begin_socket(&mut request, &handoff)
                    .unwrap_or_else(|refused| self.entrance.refuse(refused)),
                Asked::Poll(sid) => self.poll(&sid).await,
                Asked::Post(sid) => self.post(&sid, request).await,
                Asked::Socket(sid) => self
                    .take_over(&sid, &mut request, &handoff)
                    .unwrap_or_else(|refused| self.entrance.refuse(refused)),
            }
        })
    }
}

impl EngineIo {
    fn open_packet(&self, sid: &str, upgrades: &[&str]) -> String {
        let Terms { ping_interval, ping_timeout, max_payload } = self.terms;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (ping_interval, ping_timeout) = (millis(ping_interval), millis(ping_timeout));
        let open = Open { sid, upgrades, ping_interval, ping_timeout, max_payload };
        format!("0{}", serde_json::to_string(&open).unwrap_or_default())
    }

    fn admit<B>(&self, request: &Request<B>) -> Result<Admitted, Refused> {
        self.entrance.check_open()?;
        self.entrance.admit(request).map_err(|no: No| no.into())
    }

    /// Begins a session that is polled. It lives on this shard, in a task of its own.
    fn begin<B>(&self, request: &Request<B>) -> Result<Response, Refused> {
        let admitted = self.admit(request)?;
        let visitor = self.entrance.visitor(request, admitted)?;
        let (common, endpoint) = (Rc::clone(&self.entrance.common), Rc::clone(&self.entrance.endpoint));
        let sid = new_sid();
        let (pipe, outlet) = pipe();
        let polling = Polling::new(&self.lines, &sid, &endpoint.path, outlet, endpoint.heartbeat.timeout);
        let source = Inflow::Polling(Box::new(polling));
        let opening = Opening { socket: Socket::Pipe(pipe), answer: Vec::new(), source };
        tokio::task::spawn_local(session::open(common, endpoint, visitor, opening));
        Ok(packets(self.open_packet(&sid, &["websocket"]).into()))
    }

    /// Begins a session over a WebSocket.
    fn begin_socket(
        &self,
        request: &mut Request<RequestBody>,
        handoff: &Handoff,
    ) -> Result<Response, Refused> {
        handshake::judge(request)?;
        let admitted = self.admit(request)?;
        let visitor = self.entrance.visitor(request, admitted)?;
        let (common, endpoint) = (Rc::clone(&self.entrance.common), Rc::clone(&self.entrance.endpoint));
        let open = self.open_packet(&new_sid(), &[]);
        upgrade(request, handoff, move |Upgraded { socket, early, mut answer }| {
            Framing::WebSocket.text(&mut answer, open.as_bytes());
            session::open(
                common,
                endpoint,
                visitor,
                Opening { socket, answer, source: Inflow::EngineIo(early) },
            )
        })
    }

    async fn poll(&self, sid: &str) -> Response {
        let Some(line) = self.lines.find(sid, &self.entrance.endpoint.path) else {
            return Wrong::Session.answer();
        };
        match line.poll().await {
            Ok(payload) => packets(payload),
            Err(_) => Wrong::Request.answer(),
        }
    }

    async fn post(&self, sid: &str, request: Request<RequestBody>) -> Response {
        let Some(line) = self.lines.find(sid, &self.entrance.endpoint.path) else {
            return Wrong::Session.answer();
        };
        let (head, body) = request.into_parts();
        let held = match self.bodies.collect(&head.method, body).await {
            Ok(held) => held,
            Err(error) => return Problem::from(error).into(),
        };
        let payload = held.bytes().clone();
        if payload.len() > self.terms.max_payload {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "text/plain; charset=UTF-8", Bytes::new());
        }
        match line.post(payload, held).await {
            Ok(answer) => text(StatusCode::OK, "text/html", answer),
            Err(_) => Wrong::Request.answer(),
        }
    }

    /// A WebSocket that wants to take over from polls.
    fn take_over(
        &self,
        sid: &str,
        request: &mut Request<RequestBody>,
        handoff: &Handoff,
    ) -> Result<Response, Refused> {
        handshake::judge(request)?;
        let Some(line) = self.lines.find(sid, &self.entrance.endpoint.path) else {
            return Ok(Wrong::Session.answer());
        };
        upgrade(request, handoff, move |Upgraded { socket, early, answer }| {
            Box::pin(probe(line, socket, early, answer))
        })
    }
}

/// Nobody guesses it.
fn new_sid() -> Arc<str> {
    uuid::Uuid::new_v4().simple().to_string().into()
}

fn packets(payload: Bytes) -> Response {
    text(StatusCode::OK, "text/plain; charset=UTF-8", payload)
}

fn text(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
