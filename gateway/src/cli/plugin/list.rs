//! `tidegate plugin list`: which libraries a configuration would load. Nothing is loaded.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tidegate::config::{self, Config, Loaded};

use super::super::{Settings, UNUSABLE};

/// The options of `plugin list`.
#[derive(Args)]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let config = match config::load(&arguments.settings.sources()) {
        Ok(Loaded { config, .. }) => config,
        Err(report) => {
            eprintln!("{report}");
            return ExitCode::from(UNUSABLE);
        }
    };
    let plugins = plugins(&config);
    let shown = if arguments.json { format!("{:#}", Value::from(plugins.clone())) } else { table(&plugins) };
    if writeln!(io::stdout(), "{shown}").is_err() {
        return ExitCode::FAILURE; // the reader has gone
    }
    let missing = plugins.iter().any(|plugin| plugin["enabled"] == true && plugin["library"].is_null());
    if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn plugins(config: &Config) -> Vec<Value> {
    let instances = config.plugins.instances.iter();
    instances
        .map(|(name, instance)| {
            let candidates = config.plugins.candidates(name, instance);
            json!({
                "name": name,
                "plugin": instance.plugin.as_deref().unwrap_or(name),
                "enabled": instance.enabled,
                "library": candidates.iter().find(|path| path.exists()),
                "looked_for": candidates,
                "sha256": instance.sha256,
            })
        })
        .collect()
}

fn table(plugins: &[Value]) -> String {
    if plugins.is_empty() {
        return "no plugins are configured".to_owned();
    }
    let line = |plugin: &Value| {
        let text = |key: &str| plugin[key].as_str().unwrap_or_default().to_owned();
        let enabled = if plugin["enabled"] == true { "enabled" } else { "disabled" };
        let library = match plugin["library"].as_str() {
            Some(path) => path.to_owned(),
            None => {
                let tried = plugin["looked_for"].as_array().into_iter().flatten().filter_map(Value::as_str);
                format!("not there: {}", tried.collect::<Vec<_>>().join(", "))
            }
        };
        format!("{:20} {:20} {enabled:10} {library}", text("name"), text("plugin"))
    };
    plugins.iter().map(line).collect::<Vec<_>>().join("\n")
}
