//! `tidegate load` says what is so: against the gateway, and against servers that lose, double and tear.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "load/account.rs"]
mod account;
#[path = "load/ends.rs"]
mod ends;
#[path = "load/faults.rs"]
mod faults;
#[path = "load/options.rs"]
mod options;

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use testkit::{Gateway, Options};

/// Short, and nothing is left out.
const SHORT: [&str; 5] = ["--duration", "300ms", "--quiet", "--warm-up", "100ms"];

fn gateway(settings: &[&str]) -> Gateway {
    let options = settings.iter().fold(Options::new(), |options, setting| options.set(setting));
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}

/// Runs it against a URL.
fn load(url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("load").arg(url).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The same for a short time, unless another is given, and its report.
#[track_caller]
fn report(url: &str, arguments: &[&str]) -> Value {
    let short = if arguments.contains(&"--duration") { &SHORT[2..] } else { &SHORT[..] };
    let output = load(url, &[short, arguments, &["--json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn url(gateway: &Gateway) -> String {
    format!("ws://{}", gateway.address())
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
