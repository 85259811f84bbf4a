//! `tidegate plugin`: makes plugins, and looks at them without starting the gateway.
//!
//! Loading a library runs code of its own, so what looks at a file does it in a child process: this program again, with
//! the hidden flag `--inside`.

mod check;
mod inspect;
mod list;
mod new;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use clap::Subcommand;

/// How long a library may take to be looked at.
const PATIENCE: Duration = Duration::from_secs(90);

/// What to do with plugins.
#[derive(Subcommand)]
pub(super) enum Arguments {
    /// Judge a library: load it, start it, stop it, and say what is wrong
    Check(check::Arguments),
    /// Show what a library says of itself
    Inspect(inspect::Arguments),
    /// Show which libraries a configuration would load
    List(list::Arguments),
    /// Write a plugin to begin with, in Rust or C: it builds, is tested and loads as it is
    New(new::Arguments),
}

/// Does what the command line says.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match arguments {
        Arguments::Check(arguments) => check::run(arguments),
        Arguments::Inspect(arguments) => inspect::run(arguments),
        Arguments::List(arguments) => list::run(arguments),
        Arguments::New(arguments) => new::run(arguments),
    }
}

/// Runs `plugin what file arguments` in a child, and says so where the library ends or hangs it.
fn in_child(what: &str, file: &Path, arguments: &[&str]) -> ExitCode {
    let status = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args(["plugin", what, "--inside"]).arg(file).args(arguments);
        wait(command.spawn()?)
    });
    match status {
        Ok(Some(status)) => verdict(status, file),
        Ok(None) => {
            eprintln!("error: {}: it hangs: nothing came of it in {PATIENCE:?}", file.display());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: the child process: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The child's end; none where it had to be killed.
fn wait(mut child: Child) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn verdict(status: ExitStatus, file: &Path) -> ExitCode {
    match (status.code(), status.signal()) {
        (Some(0), _) => ExitCode::SUCCESS,
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            eprintln!("error: {}: it ended the process that loaded it: signal {signal}", file.display());
            ExitCode::FAILURE
        }
    }
}
