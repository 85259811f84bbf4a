//! What README.md says is true: its tour is taken, its plugin is loaded, its files and options are there.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options};

const README: &str = include_str!("../../README.md");
const PLUGIN: &str = include_str!("../examples/hostload.rs");
const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The blocks that begin with `fence`, in order.
fn blocks(fence: &str) -> Vec<&'static str> {
    let fence = format!("{fence}\n");
    README.split(&fence).skip(1).map(|rest| &rest[..rest.find("```").unwrap()]).collect()
}

/// A command's words, as a shell splits them: on spaces, but for what is in single quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.split(" #").next().unwrap().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Does what a line of `curl` does, on `gateway`.
async fn curl(gateway: &Gateway, line: &str) -> Answer {
    let words = words(line);
    assert_eq!(words[0], "curl", "{line}");
    let after = |option| words.iter().skip_while(|word| *word != option).nth(1).map(String::as_str);
    let body = after("-d");
    let method = after("-X").unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let path = words.last().unwrap().strip_prefix("http://127.0.0.1:8080").expect("the URL comes last");
    gateway.request(method, path, body).await
}

async fn member(gateway: &Gateway, room: &str) -> testkit::Socket {
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(socket.next().await["event_type"], "connected");
    let joined = socket.ask(&json!({ "action": "join", "room": room })).await;
    assert_eq!(joined["message"], format!("Joined room '{room}'"));
    socket
}

#[tokio::test]
async fn the_tour_shows_what_it_promises() {
    let gateway = Options::new().config(root().join("config/immune.toml")).start(PROGRAM);
    let mut watching = member(&gateway, "agents").await;
    let tours = blocks("<!-- tour -->\n```sh");
    assert_eq!(tours.len(), 2);
    for line in tours.iter().flat_map(|tour| tour.lines()) {
        let answer = curl(&gateway, line).await;
        assert!((200..300).contains(&answer.status), "{line}: {answer:?}");
    }
    let shown =
        blocks("The second terminal shows each call as it happens (here without most of the data):\n```");
    let events = shown[0].lines().filter_map(|line| line.split_once("Z agents ")?.1.split(' ').next());
    for promised in events.chain(["alert_triggered"]) {
        assert_eq!(watching.next().await["event_type"], promised);
    }
}

#[tokio::test]
async fn the_requests_that_it_shows_are_done() {
    let gateway = Options::new().start(PROGRAM);
    let mut session = member(&gateway, "room").await;
    let shown = blocks("```json");
    assert_eq!(shown.len(), 1);
    for request in shown {
        let reply = session.ask(&serde_json::from_str(request).unwrap()).await;
        assert_eq!(reply["success"], true, "{reply}");
    }
}

#[tokio::test]
async fn the_plugin_publishes() {
    let code = PLUGIN.split_once("\n\n").unwrap().1;
    assert_eq!(blocks("```rust"), [code], "README.md and gateway/examples/hostload.rs are the same");

    let library = Path::new(PROGRAM).with_file_name("examples").join("libhostload.so");
    assert!(library.exists(), "`cargo test -p tidegate` builds {}", library.display());
    let path = format!("plugins.hostload.path={}", library.display());
    let gateway = Options::new().set(&path).start(PROGRAM);
    let event: Value = member(&gateway, "machine").await.next().await;
    assert_eq!((&event["event_type"], &event["room"]), (&json!("load_measured"), &json!("machine")));
    assert!(event["data"]["load"].is_number(), "{event}");
}

#[test]
fn the_files_that_it_names_are_there() {
    for document in [
        "README.md",
        "certs/README.md",
        "plugins/README.md",
        "benches/README.md",
        "clients/js/README.md",
        "clients/python/README.md",
    ] {
        let file = root().join(document);
        let text = std::fs::read_to_string(&file).unwrap();
        let links = text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap());
        let named = text
            .split([' ', '=', '`', '\n', '(', ')'])
            .filter(|word| word.starts_with("config/") && word.ends_with(".toml") && document == "README.md");
        for link in links.filter(|link| !link.starts_with("http")).chain(named) {
            assert!(file.parent().unwrap().join(link).exists(), "{document} names {link}");
        }
    }
}

#[test]
fn the_options_that_it_names_are_in_the_help() {
    let mut seen = BTreeSet::new();
    for line in blocks("```sh").iter().flat_map(|block| block.lines()) {
        let words = words(line);
        let [program, command, rest @ ..] = words.as_slice() else { continue };
        if !program.ends_with("/tidegate") {
            continue;
        }
        let help = Command::new(PROGRAM).args(["help", command]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        for option in rest.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")), "{line}");
        }
        seen.insert(command.clone());
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        ["check", "completions", "listen", "load", "man", "plugin", "serve"]
    );
}

#[test]
fn the_checks_that_it_shows_are_ok() {
    let checks =
        blocks("```sh").into_iter().flat_map(str::lines).filter(|line| line.contains("tidegate check"));
    for line in checks {
        let output = Command::new(PROGRAM).args(&words(line)[1..]).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn make_has_the_targets_that_it_names() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let targets =
        blocks("```sh").into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("make "));
    for target in targets.map(|target| target.split(' ').next().unwrap()) {
        assert!(makefile.contains(&format!("\n{target}: ")), "make {target}");
    }
}
