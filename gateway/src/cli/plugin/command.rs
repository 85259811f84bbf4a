//! `tidegate plugin NAME COMMAND`: a command of a plugin's own. The library is loaded by this process, which does nothing else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;
use tidegate::config::{self, Config, Loaded, model};
use tidegate::plugin::PluginError;
use tidegate::plugin::command::{self, Asked, CommandError};
use tidegate::web::CommandSpec;

use super::super::{Settings, UNUSABLE, interrupt};

/// What the command line says.
struct Line {
    instance: String,
    settings: Settings,
    /// The command; none where it asks which there are.
    command: Option<String>,
    arguments: Vec<String>,
}

/// A plugin of the configuration, or one that it does not mention.
struct Found {
    library: PathBuf,
    sha256: Option<String>,
    settings: Value,
}

pub(super) fn run(words: &[String]) -> ExitCode {
    let done = Line::read(words).and_then(|line| {
        let found = find(&line)?;
        match &line.command {
            Some(command) => carry_out(&line, command, &found),
            None => show(&line.instance, &found),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, text)) => {
            eprintln!("{text}");
            ExitCode::from(code)
        }
    }
}

/// What to answer, and to say on standard error.
type Failure = (u8, String);

fn unusable(text: impl std::fmt::Display) -> Failure {
    (UNUSABLE, format!("error: {text}"))
}

impl Line {
    /// Our own options may stand anywhere before `--`; the rest is the plugin's.
    fn read(words: &[String]) -> Result<Self, Failure> {
        let mut settings = Settings { config: None, set: Vec::new() };
        let (mut rest, mut words) = (Vec::new(), words.iter().cloned());
        let mut help = false;
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let mut value = || {
                let missing = || unusable(format_args!("{option}: a value is missing"));
                value.clone().or_else(|| words.next()).ok_or_else(missing)
            };
            match option {
                "-c" | "--config" => settings.config = Some(value()?.into()),
                "-s" | "--set" => settings.set.push(value()?),
                "-h" | "--help" => help = true,
                "--" => rest.extend(words.by_ref()),
                _ => rest.push(word),
            }
        }
        let mut rest = rest.into_iter();
        let instance = rest.next().ok_or_else(|| unusable("the name of a plugin is missing"))?;
        let command = rest.next().filter(|_| !help);
        Ok(Self { instance, settings, command, arguments: rest.collect() })
    }
}

/// The library of an instance, and its settings.
fn find(line: &Line) -> Result<Found, Failure> {
    let loaded = config::load(&line.settings.sources());
    let Loaded { config, .. } = loaded.map_err(|report| (UNUSABLE, report.to_string()))?;
    let unmentioned = model::plugin::Instance::default();
    let instance = config.plugins.instances.get(&line.instance).unwrap_or(&unmentioned);
    let candidates = config.plugins.candidates(&line.instance, instance);
    let Some(library) = candidates.iter().find(|path| path.exists()) else {
        return Err(unusable(missing(&line.instance, &config, &candidates)));
    };
    let settings = Value::from(instance.settings.clone());
    Ok(Found { library: library.clone(), sha256: instance.sha256.clone(), settings })
}

fn missing(name: &str, config: &Config, candidates: &[PathBuf]) -> String {
    let known: Vec<_> = config.plugins.instances.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let missing = PluginError::Missing { name: name.to_owned(), candidates: candidates.to_vec() };
    format!("{missing} (the configuration has: {known})")
}

fn carry_out(line: &Line, command: &str, found: &Found) -> Result<(), Failure> {
    let system = |error: std::io::Error| (1, format!("error: {error}"));
    start_log();
    let interrupted =
        interrupt::hear("the command is told to end; once more ends it at once").map_err(system)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system)?;
    let _within = runtime.enter();
    let asked = Asked {
        instance: &line.instance,
        config: &found.settings,
        command,
        arguments: &line.arguments,
        interrupted: &interrupted,
    };
    command::run(&found.library, found.sha256.as_deref(), asked)
        .map_err(|error| told(line, &found.library, error))
}

/// What the plugin warns of goes to standard error: standard output is the command's.
fn start_log() {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().with_target(false);
    log.with_max_level(tracing::Level::WARN).init();
}

/// The exit code of a failure, and its text.
fn told(line: &Line, library: &Path, error: CommandError) -> Failure {
    let instance = &line.instance;
    match error {
        CommandError::Load(error) => (1, format!("error: {error}")),
        CommandError::Unknown(command, known) => {
            unusable(format_args!("plugin '{instance}' has no command '{command}'\n{}", list(&known)))
        }
        CommandError::Config(_) => unusable(format_args!("plugin '{instance}': {error}")),
        CommandError::Arguments(text) => {
            let known = command::list(library, None).unwrap_or_default();
            let asked = known.into_iter().filter(|known| Some(&known.name) == line.command.as_ref());
            let synopsis: String = asked.map(|known| known.synopsis()).collect();
            unusable(format_args!("{text}\nusage: tidegate plugin {instance} {synopsis}"))
        }
        CommandError::Failed(text) => (1, format!("error: plugin '{instance}': {text}")),
    }
}

fn show(instance: &str, found: &Found) -> Result<(), Failure> {
    let commands = command::list(&found.library, found.sha256.as_deref());
    let commands = commands.map_err(|error| (1, format!("error: {error}")))?;
    println!(
        "tidegate plugin {instance} [--config FILE] [--set KEY=VALUE] COMMAND [ARGUMENT...]\n{}",
        list(&commands)
    );
    Ok(())
}

fn list(commands: &[CommandSpec]) -> String {
    if commands.is_empty() {
        return "It has no commands.".to_owned();
    }
    let lines = commands.iter().map(|command| format!("  {}", command.line()));
    std::iter::once("Its commands:".to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}
