//! `tidegate plugin`: what is judged, shown and listed, and with which exit code.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

fn tidegate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("plugin").args(arguments).output().unwrap()
}

/// A plugin that these tests depend on: its library lies beside their program.
fn built(plugin: &str) -> String {
    let folder = PathBuf::from(std::env::current_exe().unwrap().parent().unwrap());
    folder.join(format!("libtidegate_{plugin}.so")).to_str().unwrap().to_owned()
}

/// The exit code, and all that was said.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn check(config: &Value) -> (Option<i32>, String) {
    said(&tidegate(&["check", &built("hostile"), "--config", &config.to_string()]))
}

#[test]
fn a_plugin_that_behaves_is_ok() {
    let (code, text) = said(&tidegate(&["check", &built("echo")]));
    assert_eq!((code, text.trim_end()), (Some(0), format!("ok: {}", built("echo")).as_str()));
}

#[test]
fn what_is_wrong_with_its_life_is_an_error() {
    for (place, deed, expected) in [
        ("create", "fail", "create answered INTERNAL: on purpose"),
        ("declare", "bad_json", "what it declares does not read: "),
        ("start", "panic", "it panicked, 1 times"),
        ("stop", "fail", "stop answered INTERNAL: it is left where it is"),
    ] {
        let (code, text) = check(&json!({ "place": place, "deed": deed }));
        assert_eq!(code, Some(1), "{place} {deed}: {text}");
        assert!(text.contains(&format!("error: {expected}")), "{place} {deed}: {text}");
    }
}

#[test]
fn settings_that_do_not_fit_are_errors_and_unknown_ones_warnings() {
    let (code, text) = check(&json!({"millis": "soon"}));
    assert!(code == Some(1) && text.contains("millis: "), "{text}");
    let (code, text) = check(&json!({"colour": "red"}));
    assert!(
        code == Some(0) && text.contains("warning: its schema does not mention the setting 'colour'"),
        "{text}"
    );
    let (code, text) = said(&tidegate(&["check", &built("echo"), "--config", "[]"]));
    assert!(code == Some(64) && text.contains("--config"), "{text}");
}

#[test]
fn a_library_that_ends_its_process_is_told_by_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("crash.c"), folder.path().join("crash.so"));
    fs::write(
        &source,
        "#include <stdlib.h>\n__attribute__((constructor)) static void crash(void) { abort(); }\n",
    )
    .unwrap();
    let cc = Command::new("cc").args(["-fPIC", "-shared", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(cc.success());
    for command in ["check", "inspect"] {
        let (code, text) = said(&tidegate(&[command, library.to_str().unwrap()]));
        assert!(code == Some(1) && text.contains("ended the process that loaded it: signal 6"), "{text}");
    }
}

#[test]
fn a_plugin_is_shown_as_it_describes_itself() {
    let (code, text) = said(&tidegate(&["inspect", &built("echo")]));
    assert_eq!(code, Some(0));
    for line in ["echo 0.1.0  (ABI 1.2)", "  POST   /echo/{room}  (scope publish)", "  echo_stream"] {
        assert!(text.lines().any(|shown| shown == line), "{line}: {text}");
    }
    let output = tidegate(&["inspect", "--json", &built("echo")]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["abi"], &shown["manifest"]["name"]), (&json!("1.2"), &json!("echo")));
    let (code, text) = said(&tidegate(&["inspect", "/nowhere.so"]));
    assert!(code == Some(1) && text.contains("/nowhere.so"), "{text}");
}

#[test]
fn a_list_says_where_each_library_is_or_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(built("echo"), folder.path().join("libtidegate_echo.so")).unwrap();
    let directory = format!("plugins.directory={:?}", folder.path());
    let mut arguments = vec!["list", "--json", "--set", &directory, "--set", "plugins.echo.enabled=true"];
    let output = tidegate(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let library = folder.path().join("libtidegate_echo.so");
    assert_eq!((&listed[0]["name"], &listed[0]["library"]), (&json!("echo"), &json!(library)));
    arguments.extend(["--set", "plugins.other.plugin=\"no-such\""]);
    arguments.remove(1);
    let (code, text) = said(&tidegate(&arguments));
    assert!(code == Some(1) && text.contains("libtidegate_no_such.so"), "{text}");
}

#[test]
fn a_route_at_an_endpoints_path_ends_the_start_and_both_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("plugins.it.path={}", built("hostile"));
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["serve", "--listen", "127.0.0.1:0", "--set", "endpoint.0.path=/hostile", "--set", &path])
        .arg("--data")
        .arg(folder.path())
        .output()
        .unwrap();
    let (code, text) = said(&output);
    let clash = "plugin 'it': the route 'POST /hostile' is at the path of the endpoint '/hostile'";
    assert!(code == Some(64) && text.contains(clash), "{code:?}: {text}");
}

/// What `tidegate check` says with these settings.
fn whole(settings: &[String]) -> (Option<i32>, String) {
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let address = ["--set", "listener.main.address=127.0.0.1:0"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    said(&command.arg("check").args(address).args(set).output().unwrap())
}

#[test]
fn a_configuration_is_judged_by_its_plugins_too_and_none_is_started() {
    let hostile = |name: &str, place: &str| {
        let library = format!("plugins.{name}.path={}", built("hostile"));
        [library, format!("plugins.{name}.place={place}"), format!("plugins.{name}.deed=fail")]
    };
    let (code, text) = whole(&hostile("it", "create"));
    let expected = ": plugins.it: create answered INTERNAL: on purpose\n";
    assert!(code == Some(64) && text.contains(expected), "{text}");
    let (code, text) = whole(&hostile("it", "start"));
    assert!(code == Some(0), "it would fail to start, which is not tried: {text}");
    let echo = |name: &str| format!("plugins.{name}.path={}", built("echo"));
    let (code, text) = whole(&[echo("one"), echo("two")]);
    assert!(code == Some(64) && text.contains("plugins.two: ") && text.contains("'one'"), "{text}");
    let [library, ..] = hostile("it", "start");
    let (code, text) = whole(&[library, "endpoint.0.path=/hostile".into()]);
    assert!(code == Some(64) && text.contains("is at the path of the endpoint '/hostile'"), "{text}");
}

/// A plugin's own command, whose library is in the folder of this program.
fn own(arguments: &[&str]) -> Command {
    let folder = PathBuf::from(std::env::current_exe().unwrap().parent().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let directory = format!("plugins.directory={:?}", folder.to_str().unwrap());
    command.args(["plugin", arguments[0], "--set", &directory]).args(&arguments[1..]);
    command
}

#[test]
fn a_plugin_carries_out_its_own_commands() {
    let (code, text) = said(&own(&["echo", "say", "hello", "world"]).output().unwrap());
    assert_eq!((code, text.as_str()), (Some(0), "hello world\n"));
    let other = ["other", "--set=plugins.other.plugin=echo", "say"];
    let (code, text) =
        said(&own(&[&other[..], &["--set", "log.level=info", "--again"]].concat()).output().unwrap());
    assert!(
        code == Some(64) && text.contains("say what?\nusage: tidegate plugin other say [--again] WORD..."),
        "{text}"
    );
}

#[test]
fn which_commands_there_are_is_told_and_what_is_none_is_refused() {
    for line in [&["echo"][..], &["echo", "--help"], &["echo", "say", "--help"], &["echo", "say", "-h"]] {
        let (code, text) = said(&own(line).output().unwrap());
        assert!(code == Some(0) && text.contains("  say [--again] WORD... "), "{line:?}: {text}");
    }
    for (line, expected) in [
        (&["echo", "shout"][..], "error: plugin 'echo' has no command 'shout'\nIts commands:\n  say "),
        (&["agents"], "It has no commands."),
        (&["echo", "say", "x", "--set"], "error: --set: a value is missing"),
        (&["nothing", "say"], "error: plugin 'nothing': no library at "),
        (
            &["echo", "say", "x", "--set", "plugins.echo.colour=1"],
            "error: plugin 'echo': its configuration does not fit: ",
        ),
    ] {
        let (code, text) = said(&own(line).output().unwrap());
        assert!(
            code == Some(if line == ["agents"] { 0 } else { 64 }) && text.contains(expected),
            "{line:?}: {text}"
        );
    }
}

#[test]
fn a_command_ends_when_the_operator_wants_it_or_nobody_reads_any_more() {
    for signal in [Some(Signal::INT), Some(Signal::TERM), None] {
        let mut child = own(&["echo", "say", "--again", "tick"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "tick");
        if let Some(signal) = signal {
            kill_process(Pid::from_child(&child), signal).unwrap();
            assert!(lines.all(|line| line.unwrap() == "tick"));
        } else {
            drop(lines);
        }
        assert_eq!(child.wait().unwrap().code(), Some(i32::from(signal.is_none())));
    }
}
