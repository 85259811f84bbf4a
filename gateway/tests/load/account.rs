//! The account of a run against the gateway is the gateway's own.

use std::process::Command;

use serde_json::Value;
use testkit::{Authority, Options};

use crate::{gateway, load, report, url};

const OF_THE_RUN: &str = r#"{event_type="alert_triggered",room_class="*"}"#;

/// That nothing was lost, or came otherwise than it was sent.
#[track_caller]
fn is_whole(report: &Value) {
    for fault in ["missing", "doubled", "torn", "disordered", "strayed", "foreign", "gaps"] {
        assert_eq!(report["integrity"][fault], 0, "{fault}: {report:#}");
    }
    assert_eq!(report["closes"], serde_json::json!({}), "{report:#}");
}

#[tokio::test]
async fn what_is_counted_is_what_the_gateway_counts() {
    let gateway = gateway(&["shards=2"]);
    let loads: [&[&str]; 4] = [
        &["-n", "30", "--rooms", "4", "--publishers", "2", "--rate", "200"],
        &[
            "-n",
            "30",
            "--rooms",
            "5",
            "--joins",
            "3",
            "--spread",
            "zipf",
            "--in-flight",
            "3",
            "--threads",
            "2",
        ],
        &["-n", "10", "--publishers", "4", "--in-flight", "8", "--payload", "20000"],
        &["-n", "10", "--payload", "44", "--in-flight", "64"],
    ];
    let (mut published, mut delivered) = (0.0, 0.0);
    for arguments in loads {
        let report = report(&url(&gateway), arguments);
        is_whole(&report);
        let figure = |group: &str, name: &str| report[group][name].as_f64().unwrap();
        assert!(figure("deliveries", "measured") > 0.0, "{report:#}");
        assert_eq!(figure("connections", "refused"), 0.0);
        published += figure("published", "total");
        delivered += figure("deliveries", "total");
        gateway.reaches(&format!("tidegate_events_published_total{OF_THE_RUN}"), published).await;
        gateway.reaches(&format!("tidegate_events_delivered_total{OF_THE_RUN}"), delivered).await;
        assert_eq!(
            report["server"]["pids"],
            serde_json::json!([gateway.pid()]),
            "it is found by its address"
        );
        assert_eq!(report["server"]["names"], serde_json::json!(["tidegate"]));
        gateway.reaches("tidegate_connections", 1.0).await;
    }
}

#[tokio::test]
async fn the_pace_is_kept_and_latency_counted_from_it() {
    let gateway = gateway(&[]);
    let open = report(&url(&gateway), &["-n", "2", "--publishers", "3", "--rate", "500"]);
    // 100 ms and 300 ms of them.
    assert_eq!(open["published"]["total"], 200, "{open:#}");
    assert_eq!(open["published"]["measured"], 150);
    assert_eq!(open["latency"]["samples"], 300);
    assert_eq!(open["latency"]["corrected"], true);
    assert_eq!(open["latency"]["events"], 150);
    assert_eq!(open["generator"]["late"]["samples"], 150, "how late each was sent");
    let closed = report(&url(&gateway), &["-n", "2", "--in-flight", "1"]);
    assert_eq!(closed["latency"]["corrected"], false);
    assert_eq!(closed["generator"]["late"], Value::Null, "nothing is due at a time");
    let idle = report(&url(&gateway), &["-n", "200", "--publishers", "0"]);
    assert_eq!((&idle["connections"]["ready"], &idle["published"]["total"]), (&200.into(), &0.into()));
    assert!(idle["server"]["bytes_per_connection"].is_number());
    assert_eq!(idle["server"]["cpu_us_per_delivery"], Value::Null, "nothing was delivered");
}

#[tokio::test]
async fn who_filters_gets_what_it_has_asked_for() {
    let gateway = gateway(&[]);
    let filters = ["--filter", "alert_*,gap", "--filter", "metrics_updated"];
    let report = report(&url(&gateway), &[&filters[..], &["-n", "10", "--rate", "100"]].concat());
    is_whole(&report);
    let (published, delivered) = (&report["published"]["total"], &report["deliveries"]["total"]);
    assert_eq!(delivered.as_u64().unwrap(), published.as_u64().unwrap() * 5, "every other one");
}

#[tokio::test]
async fn who_leaves_and_comes_back_misses_nothing_in_between() {
    let gateway = gateway(&[]);
    for threads in ["1", "2"] {
        let arguments =
            ["-n", "20", "--rooms", "2", "--churn", "100", "--in-flight", "8", "--duration", "1s"];
        let report = report(&url(&gateway), &[&arguments[..], &["--threads", threads]].concat());
        is_whole(&report);
        let churn = |name: &str| report["churn"][name].as_u64().unwrap();
        assert!(churn("left") > 20 && churn("came_back") + 2 >= churn("left"), "{report:#}");
        assert_eq!(report["connections"]["refused"], 0);
        let cost = &report["server"]["cpu_us_per_delivery"];
        assert_eq!(cost, &Value::Null, "who comes and goes costs something, too");
    }
}

#[tokio::test]
async fn a_ramp_is_kept_by_all_threads_together() {
    let gateway = gateway(&[]);
    let arguments = ["-n", "40", "--publishers", "0", "--ramp", "200", "--threads", "2"];
    let report = report(&url(&gateway), &arguments);
    assert_eq!(report["connections"]["ready"], 40);
    assert!(report["connections"]["seconds"].as_f64().unwrap() >= 0.19, "{report:#}");
    assert_eq!(report["plan"]["ramp"], 200.0);
}

#[tokio::test]
async fn who_stops_reading_is_closed_and_told_apart() {
    let gateway = gateway(&["limits.backlog_per_session=\"64 KiB\""]);
    let arguments =
        ["-n", "20", "--slow", "10%", "--payload", "20000", "--in-flight", "4", "--duration", "2s"];
    let report = report(&url(&gateway), &arguments);
    is_whole(&report);
    let slow = &report["slow"];
    assert_eq!((&slow["subscribers"], &slow["at_end"]), (&2.into(), &0.into()), "{report:#}");
    assert_eq!(slow["closes"], serde_json::json!({ "1013 slow consumer": 2 }), "{report:#}");
    assert_eq!(gateway.metric("tidegate_slow_closes_total").await, 2.0);
    for fault in ["missing", "doubled", "torn", "disordered"] {
        assert_eq!(slow["integrity"][fault], 0, "what came before the close was whole: {report:#}");
    }
}

#[tokio::test]
async fn each_connection_shows_its_token() {
    const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";
    let secret = format!("auth.default.secret={SECRET}");
    let settings = ["auth.default.anonymous=false", &secret, "auth.default.max_per_user=2"];
    let gateway = gateway(&settings);
    let mint = |user: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["token", "mint", "--user", user, "--set", &secret]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, mint("ada") + "\n" + &mint("bob")).unwrap();
    let all = report(&url(&gateway), &["-n", "3", "--rate", "50", "--token-file", file.to_str().unwrap()]);
    is_whole(&all);
    assert_eq!(all["connections"]["ready"], 4, "two of each user: {all:#}");
    let header = format!("authorization: Bearer {}", mint("eve").trim());
    let one = report(&url(&gateway), &["-n", "1", "--rate", "50", "--header", &header]);
    assert_eq!(one["connections"]["ready"], 2, "{one:#}");

    let none = load(&url(&gateway), &["-n", "3", "--quiet"]);
    assert_eq!(none.status.code(), Some(69));
    assert!(crate::err(&none).contains("4 × status 401 Unauthorized"), "{}", crate::err(&none));
}

#[tokio::test]
async fn under_tls_it_is_the_same() {
    let authority = Authority::new("load");
    let leaf = authority.issue("server", &["localhost"], |_| ());
    let listener = format!(
        "listener=[{{name=\"plain\",address=\"127.0.0.1:0\"}},{{name=\"tls\",address=\"127.0.0.1:0\",\
         tls={{certificate={:?},key={:?}}}}}]",
        leaf.certificate, leaf.key
    );
    let gateway = Options::new().set(&listener).start(env!("CARGO_BIN_EXE_tidegate"));
    let url = format!("wss://localhost:{}/ws", gateway.addresses()[1].port());
    let ca = authority.file();
    let report =
        report(&url, &["--ca", ca.to_str().unwrap(), "-n", "20", "--in-flight", "16", "--payload", "9000"]);
    is_whole(&report);
    let total = report["deliveries"]["total"].as_f64().unwrap();
    assert!(total > 0.0, "{report:#}");
    gateway.reaches(&format!("tidegate_events_delivered_total{OF_THE_RUN}"), total).await;

    let distrusted = load(&url, &["-n", "1", "--quiet"]);
    assert_eq!(distrusted.status.code(), Some(69));
    assert!(crate::err(&distrusted).contains("invalid peer certificate"), "{}", crate::err(&distrusted));
}

#[tokio::test]
async fn subscribers_of_other_wires_are_counted_as_those_of_rooms() {
    let gateway = gateway(&[
        "shards=2",
        r#"endpoint=[{path="/ws"}, {path="/publish"}, {path="/ws/connect", dialect="topics"},
                     {path="/socket.io/", transport="engineio", dialect="socketio",
                      heartbeat={interval="100ms", timeout="2s"}}]"#,
    ]);
    let run = [
        "-n",
        "20",
        "--rooms",
        "4",
        "--joins",
        "2",
        "--publishers",
        "2",
        "--in-flight",
        "8",
        "--churn",
        "20",
    ];
    for (dialect, path, publishing) in [
        ("topics", "/ws/connect", &[][..]),
        ("topics", "/ws/connect", &["--publish-path", "/publish?x=1"]),
        ("socketio", "/socket.io/", &[]),
    ] {
        let report = report(&url(&gateway), &[&run[..], &["--dialect", dialect], publishing].concat());
        is_whole(&report);
        assert_eq!(report["connections"]["refused"], 0, "{report:#}");
        assert!(report["deliveries"]["measured"].as_u64().unwrap() > 0, "{report:#}");
        assert!(report["plan"]["url"].as_str().unwrap().ends_with(path), "{report:#}");
    }
}
