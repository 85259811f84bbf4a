//! The program's commands, as an operator and a script meet them.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

fn tidegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    tidegate(arguments).output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn the_version_names_the_commit_and_the_plugin_abi() {
    let output = run(&["--version"]);
    assert!(
        out(&output).starts_with(concat!("tidegate ", env!("CARGO_PKG_VERSION"), " (commit ")),
        "{}",
        out(&output)
    );
    assert!(out(&output).ends_with("\nplugin ABI 1.2\n"), "{}", out(&output));
}

#[test]
fn check_answers_64_for_errors_and_0_for_warnings() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("listener.main.address={}", taken.local_addr().unwrap());

    let output = run(&["check", "--set", &address]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    assert!(out(&output).contains("warning: --set listener.main.address: listener.0.address: 127.0.0.1:"));
    assert!(out(&output).contains("is in use now\n") && out(&output).contains("\nok, with "));

    let wrong = ["check", "--set", &address, "--set", "shard=1", "--set", "plugins.nowhere.path=/no/such.so"];
    let output = run(&wrong);
    assert_eq!(output.status.code(), Some(64));
    let report = out(&output);
    assert!(
        report.contains("error: --set shard: shard: there is no such setting; did you mean `shards`?\n"),
        "{report}"
    );
    assert!(report.contains("plugins.nowhere: its library is not there; looked for /no/such.so"), "{report}");
    assert!(report.contains("is in use now\n"), "errors and warnings come at once: {report}");
    assert!(report.contains("\n2 errors, "), "{report}");
}

#[test]
fn check_says_when_a_limit_is_above_what_the_machine_allows() {
    let report = run(&["check", "--set", "limits.connections=4294967295"]);
    assert!(out(&report).contains("4294967295 is more than this machine allows"), "{}", out(&report));
    let report = run(&["check", "--set", "data.dir=/proc/version/data"]);
    assert!(out(&report).contains("data.dir: /proc/version is not a directory"), "{}", out(&report));
    assert_eq!(report.status.code(), Some(64));
}

#[test]
fn what_is_in_effect_is_printed_without_secrets() {
    let url = "plugins.db.url=postgres://me:geheim@host/db";
    let output =
        run(&["check", "--print", "--set", url, "--set", "plugins.db.password=geheim", "--set", "shards=3"]);
    assert_eq!(output.status.code(), Some(0));
    let settings: toml::Table = out(&output).parse().unwrap();
    assert_eq!(settings["shards"].as_integer(), Some(3));
    assert_eq!(settings["plugins"]["db"]["url"].as_str(), Some("postgres://me:***@host/db"));
    assert!(!out(&output).contains("geheim") && !err(&output).contains("geheim"));

    let refused = run(&["check", "--print", "--set", "shards=many"]);
    assert_eq!((refused.status.code(), out(&refused)), (Some(64), ""));
}

#[test]
fn the_schema_is_printed_for_editors() {
    let output = run(&["check", "--schema"]);
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["properties"]["limits"]["$ref"], "#/$defs/Limits");
    assert_eq!(schema["$defs"]["Limits"]["properties"]["connections"]["default"], 100_000);
}

#[test]
fn serve_refuses_a_configuration_with_errors() {
    let output = run(&["serve", "--listen", "here", "--set", "log.format=xml"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).contains("error: --listen: listener.0.address: "), "{}", err(&output));
    assert!(
        err(&output).contains("error: --set log.format: log.format: \"xml\" is not known here"),
        "{}",
        err(&output)
    );
}

/// A gateway's side of one connection that `tidegate listen` makes.
fn listening(arguments: &[&str]) -> (Child, WebSocket<TcpStream>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", server.local_addr().unwrap());
    let child = tidegate(&["listen", &url]).args(arguments).spawn().unwrap();
    (child, accept(server.accept().unwrap().0).unwrap())
}

fn next_json(socket: &mut WebSocket<TcpStream>) -> Value {
    serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap()
}

#[test]
fn listen_subscribes_joins_prints_and_sends_what_is_typed() {
    let arguments = ["--room", "agents", "--room", "tasks", "--subscribe", "agent_*", "--json"];
    let (mut child, mut socket) = listening(&arguments);
    assert_eq!(next_json(&mut socket), json!({"action": "subscribe", "data": {"event_types": ["agent_*"]}}));
    assert_eq!(next_json(&mut socket), json!({"action": "join", "room": "agents"}));
    assert_eq!(next_json(&mut socket), json!({"action": "join", "room": "tasks"}));
    writeln!(child.stdin.as_mut().unwrap(), "{{\"action\":\"ping\"}}").unwrap();
    assert_eq!(next_json(&mut socket), json!({"action": "ping"}));

    let event = r#"{"event_type":"agent_created","timestamp":"T","data":{},"source":"s","room":"agents"}"#;
    socket.send(Message::text(event)).unwrap();
    socket.close(Some(CloseFrame { code: CloseCode::Restart, reason: "soon back".into() })).unwrap();
    while socket.read().is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(out(&output), format!("{event}\n"));
    assert_eq!(err(&output), "the gateway closed the session: 1012 soon back\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn listen_asks_for_events_by_a_criterion_that_can_be_read() {
    let (mut child, mut socket) = listening(&["--where", "data.price<10.5 or(exists(tags.live))"]);
    let criterion = "data.price < 10.5 or exists(tags.live)";
    assert_eq!(next_json(&mut socket), json!({"action": "subscribe", "data": {"where": criterion}}));
    drop(socket);
    child.wait().unwrap();

    let output = run(&["listen", "ws://127.0.0.1:1/ws", "--where", "price < 10"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).contains("unknown field `price`; there are event_type,"), "{}", err(&output));
}

#[test]
fn an_interrupt_closes_in_order() {
    let (child, mut socket) = listening(&["--room", "a"]);
    next_json(&mut socket); // it is up, with its signals in hand
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let closed = socket.read().unwrap();
    assert!(matches!(&closed, Message::Close(Some(frame)) if frame.code == CloseCode::Normal), "{closed:?}");
    while socket.read().is_ok() {}
    drop(socket);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_connection_that_fails_or_is_thrown_out_ends_with_1() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(&["listen", &format!("ws://{free}/ws")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with(&format!("cannot connect to ws://{free}/ws: ")), "{}", err(&output));

    let (child, mut socket) = listening(&[]);
    socket.close(Some(CloseFrame { code: CloseCode::Policy, reason: "go away".into() })).unwrap();
    while socket.read().is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(err(&output), "the gateway closed the session: 1008 go away\n");
}

/// A secret of the tests, long enough not to be warned of.
const SECRET: &str = "auth.default.secret=5f2c9a81b7d34e60a1c8f09b6e7d2a43";

#[test]
fn a_minted_token_is_what_its_profile_reads() {
    let mint = |more: &[&str]| {
        let output = run(&[&["token", "mint", "--set", SECRET, "--user", "ada"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        out(&output).trim().to_owned()
    };
    let token = mint(&[
        "--role",
        "operator",
        "--scope",
        "read",
        "--scope",
        "publish:news:*",
        "--room",
        "news:*",
        "--jti",
        "7",
    ]);
    let verified = run(&["token", "verify", "--set", SECRET, &token]);
    let principal: Value = serde_json::from_str(out(&verified)).unwrap();
    assert_eq!((&principal["user"], &principal["roles"]), (&json!("ada"), &json!(["operator"])));
    assert_eq!(
        (&principal["scopes"], &principal["rooms"]),
        (&json!(["read", "publish:news:*"]), &json!(["news:*"]))
    );
    assert_eq!(principal["jti"], "7");
    let other = run(&["token", "verify", "--set", "auth.default.secret=another", &token]);
    assert_eq!(other.status.code(), Some(1));
    assert!(err(&other).contains("(signature)") && !err(&other).contains(&token));

    let own = mint(&["--claim", "team=[\"red\"]", "--claim", "note=a b", "--lifetime", "0s"]);
    let inspected = run(&["token", "inspect", &own]);
    let inspected: Value = serde_json::from_str(out(&inspected)).unwrap();
    assert_eq!(
        (&inspected["claims"]["team"], &inspected["claims"]["note"]),
        (&json!(["red"]), &json!("a b"))
    );
    assert_eq!((&inspected["claims"]["exp"], &inspected["verified"]), (&json!(null), &json!(false)));
    let endless = run(&["token", "verify", "--set", SECRET, &own]);
    assert!(err(&endless).contains("(claim)"), "exp is required");

    let mut reading = tidegate(&["token", "inspect", "-"]).spawn().unwrap();
    reading.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).unwrap();
    assert!(out(&reading.wait_with_output().unwrap()).contains("\"ada\""), "- is standard input");
}

#[test]
fn what_cannot_be_minted_is_said() {
    for (arguments, why) in [
        (&["--profile", "other"][..], "there is no profile [auth.other]"),
        (&["--set", "auth.default.anonymous=true"], "has no secret"),
        (&["--set", SECRET, "--algorithm", "RS256"], "RS256 needs a private key"),
        (&["--set", SECRET, "--algorithm", "none"], "\"none\" is no algorithm"),
        (&["--set", SECRET, "--claim", "x"], "expected NAME=VALUE"),
        (&["--set", "auth.default.algorithms=[\"ES256\"]", "--key", "/no/such.pem"], "cannot be read"),
    ] {
        let output = run(&[&["token", "mint"], arguments].concat());
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(err(&output).contains(why), "{}", err(&output));
    }
    assert_eq!(run(&["token", "inspect", "nonsense"]).status.code(), Some(1));
}

#[test]
fn a_key_comes_with_the_setting_that_knows_it() {
    let output = run(&["token", "key", "--name", "ci", "--scope", "publish:builds:*", "--scope", "read"]);
    let (key, setting) = out(&output).split_once("\nsetting: ").unwrap();
    let key = key.strip_prefix("key:     ").unwrap();
    let hash = tidegate::identity::hash_of(key);
    assert!(setting.contains(&hash) && !setting.contains(key));
    let checked = run(&["check", "--print", "--set", &format!("api.keys=[{}]", setting.trim())]);
    assert_eq!(checked.status.code(), Some(0), "{}", err(&checked));
    assert!(out(&checked).contains("publish:builds:*"));
}
