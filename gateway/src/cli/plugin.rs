//! `tidegate plugin`: makes plugins, and looks at them without starting the gateway.
//!
//! Loading a library runs code of its own, so what looks at a file does it in a child process: this program again, with
//! the hidden flag `--inside`.

mod check;
mod command;
mod document;
mod inspect;
mod list;
mod new;

use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
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
    /// Write the reference of plugins in Markdown: events, routes, calls, settings
    Document(document::Arguments),
    /// Write a plugin to begin with, in Rust or C: it builds, is tested and loads as it is
    New(new::Arguments),
    /// A command of a plugin's own: NAME [COMMAND [ARGUMENT...]]
    #[command(external_subcommand)]
    Own(Vec<String>),
}

/// Does what the command line says.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match arguments {
        Arguments::Check(arguments) => check::run(arguments),
        Arguments::Inspect(arguments) => inspect::run(arguments),
        Arguments::List(arguments) => list::run(arguments),
        Arguments::Document(arguments) => document::run(arguments),
        Arguments::New(arguments) => new::run(arguments),
        Arguments::Own(words) => command::run(words),
    }
}

/// Runs `plugin what file arguments` in a child, and says so where the library ends or hangs it.
fn in_child(what: &str, file: &Path, arguments: &[&str]) -> ExitCode {
    let status = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args(["plugin", what, "--inside"]).arg(file).args(arguments);
        wait(command.spawn()?)
    });
    judge(status, file)
}

/// How it went, told where it went wrong.
fn judge(status: io::Result<Option<ExitStatus>>, file: &Path) -> ExitCode {
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

/// As [`in_child`], with what it prints, where it went well.
fn printed_by_child(what: &str, file: &Path, arguments: &[&str]) -> Option<String> {
    let output = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args(["plugin", what, "--inside"]).arg(file).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut out = child.stdout.take();
        // Read beside it: a child whose pipe is full waits for its reader.
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            out.as_mut().map(|out| out.read_to_string(&mut text)).transpose().map(|_| text)
        });
        let status = wait(child)?;
        let text = reader.join().unwrap_or_else(|_| Ok(String::new()))?;
        Ok((status, text))
    });
    let (status, text) = match output {
        Ok((status, text)) => (Ok(status), text),
        Err(error) => (Err(error), String::new()),
    };
    (judge(status, file) == ExitCode::SUCCESS).then_some(text)
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
