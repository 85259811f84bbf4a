//! The landed counts: `benches/counts.toml`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use serde::Deserialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.toml");

const HEAD: &str = "\
# Instructions of one round of each stop of the hot path, which `make counts` holds those of now against.
# Written by `make counts-accept`, which says in the same commit that a change of them is meant.
";

/// Why the counts could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file.
    #[error("{FILE}: {0}")]
    File(#[from] io::Error),
    /// What it says.
    #[error("{FILE}: {0}")]
    Text(#[from] toml::de::Error),
    /// A tool whose version counts.
    #[error("cannot ask {0} for its version: {1}")]
    Tool(&'static str, io::Error),
}

/// Instructions by stop, and what they depend on beside the code.
#[derive(Debug, Deserialize)]
pub(crate) struct Landed {
    /// The versions of the compiler, of valgrind and of the C library.
    pub(crate) tools: BTreeMap<String, String>,
    /// Of one round.
    pub(crate) instructions: BTreeMap<String, u64>,
}

impl Landed {
    pub(crate) fn read() -> Result<Self, Error> {
        Ok(toml::from_str(&fs::read_to_string(FILE)?)?)
    }

    /// Counts of this moment.
    pub(crate) fn now(counts: Vec<(String, u64)>) -> Result<Self, Error> {
        let tools = [
            ("rustc", "rustc", "--version"),
            ("valgrind", "valgrind", "--version"),
            ("libc", "getconf", "GNU_LIBC_VERSION"),
        ];
        let ask = |(name, tool, argument): (&str, &'static str, &str)| {
            let output =
                Command::new(tool).arg(argument).output().map_err(|error| Error::Tool(tool, error))?;
            Ok((name.to_owned(), String::from_utf8_lossy(&output.stdout).trim().to_owned()))
        };
        let tools = tools.into_iter().map(ask).collect::<Result<_, Error>>()?;
        Ok(Self { tools, instructions: counts.into_iter().collect() })
    }

    pub(crate) fn write(&self) -> Result<(), Error> {
        let mut text = format!("{HEAD}\n[tools]\n");
        for (name, version) in &self.tools {
            let _never_fails = writeln!(text, "{name} = {version:?}");
        }
        text.push_str("\n[instructions]\n");
        for (stop, count) in &self.instructions {
            let _never_fails = writeln!(text, "{stop:?} = {count}");
        }
        Ok(fs::write(Path::new(FILE), text)?)
    }
}
