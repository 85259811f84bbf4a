//! From a request on a socket to the client's first message.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::{Request, Response};
use tidegate::drain::Drain;
use tidegate::listener::{Bounds, Http, Listener, Most, Permits, lanes};
use tidegate::metrics::Metrics;
use tidegate::transport::Socket;
use tidegate::transport::websocket::{Inbound, Message, handshake};
use tidegate::web::{Body, ConnectionInfo, Handoff, RequestBody, Takeover, Upgraded};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use crate::memory::Meter;
use crate::wire::*;

const HANDSHAKE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A listener that upgrades whoever asks.
struct House {
    address: std::net::SocketAddr,
    upgraded: mpsc::UnboundedReceiver<Upgraded>,
}

fn house() -> House {
    let listener = Listener::bind("main", "127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, (lanes, intakes)) = (listener.address(), lanes(1));
    let (metrics, drain) = (Metrics::new(1), Drain::default());
    spawn_local(listener.accept(
        lanes,
        Permits::new(Most { connections: 10, per_address: 0, exempt: vec![] }),
        metrics,
        drain.clone(),
    ));
    let (send, upgraded) = mpsc::unbounded_channel();
    let patience = Duration::from_secs(30);
    let bounds = Bounds { head: 65_536, patience, write_patience: patience, streams: 100 };
    for intake in intakes {
        let send = send.clone();
        let service = move |_: Arc<ConnectionInfo>, handoff: Handoff| {
            let send = send.clone();
            tower::service_fn(move |request| answer(request, handoff.clone(), send.clone()))
        };
        spawn_local(intake.serve(Http::new(bounds), drain.clone(), service));
    }
    House { address, upgraded }
}

async fn answer(
    mut request: Request<RequestBody>,
    handoff: Handoff,
    upgraded: mpsc::UnboundedSender<Upgraded>,
) -> Result<Response<Body>, Infallible> {
    let (response, on) = handshake::accept(&mut request).unwrap();
    let run = move |connection| async move { upgraded.send(connection).unwrap() }.boxed_local();
    handoff.leave(Takeover { on, run: Box::new(run) });
    Ok(response.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
}

impl House {
    /// Sends `wire` in one go and upgrades; with the client.
    async fn upgrade(&mut self, wire: Vec<u8>) -> (Rc<Socket>, Bytes, std::net::TcpStream) {
        let mut client = std::net::TcpStream::connect(self.address).unwrap();
        client.write_all(&wire).unwrap();
        let Upgraded { socket, early, answer } = self.upgraded.recv().await.unwrap();
        assert_eq!(socket.send(&answer, false).unwrap(), answer.len());
        (Rc::new(socket), early, client)
    }
}

#[tokio::test]
async fn frames_sent_with_the_handshake_are_not_lost() {
    let test = async {
        let wire = [HANDSHAKE, &frame(FIN | TEXT, b"at once")].concat();
        let (link, early, mut client) = house().upgrade(wire).await;
        let mut answer = [0; 12];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        let mut inbound = Inbound::new(&link, LIMITS, early);
        assert_eq!(poll_fn(|cx| inbound.poll_next(&link, cx)).await.unwrap(), text("at once"));
        client.write_all(&frame(FIN | PING, b"")).unwrap();
        let ping = Message::Ping(Bytes::new());
        assert_eq!(poll_fn(|cx| inbound.poll_next(&link, cx)).await.unwrap(), ping);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn an_upgraded_connection_keeps_no_buffer_of_hypers() {
    let test = async {
        let mut house = house();
        let _once = house.upgrade(HANDSHAKE.to_vec()).await;
        let meter = Meter::start();
        let _held = house.upgrade(HANDSHAKE.to_vec()).await;
        assert!(meter.live() < 2048, "{} bytes", meter.live());
    };
    LocalSet::new().run_until(test).await;
}
