//! `tidegate plugin new`: what it writes builds, passes its tests, is found right, and works in a gateway, as it is.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use testkit::{Gateway, Options, Redis};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

fn new(arguments: &[&str], folder: &Path) -> Output {
    Command::new(PROGRAM)
        .args(["plugin", "new", "--path"])
        .arg(folder)
        .args(arguments)
        .current_dir("/")
        .output()
        .unwrap()
}

/// All that was said, where it went well.
fn said(output: &Output) -> String {
    let text = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    said(&output)
}

/// Has a gateway with the plugin greet somebody, and looks who hears of it.
async fn greets(gateway: &Gateway, name: &str) {
    let word = name.replace('-', "_");
    let (mut room, mut caller) = (gateway.connect("/ws").await, gateway.connect("/ws").await);
    for socket in [&mut room, &mut caller] {
        assert_eq!(socket.next().await["event_type"], "connected");
    }
    room.ask(&json!({ "action": "join", "room": name })).await;
    let call = json!({ "action": format!("{word}_greet"), "data": { "name": "Ada" } });
    let answer = caller.ask(&call).await;
    assert_eq!((&answer["success"], &answer["data"]), (&json!(true), &json!("Hello, Ada!")), "{answer}");
    let event = room.next().await;
    assert_eq!(event["event_type"], format!("{word}_greeted"));
    assert_eq!(event["data"], json!({ "name": "Ada", "count": 1 }));
    let refused = caller.ask(&json!({ "action": format!("{word}_greet"), "data": { "name": 7 } })).await;
    assert!(refused["message"].as_str().unwrap().contains("name: 7 is not of type \"string\""), "{refused}");
    let count = gateway.get(&format!("/{name}/count")).await;
    assert_eq!((count.status, count.json()), (200, json!({ "count": 1 })));
}

/// A gateway as the plugin's own `tidegate.toml` says, but for where its library is.
fn serve(folder: &Path, libraries: &Path) -> Gateway {
    let directory = format!("plugins.directory={:?}", libraries.display());
    Options::new().config(folder.join("tidegate.toml")).set(&directory).start(PROGRAM)
}

/// Cargo, without a network, for the plugin in that folder.
fn cargo(command: &str, plugin: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg(command).arg("--offline").current_dir(plugin).env("CARGO_TARGET_DIR", target);
    cargo
}

#[tokio::test]
async fn a_plugin_in_rust_works_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let text = said(&new(&["try-rust"], folder.path()));
    assert!(text.contains("plugin check target/debug/libtidegate_try_rust.so"), "{text}");
    let plugin = folder.path().join("try-rust");
    // What it depends on is compiled once for all runs of this test, and comes with the workspace: no network is needed.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-new");
    let tested = run(&mut cargo("test", &plugin, &target));
    assert!(tested.contains("2 passed"), "{tested}");
    run(&mut cargo("build", &plugin, &target));
    let library = target.join("debug/libtidegate_try_rust.so");
    let checked = run(Command::new(PROGRAM).args(["plugin", "check"]).arg(&library));
    assert_eq!(checked.trim_end(), format!("ok: {}", library.display()));
    greets(&serve(&plugin, &target.join("debug")), "try-rust").await;
}

/// The blocks of a language in the guide's chapter "A source of events", in order.
fn chapter(language: &str) -> Vec<&'static str> {
    let guide = include_str!("../../plugin-api/README.md");
    let chapter = guide.split("\n## ").find(|chapter| chapter.starts_with("A source of events\n")).unwrap();
    let fence = format!("\n```{language}\n");
    let blocks: Vec<_> = chapter.match_indices(&fence).map(|(at, _)| &chapter[at + fence.len()..]).collect();
    blocks.into_iter().map(|block| &block[..=block.find("\n```").unwrap()]).collect()
}

/// As somebody makes it who follows the guide; its tests run with those of the crate that the guide is of.
#[tokio::test]
async fn the_guides_source_of_events_works_as_it_is_written() {
    let (folder, redis) = (tempfile::tempdir().unwrap(), Redis::start());
    said(&new(&["orders"], folder.path()));
    let plugin = folder.path().join("orders");
    let (rust, toml) = (chapter("rust,ignore"), chapter("toml"));
    let last = rust.iter().position(|block| block.ends_with("export!(Orders);\n")).unwrap();
    let manifest = std::fs::read_to_string(plugin.join("Cargo.toml")).unwrap();
    let dependencies = toml[0].split("[dev-dependencies").next().unwrap();
    for (file, text) in [
        ("Cargo.toml", format!("{manifest}\n{dependencies}")),
        ("plugin.json", chapter("json")[0].to_owned()),
        ("src/lib.rs", rust[..=last].join("\n")),
        ("tidegate.toml", toml[1].replace("6379", &redis.port().to_string())),
    ] {
        std::fs::write(plugin.join(file), text).unwrap();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-new");
    run(cargo("build", &plugin, &target).arg("--lib"));
    let gateway = serve(&plugin, &target.join("debug"));
    let mut room = gateway.connect("/ws").await;
    assert_eq!(room.next().await["event_type"], "connected");
    room.ask(&json!({ "action": "join", "room": "orders" })).await;
    let order = json!({ "order_id": "o1", "total": 12.5 });
    redis.command(&["XADD", "orders", "*", "order", &order.to_string()]);
    let event = room.next().await;
    assert_eq!((&event["event_type"], &event["data"]), (&json!("order_placed"), &order), "{event}");
}

#[tokio::test]
async fn a_plugin_in_c_works_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    said(&new(&["try-c", "--lang", "c"], folder.path()));
    let plugin = folder.path().join("try-c");
    let make = |target: &str| {
        // Called from a make of its own it is none of it: what that one was told does not hold here.
        let mut make = Command::new("make");
        make.env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .arg(target)
            .arg(format!("TIDEGATE={PROGRAM}"))
            .current_dir(&plugin);
        run(&mut make)
    };
    make("all");
    assert!(make("test").ends_with("ok\n"));
    assert!(make("check").contains("\nok: build/libtidegate_try_c.so"));
    greets(&serve(&plugin, &plugin.join("build")), "try-c").await;
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("hello/plugin.json");
    std::fs::create_dir(there.parent().unwrap()).unwrap();
    std::fs::write(&there, "mine").unwrap();
    for language in ["rust", "c"] {
        let output = new(&["hello", "--lang", language], folder.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("hello is there already"));
    }
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(there.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_name_that_no_plugin_can_have_is_refused_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(65);
    for name in ["Hello", "a b", "1st", "-x", "é", "../up", "", "plugin", "directory", &long] {
        let output = new(&["--", name], folder.path());
        assert_ne!(output.status.code(), Some(0), "{name}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("name"), "{name}: {text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_crate_that_it_depends_on_is_found_or_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let crate_of = |name: &str| {
        let manifest = std::fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        manifest["dependencies"]["tidegate-plugin"]["path"].as_str().unwrap().to_owned()
    };
    let api = checkout.join("plugin-api").canonicalize().unwrap();
    said(&new(&["found"], folder.path()));
    said(&new(&["asked", "--api", api.to_str().unwrap()], folder.path()));
    said(&new(&["checkout", "--api", checkout.to_str().unwrap()], folder.path()));
    for name in ["found", "asked", "checkout"] {
        assert_eq!(Path::new(&crate_of(name)), api);
    }
    let output = new(&["nowhere", "--api", folder.path().to_str().unwrap()], folder.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--api wants the folder `plugin-api` of a checkout"), "{text}");
    assert!(!folder.path().join("nowhere").exists());
}
