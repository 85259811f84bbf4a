//! `tidegate plugin inspect`: what a library says of itself.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tidegate::plugin::Library;
use tidegate::web::CommandSpec;

/// The options of `plugin inspect`.
#[derive(Args)]
pub(in super::super) struct Arguments {
    /// The library
    #[arg(value_name = "FILE.so")]
    file: PathBuf,
    /// Print it as JSON, with the whole manifest
    #[arg(long)]
    json: bool,
    /// Loads the library in this process
    #[arg(long, hide = true)]
    inside: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if !arguments.inside {
        let json: &[&str] = if arguments.json { &["--json"] } else { &[] };
        return super::in_child("inspect", &arguments.file, json);
    }
    match Library::load(&arguments.file, None) {
        Ok(library) => {
            let shown = if arguments.json { whole(&library) } else { summary(&library) };
            // The reader has gone (`| head`): nobody is left to be told.
            writeln!(io::stdout(), "{shown}").map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The manifest of a library, which is loaded in a child; none where that went wrong, which has been told.
pub(super) fn manifest_of(file: &Path) -> Option<String> {
    let shown = super::printed_by_child("inspect", file, &["--json"])?;
    let shown: Value = serde_json::from_str(&shown).ok()?;
    Some(shown["manifest"].to_string())
}

fn whole(library: &Library) -> String {
    let manifest: Value = serde_json::from_str(library.manifest_text).unwrap_or_default();
    let shown = json!({
        "file": library.path,
        "sha256": library.sha256,
        "abi": library.abi(),
        "manifest": manifest,
    });
    format!("{shown:#}")
}

fn summary(library: &Library) -> String {
    let manifest = &library.manifest;
    let mut lines = vec![
        format!("{} {}  (ABI {})", manifest.name, manifest.version, library.abi()),
        manifest.description.clone(),
        format!("sha256  {}", library.sha256),
    ];
    let mut add = |title: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            lines.push(format!("{title}:"));
            lines.extend(entries.into_iter().map(|entry| format!("  {entry}")));
        }
    };
    let scope = |scope: &Option<String>| scope.as_ref().map(|s| format!("  (scope {s})")).unwrap_or_default();
    add("needs", manifest.needs.clone());
    add("reads what these share", manifest.reads.clone());
    add("publishes", manifest.events.iter().map(|event| event.kind.clone()).collect());
    let routes = manifest.routes.iter();
    add("routes", routes.map(|r| format!("{:6} {}{}", r.method, r.path, scope(&r.scope))).collect());
    let calls = manifest.calls.iter();
    add("calls", calls.map(|call| format!("{}{}", call.name, scope(&call.scope))).collect());
    add("commands", manifest.commands.iter().map(CommandSpec::line).collect());
    add("follows", manifest.follows.clone());
    let settings = manifest.config.as_ref().and_then(|schema| schema["properties"].as_object());
    let settings = settings.into_iter().flatten();
    add("settings", settings.map(|(name, schema)| setting(name, schema)).collect());
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn setting(name: &str, schema: &Value) -> String {
    let text = |key: &str| schema[key].as_str().map(ToOwned::to_owned);
    let kind = text("type").map(|kind| format!(": {kind}")).unwrap_or_default();
    let default = schema.get("default").map(|value| format!(" = {value}")).unwrap_or_default();
    let why = text("description").map(|why| format!("  {why}")).unwrap_or_default();
    format!("{name}{kind}{default}{why}")
}
