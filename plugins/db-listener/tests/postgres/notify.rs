//! Notifications.

use std::time::Duration;

use serde_json::json;
use testkit::Postgres;
use tidegate_db_listener::source::postgres::address::Address;
use tidegate_db_listener::source::postgres::stats::{State, Stats};
use tidegate_db_listener::source::{Batch, Failure, Feed, notify};
use tokio::sync::{mpsc, watch};

use crate::support::PATIENCE;

/// Listens until it fails; the closure acts on the server once it listens, and takes what comes.
async fn listen(
    settings: &notify::Settings,
    stats: &watch::Sender<Stats>,
    act: impl AsyncFnOnce(&mut mpsc::Receiver<Batch>),
) -> Failure {
    let (batches, mut taken) = mpsc::channel(4);
    let (_confirm, confirmed) = watch::channel(None);
    let mut listens = stats.subscribe();
    let acts = async {
        listens.wait_for(|stats| stats.state == State::Streaming).await.unwrap();
        act(&mut taken).await;
        std::future::pending().await
    };
    tokio::select! {
        failure = notify::run(settings, Feed { batches, confirmed }, stats) => failure,
        never = acts => never,
        () = tokio::time::sleep(PATIENCE) => panic!("it does not end"),
    }
}

#[tokio::test]
async fn notifications_are_rows_and_those_while_it_was_away_are_said_to_be_lost() {
    let mut postgres = Postgres::start();
    let address = Address::parse(&postgres.url("postgres")).unwrap();
    let channels = vec!["news".to_owned(), "Odd \"one".to_owned()];
    let settings = notify::Settings { address, channels, silence: Duration::from_secs(2) };
    let (stats, told) = watch::channel(Stats::default());
    let failure = listen(&settings, &stats, async |taken| {
        postgres.sql(
            "postgres",
            r#"notify news, '{"id": 1}'; notify "Odd ""one", 'text'; notify other, 'unheard'; notify news"#,
        );
        let mut changes = Vec::new();
        while changes.len() < 3 {
            changes.extend(taken.recv().await.unwrap().changes);
        }
        let names: Vec<_> = changes.iter().map(|change| change.shape.table.table.as_str()).collect();
        assert_eq!(names, ["news", "Odd \"one", "news"]);
        assert_eq!(
            (&changes[0].shape.columns, changes[0].shape.table.schema.as_str()),
            (&vec!["id".to_owned()], "notify")
        );
        assert_eq!(
            format!("{:?}", changes[1].new),
            format!("{:?}", Some([tidegate_db_listener::change::Cell::Is(json!("text"))]))
        );
        postgres.kill();
    })
    .await;
    assert!(matches!(failure, Failure::Passing(_)), "{failure:?}");
    assert!(told.borrow().notes[0].contains("is lost"));
    postgres.restart();
    // It comes back; a server that is silent is left.
    let failure = listen(&settings, &stats, async |taken| {
        postgres.sql("postgres", "notify news, '7'");
        assert_eq!(taken.recv().await.unwrap().changes[0].shape.columns, ["payload"]);
        postgres.pause();
    })
    .await;
    assert!(failure.to_string().contains("silent for more than 2s"), "{failure}");
    postgres.go_on();
}
