//! When file descriptors run out, connections wait; when there are some again, they are served.

use testkit::Options;
use tokio::net::TcpStream;

use crate::start;

#[tokio::test]
async fn the_listener_goes_on_when_descriptors_come_back() {
    let gateway = start(Options::new().files(40));
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(TcpStream::connect(gateway.address()).await.unwrap());
    }
    // The log is on its disk already when the gateway runs out: one line for the episode.
    while !gateway.log().contains("cannot accept connections") {
        tokio::task::yield_now().await;
    }
    drop(held);
    let answer = gateway.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let errors =
        answer.body.lines().find_map(|line| line.strip_prefix("tidegate_accept_errors_total ")).unwrap();
    assert_ne!(errors, "0");
    // The episode is over once nobody waits any more, which may be after others are answered.
    while !gateway.log().contains("accepting connections again") {
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.log().matches("cannot accept connections").count(), 1);
}
