//! A member who reads too slowly misses what is told of members, and is told so; of the room's own events it gets and is
//! told what it would without.

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket, Wire, opcode};

use crate::{PROGRAM, member};

const BATCH: u64 = 200;
const MOST_ROUNDS: u64 = 40;

/// What a slow member got: numbers of the room's events, and how many are missing of those and of what is told of members.
#[derive(Debug, Default)]
struct Got {
    numbers: Vec<u64>,
    missing: u64,
    unheard: u64,
    heard: u64,
}

/// Publishes a batch, and has somebody come and leave, until the policy has decided, and three times after that.
/// Answers how many there are, and how many times members were told.
async fn flood(gateway: &Gateway, watch: &mut Socket, policy: &str) -> (u64, u64) {
    let decisions = format!("tidegate_slow_decisions_total{{bound=\"session\",policy=\"{policy}\"}}");
    let (mut published, mut decided, mut told) = (0, 0, 0);
    for _ in 0..MOST_ROUNDS {
        let event = |number: u64| {
            let data = json!({ "n": number, "text": "x".repeat(3000) });
            json!({ "room": "slow:r", "event_type": "alert_triggered", "key": format!("k{}", number % 8), "data": data })
        };
        let batch: Vec<Value> = (published..published + BATCH).map(event).collect();
        assert_eq!(gateway.post("/api/v1/publish", &json!(batch)).await.status, 200);
        published += BATCH;
        let _leaves_when_its_coming_was_told =
            member(gateway, &format!("guest{published}"), "slow:r", &Value::Null).await;
        decided += u64::from(gateway.metric(&decisions).await > 0.0);
        if decided > 3 {
            return (published, told);
        }
        let (mut came, mut last) = (0, 0);
        while came == 0 || last + 1 < published {
            let event = watch.next().await;
            match event["data"]["n"].as_u64() {
                Some(number) => last = number,
                None => came += 1,
            }
        }
        told += came;
    }
    panic!("{published} events fit into the backlog");
}

impl Got {
    /// Takes a frame; answers the id of who came or left, where it tells that.
    fn take(&mut self, event: &Value, epoch: &Value) -> Option<String> {
        let data = &event["data"];
        match event["event_type"].as_str().unwrap() {
            "gap" if data["from"]["epoch"] == *epoch => self.missing += data["count"].as_u64().unwrap(),
            "gap" => self.unheard += data["count"].as_u64().unwrap(),
            "alert_triggered" => self.numbers.push(data["n"].as_u64().unwrap()),
            _ => {
                self.heard += 1;
                return data["connection_id"].as_str().map(str::to_owned);
            }
        }
        None
    }
}

async fn next(slow: &mut Wire) -> Value {
    let frame = slow.next().await;
    assert_ne!(frame.opcode, opcode::CLOSE, "{:?}", frame.close());
    frame.json()
}

async fn run(policy: &str) -> (Got, u64) {
    let room = format!(
        "room=[{{prefix=\"slow:\",slow=\"{policy}\",join_leave=true,history={{size=20000,ttl=\"1h\"}}}}]"
    );
    let bounds = ["shards=2", "limits.message=\"32 KiB\"", "limits.backlog_per_session=\"64 KiB\"", &room];
    let gateway = bounds.iter().fold(Options::new(), |options, set| options.set(set)).start(PROGRAM);
    let mut slow = gateway.narrow_wire("/ws", 4096).await;
    slow.next().await;
    let joined = slow.ask(&json!({ "action": "join", "room": "slow:r" })).await;
    assert_eq!(next(&mut slow).await["event_type"], "member_joined", "it has heard of itself");
    let mut watch = member(&gateway, "watch", "slow:r", &Value::Null).await;
    let (published, mut told) = flood(&gateway, &mut watch, policy).await;
    let (epoch, mut got) = (&joined["data"]["epoch"], Got::default());
    while got.numbers.last() != Some(&(published - 1)) {
        got.take(&next(&mut slow).await, epoch);
    }
    // From here on it keeps up.
    let _end = member(&gateway, "end", "slow:r", &Value::Null).await;
    while got.take(&next(&mut slow).await, epoch).as_deref() != Some("end") {}
    loop {
        let event = watch.next().await;
        told += u64::from(event["event_type"].as_str().unwrap().starts_with("member"));
        if event["data"]["connection_id"] == "end" {
            break;
        }
    }
    assert_eq!(got.heard + got.unheard, told, "{got:?}");
    assert!(got.numbers.is_sorted_by(|a, b| a < b), "in order, none twice: {:?}", got.numbers);
    (got, published)
}

#[tokio::test]
async fn where_the_oldest_are_dropped_each_is_there_or_counted_on_its_own() {
    let (got, published) = run("drop_oldest").await;
    assert_eq!(got.numbers.len() as u64 + got.missing, published, "{got:?}");
    assert!(got.missing > 0 && got.unheard + got.heard > 0, "{got:?}");
}

#[tokio::test]
async fn where_the_newest_of_each_key_come_so_it_is() {
    let (got, published) = run("latest").await;
    assert_eq!(got.numbers.len() as u64 + got.missing, published, "{got:?}");
    assert!(got.missing > 0 && got.unheard + got.heard > 0, "{got:?}");
}

#[tokio::test]
async fn where_it_is_read_again_nothing_is_missing_and_nothing_comes_twice() {
    let (got, published) = run("catch_up").await;
    assert_eq!(got.numbers, (0..published).collect::<Vec<_>>());
    assert_eq!(got.missing, 0);
}
