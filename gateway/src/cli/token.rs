//! `tidegate token`: tokens for development and tests, and keys of programs.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Subcommand;
use tidegate::config::{self, Config};

use super::{Settings, UNUSABLE};

mod inspect;
mod key;
mod mint;
mod verify;

/// What to do.
#[derive(Subcommand)]
pub(super) enum Arguments {
    /// Make a token for a profile, with its secret or with a private key
    Mint(Box<mint::Arguments>),
    /// Say who a token is by a profile, or why it does not hold
    Verify(verify::Arguments),
    /// Show what a token says, whether or not it holds
    Inspect(inspect::Arguments),
    /// Make a key for a program, and the setting that lets it in
    Key(key::Arguments),
}

/// Does it.
pub(super) fn run(arguments: Arguments) -> ExitCode {
    let done = match arguments {
        Arguments::Mint(arguments) => mint::run(&arguments),
        Arguments::Verify(arguments) => verify::run(&arguments),
        Arguments::Inspect(arguments) => inspect::run(&arguments),
        Arguments::Key(arguments) => key::run(&arguments),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("error: {}", failure.message);
        failure.code
    })
}

/// Why it was not done.
struct Failure {
    message: String,
    code: ExitCode,
}

type Done = Result<ExitCode, Failure>;

impl Failure {
    /// The configuration or the command line does not allow it.
    fn unusable(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: ExitCode::from(UNUSABLE) }
    }

    /// The token does not hold, or is none.
    fn no(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: ExitCode::FAILURE }
    }
}

fn load(settings: &Settings) -> Result<Config, Failure> {
    config::load(&settings.sources()).map(|loaded| loaded.config).map_err(Failure::unusable)
}

/// The token of the command line; `-` is the one on standard input, which no list of processes shows.
fn token(given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.trim().to_owned());
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).map_err(Failure::unusable)?;
    Ok(text.trim().to_owned())
}

fn print(text: &str) -> Done {
    let mut out = io::stdout().lock();
    // The reader has gone (`| head`): nobody is left to be told.
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
    Ok(ExitCode::SUCCESS)
}
