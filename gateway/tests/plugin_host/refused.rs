//! Events that do not fit their schemas: refused, explained, counted, and told without end of the log.

use serde_json::{Value, json};
use testkit::Options;
use tidegate::plugin::{Settings, Validate};

use super::house::{House, compile, instance};

const FLAW: &str = "event 'flooded': n: \"n\" is a required property";

/// A plugin all of whose events lack what their schema requires, published by so many threads, so many each.
fn bad(folder: &tempfile::TempDir, threads: usize, events: usize) -> std::path::PathBuf {
    let (threads, events) = (format!("THREADS={threads}"), format!("EVENTS={events}"));
    compile(folder.path(), "flood", "flood.c", &[&threads, &events, "KEY=\"m\""])
}

#[tokio::test]
async fn an_event_against_its_schema_is_refused_with_its_field_and_still_the_plugins() {
    // Of the sample the first sixty-four and the one after are looked at.
    for (validate, taken) in [(Validate::Always, 0), (Validate::Sample, 5), (Validate::Off, 70)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { validate, ..instance("flood", bad(&folder, 1, 70), json!({})) };
        let house = House::start(vec![settings]).await;
        assert_eq!(house.post("/flood", &Value::Null).await.0, 200);
        let counts = house.call("counts", &Value::Null).await.1;
        let expected = json!([taken, 70 - taken, 70]);
        assert_eq!(
            json!([counts["given"], counts["refused"], counts["explained"]]),
            expected,
            "{validate:?}"
        );
        let (state, error) = house.state("flood");
        assert_eq!((state, error.as_str()), ("started", if taken == 70 { "" } else { FLAW }));
        let page = house.page();
        let family = "tidegate_plugin_events_refused_total{plugin=\"flood\",reason=";
        for line in [format!("{family}\"schema\"}} {}\n", 70 - taken), format!("{family}\"type\"}} 0\n")] {
            assert!(page.contains(&line), "{line}: {page}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_bad_events_does_not_flood_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("plugins.flood.path={}", bad(&folder, 10, 100).display());
    let mut gateway = Options::new().set(&path).start(env!("CARGO_BIN_EXE_tidegate"));
    assert_eq!(gateway.post("/flood", &Value::Null).await.status, 200);
    let refused = "tidegate_plugin_events_refused_total{plugin=\"flood\",reason=\"schema\"}";
    assert_eq!(gateway.metric(refused).await, 1_000.0);
    let shown = gateway.get("/api/v1/plugins").await.json();
    assert_eq!(shown["plugins"][0]["last_error"], FLAW, "{shown}");
    gateway.signal(rustix::process::Signal::TERM);
    assert!(gateway.ended().success());
    let log = gateway.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("event refused: ")).collect();
    assert_eq!(lines.len(), 10, "{log}");
    let first = "event refused: n: \"n\" is a required property \
                 plugin=\"flood\" event_type=flooded field=\"n\" left_out=0";
    assert!(lines[0].contains(" WARN ") && lines[0].ends_with(first), "{}", lines[0]);
    assert!(log.contains("990 more events refused, without a line each plugin=\"flood\""), "{log}");
}
