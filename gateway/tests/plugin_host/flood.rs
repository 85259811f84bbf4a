//! Many threads at once, and buffers that are counted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate::frame::{Event, Timestamp};
use tidegate::hub::calls::CallError;
use tidegate::web::Refusal;

use super::house::{House, compile, instance};

async fn counts(house: &House) -> Value {
    house.call("counts", &Value::Null).await.1
}

async fn flood(defines: &[&str]) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = compile(folder.path(), "flood", "flood.c", defines);
    (House::start(vec![instance("flood", path, json!({}))]).await, folder)
}

#[tokio::test]
async fn three_hundred_threads_publish_and_each_buffer_comes_back_once_on_the_hook_thread() {
    let (house, _folder) = flood(&["FOLLOWS=\"flood\"", "EVENTS=100"]).await;
    assert_eq!(house.post("/flood", &Value::Null).await, (200, json!(true)));
    house
        .until("all is released and told", async || {
            let counts = counts(&house).await;
            counts["released"] == 30_000 && counts["committed"] == 45_000 // one for each target
        })
        .await;
    let counts = counts(&house).await;
    assert_eq!(
        (&counts["given"], &counts["refused"], &counts["elsewhere"], &counts["explained"]),
        (&json!(30_000), &json!(0), &json!(0), &json!(30_000))
    );
    // It follows its own room: each event was handed to it or is in a gap, in order.
    assert_eq!(counts["followed"].as_u64().unwrap() + counts["missed"].as_u64().unwrap(), 30_000, "{counts}");
    assert_eq!((&counts["last"], &counts["backwards"]), (&json!(30_000), &json!(0)), "{counts}");
    // The last answer is a buffer of its, too.
    house.until("nothing is out", async || house.info("flood").given_away_bytes == 0).await;
    house.stop("flood").await;
    assert_eq!(house.state("flood"), ("stopped", String::new())); // it checks the count in `destroy` too
}

#[tokio::test]
async fn a_plugin_that_falls_behind_gets_a_gap_and_publishers_never_wait() {
    let (house, _folder) = flood(&["FOLLOWS=\"fast\"", "HOLD=2000"]).await;
    let kind = house.hub.types().find("flooded").unwrap();
    let (total, begun) = (15_000, Instant::now());
    for _ in 0..total {
        let (data, source) = ("{\"n\":1}".into(), "test".into());
        let event = Event::new(kind.clone(), data, source, Timestamp(1));
        house.hub.publish(&["fast"], &event).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "publishing waited for the plugin");
    // Full for events is full for requests.
    let refused = house.try_begin("counts", &Value::Null).unwrap_err();
    assert_eq!(refused, CallError::Busy("counts".into()));
    let refused = house.ask(http::Method::POST, "/flood", "").await.unwrap_err();
    assert_eq!(refused, Refusal::Busy("flood".into()));
    house.until("it has caught up", async || house.info("flood").queued == 0).await;
    let counts = counts(&house).await;
    assert_eq!((&counts["gaps"], &counts["backwards"]), (&json!(1), &json!(0)), "{counts}");
    assert_eq!(counts["followed"].as_u64().unwrap() + counts["missed"].as_u64().unwrap(), total, "{counts}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_time_out_and_a_cancel() {
    let (house, _folder) = flood(&["NEVER"]).await;
    let refused = house.ask(http::Method::POST, "/flood", "").await.unwrap_err();
    assert_eq!(refused.to_string(), "the plugin 'flood' did not answer in time");
    house.until("the cancel is told", async || counts(&house).await["dropped"] == 1).await;
}
