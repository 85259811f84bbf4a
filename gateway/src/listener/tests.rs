use std::convert::Infallible;

use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream as Stream;
use tokio::task::{LocalSet, spawn_local};

use super::*;
use crate::transport::Socket;
use crate::web::{Ambiguous, Body, Handoff, RequestBody, Takeover, Upgraded, empty, whole};

/// A listener with lanes on this thread, that serves what `answer` says.
struct House {
    address: SocketAddr,
    permits: Arc<Permits>,
    metrics: Arc<Metrics>,
    drain: Drain,
    lanes: Vec<Lane>,
}

fn http(patience: Duration) -> Http {
    Http::new(Bounds { head: 64 * 1024, patience, write_patience: patience, streams: 100 })
}

fn house(limit: usize, shards: usize, patience: Duration) -> House {
    let listener = Listener::bind("main", "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address();
    let (lanes, intakes) = lanes(shards);
    let (permits, metrics) =
        (Permits::new(Most { connections: limit, per_address: 0, exempt: vec![] }), Metrics::new(shards));
    let drain = Drain::default();
    spawn_local(listener.accept(lanes.clone(), Arc::clone(&permits), Arc::clone(&metrics), drain.clone()));
    for intake in intakes {
        spawn_local(intake.serve(http(patience), drain.clone(), |info: Arc<ConnectionInfo>, handoff| {
            assert_eq!(&*info.listener, "main");
            tower::service_fn(move |request| answer(request, Handoff::clone(&handoff)))
        }));
    }
    House { address, permits, metrics, drain, lanes }
}

async fn answer(mut request: Request<RequestBody>, handoff: Handoff) -> Result<Response<Body>, Infallible> {
    if request.extensions().get::<Ambiguous>().is_some() {
        return Ok(empty(StatusCode::CONFLICT));
    }
    if request.uri() == "/echo" {
        let on = hyper::upgrade::on(&mut request);
        let run = |Upgraded { socket, early, answer }: Upgraded| {
            async move {
                let Socket::Plain(mut stream) = socket else { panic!("TLS out of nowhere") };
                assert!(stream.nodelay().unwrap());
                stream.write_all(&[&answer, &early[..]].concat()).await.unwrap();
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap();
                stream.write_all(&rest).await.unwrap();
            }
            .boxed_local()
        };
        handoff.leave(Takeover { on, run: Box::new(run) });
        let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
        response.headers_mut().insert(header::UPGRADE, "echo".parse().unwrap());
        return Ok(response);
    }
    if request.uri() == "/unread" {
        return Ok(empty(StatusCode::NOT_FOUND));
    }
    match request.into_body().collect().await {
        Ok(body) => Ok(Response::new(whole(body.to_bytes()))),
        Err(_) => Ok(empty(StatusCode::BAD_REQUEST)),
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

/// Sends `text`, closes the sending half, and answers all that comes back.
async fn ask(house: &House, text: &str) -> String {
    let mut stream = Stream::connect(house.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _reset_is_an_end_too = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_is_answered_and_its_place_given_back() {
    local(async {
        let house = house(10, 1, PATIENCE);
        let answer = ask(&house, "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hi"), "{answer}");
        house.permits.all_returned().await;
        assert_eq!((house.metrics.connections.opened.get(), house.metrics.connections.closed.sum()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_gets_the_bare_socket_and_what_was_sent_early() {
    local(async {
        let house = house(10, 1, PATIENCE);
        let mut stream = Stream::connect(house.address).await.unwrap();
        let request = "GET /echo HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"early") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        assert_eq!(house.permits.open(), 1);
        stream.write_all(b" and late").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, " and late");
        house.permits.all_returned().await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_upgrade_closes_the_connection() {
    local(async {
        let house = house(10, 1, PATIENCE);
        let answer = ask(&house, "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
        assert!(answer.contains("connection: close"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_nobody_wants_does_not_cost_the_connection() {
    local(async {
        let house = house(10, 1, PATIENCE);
        let mut stream = Stream::connect(house.address).await.unwrap();
        stream.write_all(b"POST /unread HTTP/1.1\r\nContent-Length: 5\r\n\r\n").await.unwrap();
        // The body follows once the head has been read, as from most clients.
        while house.metrics.connections.opened.get() == 0 {
            tokio::task::yield_now().await;
        }
        let next = "hello".to_owned() + "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
        stream.write_all(next.as_bytes()).await.unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        assert!(answers.starts_with("HTTP/1.1 404") && answers.ends_with("hi"), "{answers}");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_long_or_waits_for_leave_ends_the_connection_and_the_answer_says_so() {
    local(async {
        let house = house(10, 1, PATIENCE);
        for rest in ["Content-Length: 99999999", "Content-Length: 5\r\nExpect: 100-continue"] {
            let answer = ask(&house, &format!("POST /unread HTTP/1.1\r\n{rest}\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("connection: close"), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    local(async {
        let house = house(1, 1, PATIENCE);
        let kept = Stream::connect(house.address).await.unwrap();
        while house.permits.open() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(&house, "").await, "");
        assert_eq!(house.metrics.connections.refused_all.get(), 1);
        drop(kept);
        house.permits.all_returned().await;
        assert!(ask(&house, "GET / HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200"));
    })
    .await;
}

#[tokio::test]
async fn a_connection_goes_to_the_shard_with_the_fewest() {
    local(async {
        let house = house(10, 2, PATIENCE);
        let mut open = Vec::new();
        for count in 1..=4 {
            open.push(Stream::connect(house.address).await.unwrap());
            while house.permits.open() < count {
                tokio::task::yield_now().await;
            }
        }
        let loads: Vec<_> = house.lanes.iter().map(|lane| lane.load.load(Ordering::Relaxed)).collect();
        assert_eq!(loads, [2, 2]);
    })
    .await;
}

#[tokio::test]
async fn who_begins_no_request_is_sent_away() {
    local(async {
        let house = house(10, 1, Duration::from_millis(20));
        // Silent, at the start of HTTP/2's preface, in the middle of a head.
        for start in ["", "PRI * HT", "GET / HTTP/1.1\r\nHo"] {
            let answer = ask(&house, start).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
        house.permits.all_returned().await;
    })
    .await;
}

#[tokio::test]
async fn the_drain_ends_idle_connections_and_the_listener() {
    local(async {
        let house = house(10, 1, PATIENCE);
        let mut idle = Stream::connect(house.address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(idle.read(&mut [0; 4096]).await.unwrap() > 0);
        house.drain.advance(Phase::Closing);
        assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
        house.permits.all_returned().await;
        assert!(Stream::connect(house.address).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn ambiguous_framing_is_marked_and_a_malformed_chunk_ends_the_body() {
    local(async {
        let house = house(10, 1, PATIENCE);
        let both = "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\
            Connection: close\r\n\r\n0\r\n\r\n";
        let answer = ask(&house, both).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("HTTP/1.1 409"), "{answer}");
        let junk = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;\x01\r\nhi\r\n0\r\n\r\n";
        assert!(ask(&house, junk).await.starts_with("HTTP/1.1 400"));
    })
    .await;
}

#[tokio::test]
async fn the_task_of_a_connection_is_small() {
    local(async {
        let make = |_, _| tower::service_fn(|_: Request<RequestBody>| async { Ok(empty(StatusCode::OK)) });
        let shared = Rc::new(connection::Shared {
            http: http(PATIENCE),
            drain: Drain::default(),
            make,
            turns: Turns::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = Stream::connect(listener.local_addr().unwrap()).await.unwrap();
        let peer = listener.local_addr().unwrap();
        let info = Arc::new(ConnectionInfo { listener: "".into(), peer, balancer: None, tls: None });
        let permit = Permits::new(Most { connections: 1, per_address: 0, exempt: vec![] })
            .take(info.peer.ip())
            .unwrap();
        let place = Place { permit, load: Arc::new(AtomicUsize::new(1)), metrics: Some(Metrics::new(1)) };
        let task = connection::run(shared, Fresh { stream, info, tls: None, proxied: false }, place);
        let size = std::mem::size_of_val(&task);
        assert!(size <= 256, "{size} bytes");
    })
    .await;
}
