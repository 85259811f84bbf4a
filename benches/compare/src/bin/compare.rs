//! `compare`: the gateway and other servers under one load, in one go.

use std::process::ExitCode;

use clap::Parser;
use tidegate_compare::command::Command;

fn main() -> ExitCode {
    Command::parse().run()
}
