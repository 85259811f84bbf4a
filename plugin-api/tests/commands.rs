//! What an operator asks of a plugin at a terminal: in the place of a start, and whatever happens in it stays in it.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;
use tidegate_plugin::testing::{Ran, TestHost};
use tidegate_plugin::{Command, Error, Host, Manifest, Plugin, Result, Status};

/// A command that outlived its call.
static KEPT: Mutex<Option<Command>> = Mutex::new(None);

#[derive(Deserialize)]
struct Config {
    word: String,
}

struct Tool;

impl Plugin for Tool {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::from_json(
            r#"{"manifest": 1, "name": "tool", "commands": [
                {"name": "say"}, {"name": "fail"}, {"name": "panic"}, {"name": "keep"}, {"name": "spawn"}]}"#,
        )
    }

    async fn start(_: Host, _: Config) -> Result<Self> {
        Ok(Self)
    }

    async fn command(config: Config, command: Command) -> Result<()> {
        match command.name.as_str() {
            "say" => command.print(format_args!("{} {:?}", config.word, command.arguments)),
            "fail" => Err(Error::not_found("no such table")),
            "panic" => panic!("on purpose"),
            "spawn" => {
                tokio::task::spawn_local(std::future::pending::<()>());
                command.print_line("gone")
            }
            _ => {
                *KEPT.lock().unwrap() = Some(command);
                Ok(())
            }
        }
    }
}

fn ran(command: &str, arguments: &[&str]) -> Ran {
    TestHost::of::<Tool>().config(json!({ "word": "hm" })).command(command, arguments)
}

fn failed(text: &str) -> Ran {
    Ran { printed: String::new(), outcome: Err(text.to_owned()) }
}

#[test]
fn a_command_has_the_settings_and_what_was_typed() {
    assert_eq!(ran("say", &["a b", "é"]), Ran { printed: "hm [\"a b\", \"é\"]".to_owned(), outcome: Ok(()) });
    let refused = TestHost::of::<Tool>().command("say", &[]).outcome.unwrap_err();
    assert!(refused.contains("missing field `word`"), "{refused}");
}

#[test]
fn an_error_and_a_panic_are_told_to_the_operator() {
    assert_eq!(ran("fail", &[]), failed("NOT_FOUND: no such table"));
    assert_eq!(ran("panic", &[]), failed("INTERNAL: it panicked"));
}

#[test]
fn what_a_command_leaves_running_ends_with_it_and_can_say_nothing_more() {
    assert_eq!(ran("spawn", &[]).printed, "gone\n");
    assert_eq!(ran("keep", &[]).outcome, Ok(()));
    let kept = KEPT.lock().unwrap().take().unwrap();
    assert_eq!(kept.print("more").unwrap_err().status(), Status::CLOSED);
}

#[test]
fn a_plugin_without_commands_says_so() {
    struct None;
    impl Plugin for None {
        type Config = serde::de::IgnoredAny;
        fn manifest() -> Manifest {
            Manifest::from_json(r#"{"manifest": 1, "name": "none", "commands": [{"name": "do"}]}"#)
        }
        async fn start(_: Host, _: Self::Config) -> Result<Self> {
            Ok(Self)
        }
    }
    let ran = TestHost::of::<None>().command("do", &[]);
    assert_eq!(ran, failed("UNSUPPORTED: the command 'do' is not implemented"));
}
