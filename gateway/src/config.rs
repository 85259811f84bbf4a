//! The configuration, composed from the settings of each room of the house.
//!
//! It comes in layers: built-in defaults, a file, environment variables, the command line; each is laid over those
//! before it. Then it is read into its types and judged as a whole. Every error is reported at once, with the place
//! where the setting was given.

use std::path::PathBuf;

mod dialects;
mod extract;
mod file;
mod finding;
mod given;
mod judge;
mod key;
mod layers;
mod machine;
pub mod model;
mod print;
mod renewal;
mod secret;
mod trail;

pub use finding::{Finding, Report, Severity};
pub use key::Key;
pub use machine::too_few_files;
pub use model::{Config, Environment, Unsafe};
pub use print::{schema, shown_url, to_toml};
pub use renewal::Renewal;
pub use secret::{Secret, Weakness, weakness};
pub use trail::Place;

use finding::Findings;
use layers::Layers;

/// What an entry of a list goes by: the first of these that it has.
const NAMED_BY: [&str; 3] = ["name", "path", "prefix"];

/// What a configuration is made from, besides what is built in; later ones win.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The file: YAML where its name ends so, else TOML.
    pub file: Option<PathBuf>,
    /// Environment variables; those whose names start with `TIDEGATE_` count.
    pub variables: Vec<(String, String)>,
    /// Settings as `KEY=VALUE`.
    pub set: Vec<String>,
    /// Another address for the first listener.
    pub listen: Option<String>,
    /// Another directory for all stores.
    pub data: Option<PathBuf>,
}

impl Sources {
    /// The variables of this process, and nothing else yet.
    pub fn from_environment() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        Self { variables, ..Self::default() }
    }
}

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The effective settings.
    pub config: Config,
    /// What is legal and worth a look.
    pub warnings: Vec<Finding>,
}

/// Reads a configuration and judges it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(sources: &Sources) -> Result<Loaded, Report> {
    let layers = Layers::read(sources).map_err(Report)?;
    let mut findings = Findings::new(&layers.trail);
    let config = layers.config(&mut findings);
    judge::settings(&config, &mut findings);
    let findings = findings.finish();
    if findings.iter().any(Finding::is_error) {
        return Err(Report(findings));
    }
    Ok(Loaded { config, warnings: findings })
}

/// Something wrong that is found beyond the configuration's own types: with which setting, and what.
pub type Complaint = (Key, String);

/// Judges a configuration on this machine, too: whether files are there, ports free and limits within the system's, and
/// what `beyond` finds wrong in one without errors. It starts nothing and changes nothing.
pub fn check(sources: &Sources, beyond: impl FnOnce(&Config) -> Vec<Complaint>) -> Vec<Finding> {
    let layers = match Layers::read(sources) {
        Ok(layers) => layers,
        Err(findings) => return findings,
    };
    let mut findings = Findings::new(&layers.trail);
    let config = layers.config(&mut findings);
    judge::settings(&config, &mut findings);
    machine::fits(&config, &mut findings);
    if !findings.has_errors() {
        beyond(&config).into_iter().for_each(|(key, wrong)| findings.error(key, wrong));
    }
    findings.finish()
}
