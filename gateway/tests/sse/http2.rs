//! The same over HTTP/2: many streams of one connection.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use testkit::{Block, Blocks, Gateway};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{options, publish, start};

const PATIENCE: Duration = Duration::from_secs(20);
const SESSIONS: &str = "tidegate_sessions{dialect=\"rooms\"}";

async fn connect(gateway: &Gateway) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

struct Reader {
    body: Incoming,
    blocks: Blocks,
}

impl Reader {
    async fn open(client: &mut SendRequest<Empty<Bytes>>, path: &str, id: Option<&str>) -> Self {
        let request = Request::get(format!("http://localhost{path}"));
        let request = id.iter().fold(request, |request, id| request.header("last-event-id", *id));
        client.ready().await.unwrap();
        let answer = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        let mut reader = Self { body: answer.into_body(), blocks: Blocks::default() };
        while reader.blocks.last_id.is_empty() {
            if reader.blocks.take().is_none() {
                reader.fill().await;
            }
        }
        reader
    }

    async fn fill(&mut self) {
        let frame = timeout(PATIENCE, self.body.frame()).await.expect("nothing comes");
        self.blocks.push(frame.expect("the stream has ended").unwrap().data_ref().unwrap());
    }

    async fn event(&mut self) -> Block {
        loop {
            if let Some(block) = self.blocks.event() {
                if block.event.as_deref() == Some("alert_triggered") {
                    return block;
                }
                continue;
            }
            self.fill().await;
        }
    }
}

#[tokio::test]
async fn two_hundred_readers_of_four_connections_get_every_event_in_order() {
    let gateway = start(options());
    let mut readers = Vec::new();
    for _ in 0..4 {
        let mut client = connect(&gateway).await;
        for _ in 0..50 {
            readers.push(Reader::open(&mut client, "/events?rooms=k", None).await);
        }
    }
    gateway.reaches(SESSIONS, 200.0).await;
    for number in 1..=20 {
        assert_eq!(publish(&gateway, "k", number).await.json()["sent"], 200);
    }
    for reader in &mut readers {
        for number in 1..=20 {
            assert_eq!(reader.event().await.number(), number);
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_ends_its_session_and_no_other() {
    let gateway = start(options());
    let mut client = connect(&gateway).await;
    let mut one = Reader::open(&mut client, "/events?rooms=k", None).await;
    let mut other = Reader::open(&mut client, "/events?rooms=k", None).await;
    publish(&gateway, "k", 1).await;
    assert_eq!((one.event().await.number(), other.event().await.number()), (1, 1));
    let id = one.blocks.last_id.clone();
    drop(one);
    gateway.reaches(SESSIONS, 1.0).await;
    publish(&gateway, "k", 2).await;
    assert_eq!(other.event().await.number(), 2);
    let mut again = Reader::open(&mut client, "/events?rooms=k", Some(&id)).await;
    assert_eq!(again.event().await.number(), 2, "on the same connection");
    drop(client);
    drop((other, again));
    gateway.reaches(SESSIONS, 0.0).await;
}

#[tokio::test]
async fn a_connection_with_a_stream_is_not_taken_for_an_idle_one() {
    let gateway = start(options().set("http.head_timeout=1s"));
    let mut client = connect(&gateway).await;
    let mut reader = Reader::open(&mut client, "/events?rooms=k", None).await;
    tokio::time::sleep(Duration::from_millis(3200)).await; // more than two looks at what is idle
    let mut other = Reader::open(&mut client, "/events?rooms=k", None).await;
    publish(&gateway, "k", 1).await;
    assert_eq!((reader.event().await.number(), other.event().await.number()), (1, 1));
}
