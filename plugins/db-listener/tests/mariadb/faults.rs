//! Servers that die, hang or cannot be reached: nothing is missing afterwards, and what comes again is recognised.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use testkit::{Cable, Mysqld};
use tidegate_db_listener::change::Change;
use tidegate_db_listener::source::{Failure, Position};

use crate::fixture::{Listening, new, on_both};

on_both!(
    after_the_servers_death_no_committed_row_is_missing,
    a_server_that_hangs_is_noticed_and_read_on_when_it_goes_on,
    a_network_that_is_cut_is_noticed_whichever_way,
    an_idle_server_is_not_taken_for_a_dead_one,
    a_database_that_is_down_is_a_passing_failure_and_a_second_reader_disturbs_nobody,
);

const TABLE: &str = "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)";
/// A hang is noticed in this time: 15 seconds of silence, and what a busy machine adds.
const NOTICED: Duration = Duration::from_secs(25);

fn id(change: &Change) -> u64 {
    new(change)["id"].as_u64().unwrap()
}

/// Reads from a position until a row is seen; a source that fails is begun again where it was.
async fn read_to(database: &Mysqld, mut position: Option<Position>, last: u64, seen: &mut Vec<Change>) {
    while seen.last().is_none_or(|change| id(change) < last) {
        let mut listening = Listening::from(&database.url(), &["t"], position);
        seen.push(listening.change().await);
        position = listening.stop().await;
    }
}

async fn after_the_servers_death_no_committed_row_is_missing(database: &mut Mysqld) {
    database.sql(TABLE);
    let listening = Listening::to(&database.url(), &["t"]).await;
    // Rows go in one after the other until the server is killed in the middle of them.
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| database.try_sql(&"INSERT INTO app.t (v) VALUES (1);\n".repeat(20_000)));
        std::thread::sleep(Duration::from_millis(700)); // some of them
        database.signal(testkit::Signal::KILL);
        assert!(writes.join().unwrap().is_err(), "it died before the last");
    });
    let (mut seen, failure, position) = listening.ended().await;
    assert!(matches!(failure, Failure::Passing(_)), "{failure:?}");
    database.restart();
    database.sql("INSERT INTO app.t (v) VALUES (2)");
    let committed: BTreeSet<u64> =
        database.sql("SELECT id FROM app.t").lines().map(|line| line.parse().unwrap()).collect();
    let last = *committed.last().unwrap();
    let mut listening = Listening::from(&database.url(), &["t"], position);
    while seen.last().is_none_or(|change| id(change) < last) {
        seen.push(listening.change().await);
    }
    let told: BTreeSet<u64> = seen.iter().map(id).collect();
    assert_eq!(committed.difference(&told).count(), 0, "of {}", committed.len());
    let origins: BTreeSet<_> = seen.iter().map(|change| &change.origin).collect();
    assert_eq!(origins.len(), told.len(), "what came again has the origin that it had");
}

async fn a_server_that_hangs_is_noticed_and_read_on_when_it_goes_on(database: &mut Mysqld) {
    database.sql(TABLE);
    let listening = Listening::to(&database.url(), &["t"]).await;
    let since = Instant::now();
    database.pause();
    let (_, failure, position) = listening.ended().await;
    assert!(
        matches!(failure, Failure::Passing(_)) && since.elapsed() < NOTICED,
        "{failure:?} after {:?}",
        since.elapsed()
    );
    let again = Listening::from(&database.url(), &["t"], position.clone()).failure().await;
    assert!(again.to_string().contains("has not answered for 15 s"), "{again:?}");
    database.resume();
    database.sql("INSERT INTO app.t (v) VALUES (1)");
    let mut seen = Vec::new();
    read_to(database, position, 1, &mut seen).await;
    assert_eq!(seen.len(), 1);
}

async fn a_network_that_is_cut_is_noticed_whichever_way(database: &mut Mysqld) {
    database.sql(TABLE);
    let cable = Cable::to(database.port());
    let url = format!("mysql://root@127.0.0.1:{}", cable.port());
    let listening = Listening::to(&url, &["t"]).await;
    cable.sever();
    let (_, failure, position) = listening.ended().await;
    assert!(matches!(failure, Failure::Passing(_)), "{failure:?}");
    cable.mend();
    let mut listening = Listening::from(&url, &["t"], position);
    database.sql("INSERT INTO app.t (v) VALUES (1)");
    assert_eq!(id(&listening.change().await), 1);
    let since = Instant::now();
    cable.silence();
    let (_, failure, position) = listening.ended().await;
    assert!(
        matches!(failure, Failure::Passing(_)) && since.elapsed() < NOTICED,
        "{failure:?} after {:?}",
        since.elapsed()
    );
    cable.mend();
    database.sql("INSERT INTO app.t (v) VALUES (2)");
    assert_eq!(id(&Listening::from(&url, &["t"], position).change().await), 2);
}

async fn an_idle_server_is_not_taken_for_a_dead_one(database: &mut Mysqld) {
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    tokio::time::sleep(Duration::from_secs(18)).await; // longer than silence is suffered
    database.sql("INSERT INTO app.t (v) VALUES (1)");
    assert_eq!(id(&listening.change().await), 1);
}

async fn a_database_that_is_down_is_a_passing_failure_and_a_second_reader_disturbs_nobody(
    database: &mut Mysqld,
) {
    database.sql(TABLE);
    database.kill();
    assert!(matches!(
        Listening::start(&database.url(), &["t"], None, false).failure().await,
        Failure::Passing(_)
    ));
    database.restart();
    let mut one = Listening::to(&database.url(), &["t"]).await;
    let mut two = Listening::to(&database.url(), &["t"]).await;
    database.sql("INSERT INTO app.t (v) VALUES (1)");
    assert_eq!(one.change().await, two.change().await);
}
