//! `tidegate plugin document`: the reference of plugins, in Markdown, made of what they declare.

mod shape;
mod tables;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tidegate::plugin::{Manifest, ManifestError};

/// The lines of a file between which the reference stands.
const BEGIN: &str = "<!-- tidegate plugin document -->";
const END: &str = "<!-- end of tidegate plugin document -->";

/// The options of `plugin document`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct Arguments {
    /// The libraries
    #[arg(value_name = "FILE.so", required = true)]
    files: Vec<PathBuf>,
    /// Write it into this file, in the place of what stands between the two lines that mark it, instead of printing it
    #[arg(long, value_name = "FILE.md")]
    into: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tidegate plugin document target/debug/libtidegate_hello.so
  tidegate plugin document target/release/*.so --into README.md

It tells of events, routes, calls and settings what the manifests say. In a file that it is written into, the place is
between the lines <!-- tidegate plugin document --> and <!-- end of tidegate plugin document -->.";

/// Why there is no reference.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}: {1}")]
    Manifest(PathBuf, ManifestError),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("{0}: it has no lines `{BEGIN}` and `{END}`, one after the other")]
    NoPlace(PathBuf),
    #[error(transparent)]
    System(#[from] io::Error),
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut manifests = Vec::new();
    for file in &arguments.files {
        // The library is loaded by a child, as it runs code of its own; it says itself what is wrong.
        let Some(text) = super::inspect::manifest_of(file) else { return ExitCode::FAILURE };
        match Manifest::parse(&text) {
            Ok(manifest) => manifests.push(manifest),
            Err(error) => return failed(&Failure::Manifest(file.clone(), error)),
        }
    }
    manifests.sort_by(|a, b| a.name.cmp(&b.name));
    let written = match &arguments.into {
        Some(file) => put(file, &tables::reference(&manifests)),
        None => writeln!(io::stdout(), "{}", tables::reference(&manifests)).map_err(Failure::from),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has gone (`| head`): nobody is left to be told.
        Err(Failure::System(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    eprintln!("error: {failure}");
    ExitCode::FAILURE
}

/// Puts the reference at its place in a file, which is written whole or not at all.
fn put(file: &Path, reference: &str) -> Result<(), Failure> {
    let io = |error| Failure::File(file.to_owned(), error);
    let text = fs::read_to_string(file).map_err(io)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| Failure::NoPlace(file.to_owned()))?;
    let new = file.with_extension("md.new");
    let text = format!("{before}{BEGIN}\n{reference}\n{END}{after}");
    fs::write(&new, text).and_then(|()| fs::rename(&new, file)).map_err(io)
}
