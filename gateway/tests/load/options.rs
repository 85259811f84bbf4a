//! What is refused before anything is connected, and what the exit code says.

use std::net::TcpListener;
use std::process::Command;

use crate::{SHORT, err, gateway, load, out, url};

#[tokio::test]
async fn thresholds_decide_the_exit_code() {
    let gateway = gateway(&[]);
    let run = |expressions: &[&str]| {
        let options = expressions.iter().flat_map(|expression| ["--fail-if", expression]);
        let arguments: Vec<&str> = SHORT.into_iter().chain(options).chain(["-n", "5"]).collect();
        load(&url(&gateway), &arguments)
    };
    let fine = run(&["p99>10s", "missing>0", "connect_p99>=1m"]);
    assert_eq!(fine.status.code(), Some(0), "{}", err(&fine));
    let text = out(&fine);
    assert!(text.contains("fail-if      missing>0: ok, missing is 0\n"), "{text}");

    let failed = run(&["missing>0", "deliveries_per_s<=1e9"]);
    assert_eq!(failed.status.code(), Some(1));
    let text = out(&failed);
    assert!(text.contains("fail-if      deliveries_per_s<=1e9: FAILED, deliveries_per_s is "), "{text}");
}

#[tokio::test]
async fn what_was_not_measured_fails() {
    let gateway = gateway(&[]);
    let arguments = [&SHORT[..], &["-n", "5", "--publishers", "0", "--fail-if", "p99>10s"]].concat();
    let output = load(&url(&gateway), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("p99>10s: FAILED, p99 was not measured"));
}

#[tokio::test]
async fn events_that_the_gateway_refuses_are_warned_of() {
    let gateway = gateway(&[]);
    let arguments = [&SHORT[..], &["-n", "5", "--event-type", "no_such_type", "--json"]].concat();
    let output = load(&url(&gateway), &arguments);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let total = &report["published"]["total"];
    let warning = format!("{total} of {total} events were refused by the gateway: nobody got them");
    assert!(
        report["warnings"].as_array().unwrap().contains(&warning.clone().into()),
        "{warning}: {report:#}"
    );
}

#[test]
fn options_that_are_wrong_are_refused_with_64_before_anybody_connects() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("ws://{}", server.local_addr().unwrap());
    let cases: [(&[&str], &str); 19] = [
        (
            &["--fail-if", "p98>5ms"],
            "--fail-if: 'p98' in 'p98>5ms' is no figure of a run; there are p50, p90, p99",
        ),
        (&["--fail-if", "p99>5"], "--fail-if: '5' in 'p99>5' is no time, such as 5ms or 250us"),
        (&["--fail-if", "p99"], "--fail-if: 'p99' compares nothing; it needs one of > >= < <= =="),
        (&["--dialect", "morse"], "--dialect: 'morse' is not spoken here; there are rooms, topics, socketio"),
        (&["--dialect", "topics", "--filter", "a"], "--filter: clients of this dialect cannot say"),
        (&["--publish-path", "ws"], "--publish-path: 'ws' is no path"),
        (&["--duration", "soon"], "--duration: 'soon' is no time such as 10s or 1h"),
        (&["--drain", "1000years"], "--drain is 1000years; it may be 30days at most"),
        (&["--report", "/nowhere/report.json"], "--report: /nowhere/report.json: No such file or directory"),
        (&["--payload", "43"], "--payload is 43; it may be 44 to 1048576"),
        (&["--slow", "a few"], "--slow: 'a few' is no share such as 10%"),
        (&["--slow", "101%"], "--slow is 101%; it may be 0% to 100%"),
        (&["--pid", "4194305"], "--pid 4194305: there is no such process"),
        (&["--spread", "thin"], "--spread: 'thin' is not known; there are even and zipf"),
        (&["--joins", "2"], "--joins is 2; it may be 1 to 1"),
        (&["--publishers", "0", "--rate", "5"], "--rate and --in-flight need a publisher"),
        (&["--header", "none"], "--header: 'none' is no header such as 'Name: value'"),
        (&["-n", "many"], "invalid value 'many' for '--connections <N>'"),
        (
            &["-n", "1000000", "--rooms", "100", "--joins", "100"],
            "1000000 subscribers, each with 100 streams of events to keep account of, would take more memory",
        ),
    ];
    for (arguments, message) in cases {
        let output = load(&url, arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains(message), "{arguments:?}: {}", err(&output));
    }
    assert!(server.accept().is_err(), "nobody has come");
}

#[test]
fn another_machine_is_refused_unless_that_is_meant() {
    let output = load("ws://192.0.2.1:9/ws", &["--quiet"]);
    assert_eq!(output.status.code(), Some(64));
    let said = err(&output);
    assert!(
        said.contains("192.0.2.1 (192.0.2.1) is not a loopback address of this machine")
            && said.contains("--allow-remote"),
        "{said}"
    );
    let meant =
        load("ws://192.0.2.1:9/ws", &["--quiet", "--allow-remote", "-n", "1", "--connect-timeout", "200ms"]);
    assert_eq!(meant.status.code(), Some(69), "{}", err(&meant));
}

#[test]
fn where_nobody_listens_it_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = load(&format!("ws://{free}/ws?token=geheim"), &["--quiet", "-n", "3"]);
    assert_eq!(output.status.code(), Some(69));
    let said = err(&output);
    assert!(said.contains(&format!("cannot connect to ws://{free}/ws: 4 × Connection refused")), "{said}");
    assert!(!said.contains("geheim"));
}

#[test]
fn more_connections_than_files_are_refused_and_it_says_how_many_are_possible() {
    let mut command = Command::new("sh");
    let script = "ulimit -n 200; exec \"$0\" load ws://127.0.0.1:9 -n 1000 --publishers 2";
    let output = command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_tidegate")).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = err(&output);
    assert!(said.contains("1002 connections need as many open files; this process may have 132"), "{said}");
}

#[tokio::test]
async fn the_soft_limit_of_files_is_raised() {
    let gateway = gateway(&[]);
    let mut command = Command::new("sh");
    let script =
        "ulimit -Sn 60; exec \"$0\" load \"$1\" -n 100 --publishers 0 --quiet -d 100ms --fail-if 'refused>0'";
    let output = command
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_tidegate"))
        .arg(url(&gateway))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
}

#[tokio::test]
async fn a_report_goes_into_a_file_and_lines_say_how_far_it_is() {
    let gateway = gateway(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, "x".repeat(100_000)).unwrap();
    let file_name = file.to_str().unwrap();
    let arguments = ["-n", "5", "-d", "1h", "-d", "500ms", "--warm-up", "0s", "--report", file_name];
    let output = load(&url(&gateway), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(report["plan"]["connections"], 5);
    assert_eq!(report["plan"]["duration_s"], 0.5, "of two the last holds");
    let pairs = report["latency"]["histogram"].as_array().unwrap();
    let all: u64 = pairs.iter().map(|pair| pair[1].as_u64().unwrap()).sum();
    assert_eq!(all, report["latency"]["samples"].as_u64().unwrap());
    assert!(pairs.is_sorted_by_key(|pair| pair[0].as_f64().unwrap()), "{report:#}");
    assert!(out(&output).contains("\nintegrity    0 missing, 0 doubled"), "{}", out(&output));
    assert!(err(&output).contains("measuring "), "{}", err(&output));
    assert!(err(&output).contains(" 5 subscribers, "), "{}", err(&output));
}
