//! A command of an operator's: carried out by an instance that is created and never started, in a process that serves
//! nobody. In the caller's process, for as long as the plugin takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use tidegate_plugin::abi::Status;

use super::alone::Alone;
use super::hooks::Hooks;
use super::library::{Library, LoadError};
use super::shared::Shared;
use crate::web::CommandSpec;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The instance, as the configuration calls it.
    pub instance: &'a str,
    /// Its settings.
    pub config: &'a Value,
    /// One of the manifest's commands.
    pub command: &'a str,
    /// What was typed behind it.
    pub arguments: &'a [String],
    /// Set once the operator wants it to end.
    pub interrupted: &'a AtomicBool,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The library does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The settings do not fit its schema.
    #[error("its configuration does not fit: {}", .0.join("; "))]
    Config(Vec<String>),
    /// It has no command of that name; those that it has.
    #[error("it has no command '{0}'")]
    Unknown(String, Vec<CommandSpec>),
    /// The arguments are wrong.
    #[error("{0}")]
    Arguments(String),
    /// It failed, by its own account.
    #[error("{0}")]
    Failed(String),
}

/// The commands of the library at `path`.
///
/// # Errors
/// [`CommandError::Load`].
pub fn list(path: &Path, pin: Option<&str>) -> Result<Vec<CommandSpec>, CommandError> {
    Ok(Library::load(path, pin)?.manifest.commands)
}

/// Carries out what is asked by the library at `path`, on this thread. Within a runtime.
///
/// # Errors
/// [`CommandError`].
pub fn run(path: &Path, pin: Option<&str>, asked: Asked<'_>) -> Result<(), CommandError> {
    let library = Library::load(path, pin)?;
    let manifest = &library.manifest;
    let Some(index) = manifest.commands.iter().position(|command| command.name == asked.command) else {
        return Err(CommandError::Unknown(asked.command.to_owned(), library.manifest.commands));
    };
    let wrong = manifest.check_config(asked.config);
    if !wrong.is_empty() {
        return Err(CommandError::Config(wrong));
    }
    let alone = Alone::new().map_err(CommandError::Failed)?;
    let shared = Shared::new(
        Arc::from(asked.instance),
        manifest.version.clone(),
        Vec::new(),
        alone.services.clone(),
        0, // nothing is published, so nothing is given away
        Arc::default(),
        Arc::default(),
    );
    let hooks = Hooks::create(&library, &shared, &asked.config.to_string()).map_err(CommandError::Failed)?;
    let done = hooks.command(index as u32, &asked);
    hooks.destroy();
    done.map_err(|(status, text)| match status {
        Status::INVALID => CommandError::Arguments(text),
        _ => CommandError::Failed(text),
    })
}
