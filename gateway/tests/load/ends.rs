//! Runs that end otherwise than planned: by a signal, or without a place for their report.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::faults::{Fault, server};
use crate::{gateway, load, out, url};

/// Runs it until it says that it is at this step.
#[track_caller]
fn at(step: &str, url: &str, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("load").arg(url).args(arguments).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    until(step, &mut lines);
    (child, lines)
}

#[track_caller]
fn until(words: &str, lines: &mut impl BufRead) {
    let mut said = String::new();
    while lines.read_line(&mut said).unwrap() > 0 {
        if said.lines().last().unwrap().starts_with(words) {
            return;
        }
    }
    panic!("'{words}' was not said, but: {said}");
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[track_caller]
fn report(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_run_that_is_interrupted_reports_what_it_has_measured() {
    let gateway = gateway(&[]);
    let arguments = ["-n", "5", "-d", "1h", "--warm-up", "0s", "--json", "--fail-if", "missing>0"];
    for signal in [Signal::INT, Signal::TERM] {
        let (child, _lines) = at("measuring", &url(&gateway), &arguments);
        send(&child, signal);
        let report = report(&child.wait_with_output().unwrap());
        assert_eq!(report["interrupted"], true);
        let measured = report["measured_s"].as_f64().unwrap();
        assert!(measured > 0.0 && measured < 600.0, "{report:#}");
        let published = &report["published"];
        let rate = published["per_s"].as_f64().unwrap();
        assert!((50.0..150.0).contains(&rate), "of the time that was measured: {report:#}");
        assert_eq!((&published["unsent"], &published["unanswered"]), (&0.into(), &0.into()), "{report:#}");
        let all = published["total"].as_u64().unwrap() * 5;
        assert_eq!(
            (&report["deliveries"]["total"], &report["integrity"]["missing"]),
            (&all.into(), &0.into())
        );
        assert_eq!(report["thresholds"][0]["failed"], false);
        gateway.reaches("tidegate_connections", 1.0).await;
    }
}

#[tokio::test]
async fn before_anything_is_measured_there_is_a_report_too() {
    let gateway = gateway(&[]);
    let connecting = ["-n", "1000", "--ramp", "10", "--json", "--publishers", "0"];
    let warming = ["-n", "5", "--warm-up", "1h", "--json"];
    for (step, arguments) in [("connecting", &connecting[..]), ("warming up", &warming[..])] {
        let (child, _lines) = at(step, &url(&gateway), arguments);
        send(&child, Signal::INT);
        let report = report(&child.wait_with_output().unwrap());
        assert_eq!(
            (&report["interrupted"], &report["measured_s"]),
            (&true.into(), &0.0.into()),
            "{report:#}"
        );
        assert_eq!(report["integrity"]["missing"], 0, "{report:#}");
        assert_eq!(report["deliveries"]["per_s"], 0.0);
    }
}

#[test]
fn while_it_waits_a_signal_ends_the_wait() {
    let url = server(Fault::Mute);
    let arguments = ["-n", "3", "-d", "200ms", "--warm-up", "0s", "--drain", "1h", "--json"];
    let (child, _lines) = at("draining", &url, &arguments);
    send(&child, Signal::TERM);
    let report = report(&child.wait_with_output().unwrap());
    assert_eq!((&report["interrupted"], &report["integrity"]["missing"]), (&true.into(), &48.into()));
    assert_eq!(report["measured_s"], 0.2, "it was over: {report:#}");
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("deliveries that had not come when waiting for them ended (--drain is 3600 s): 48"),
        "{warnings}"
    );
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let url = server(Fault::Mute);
    let arguments = ["-n", "3", "-d", "1h", "--warm-up", "0s", "--drain", "1h", "--rate", "1000"];
    let (child, mut lines) = at("measuring", &url, &arguments);
    send(&child, Signal::INT);
    until("interrupted", &mut lines);
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), out(&output)), (Some(130), ""));
}

#[tokio::test]
async fn where_the_report_cannot_be_written_it_was_printed() {
    let gateway = gateway(&[]);
    let arguments = ["-n", "2", "-d", "100ms", "--warm-up", "0s", "--quiet", "--report", "/dev/full"];
    let output = load(&url(&gateway), &arguments);
    assert_eq!(output.status.code(), Some(74));
    assert!(out(&output).contains("\nintegrity    0 missing"), "{}", out(&output));
    assert!(crate::err(&output).contains("/dev/full: No space left on device"), "{}", crate::err(&output));
}

#[tokio::test]
async fn a_gateway_that_ends_meanwhile_is_no_success() {
    let gateway = gateway(&[]);
    let arguments = ["-n", "5", "-d", "1h", "--warm-up", "0s", "--drain", "100ms"];
    let (child, _lines) = at("measuring", &url(&gateway), &arguments);
    gateway.signal(Signal::KILL);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(out(&output).contains("no close frame"), "{output:?}");
    assert!(
        out(&output).contains("nobody was connected any more: "),
        "it does not wait for an hour: {output:?}"
    );
}
