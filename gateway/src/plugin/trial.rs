//! A trial run of one plugin, for `tidegate plugin check`: loaded, configured, started, asked how it is, and stopped,
//! against a real hub and a store of its own. In the caller's process: who does not trust a file runs it in a child.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::Value;

use super::alone::Alone;
use super::entry::Entry;
use super::shared::{Shared, State};
use super::{Library, Manifest, Plugins, Settings, Validate, health};
use crate::web::{HealthStatus, Routes};

/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The plugin would not work, or not well.
    Error(String),
    /// It works; this may not be what was meant.
    Warning(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) => write!(f, "error: {text}"),
            Self::Warning(text) => write!(f, "warning: {text}"),
        }
    }
}

/// What the gateway itself keeps from plugins.
#[derive(Clone, Debug)]
pub struct Core {
    /// Whether a path is the gateway's own.
    pub routes: fn(&str) -> bool,
    /// Names that no call may have.
    pub calls: Vec<&'static str>,
}

/// Tries the library at `path` with these settings.
pub async fn run(path: &Path, config: Value, core: Core) -> Vec<Finding> {
    let library = match Library::load(path, None) {
        Ok(library) => library,
        Err(error) => return vec![Finding::Error(error.to_string())],
    };
    let mut findings = judge(&library, &config);
    if findings.iter().any(|finding| matches!(finding, Finding::Error(_))) {
        return findings;
    }
    match live(&library, path, config, core).await {
        Ok(lived) => findings.extend(lived),
        Err(error) => findings.push(Finding::Error(error)),
    }
    findings
}

/// Makes each of `settings`' plugins and asks what it declares, as a start does, and starts none. The names of those that
/// would not start, and why. `routes` and `reserved` as for [`Plugins::start`]. On this thread, within a runtime.
///
/// # Errors
/// Why none can be made.
pub fn rehearse(
    settings: Vec<Settings>,
    routes: &Arc<Routes>,
    reserved: &[&'static str],
) -> Result<Vec<(String, String)>, String> {
    let alone = Alone::new()?;
    let rehearsed = settings.into_iter().filter_map(|settings| {
        let name = settings.name.clone();
        let entry = Entry::load(settings, &alone.services, routes, reserved);
        let done = entry.map_err(|error| error.to_string()).and_then(|entry| Arc::new(entry).rehearse());
        Some((name, done.err()?))
    });
    Ok(rehearsed.collect())
}

/// What can be said before it runs.
fn judge(library: &Library, config: &Value) -> Vec<Finding> {
    let manifest = &library.manifest;
    let unknown = Manifest::unknown_keys(library.manifest_text).into_iter();
    let unknown =
        unknown.map(|key| Finding::Warning(format!("its manifest has the key '{key}', which is ignored")));
    let wrong = manifest.check_config(config).into_iter();
    let wrong = wrong.map(|flaw| Finding::Error(format!("the configuration does not fit: {flaw}")));
    let unmentioned = manifest.unmentioned(config).into_iter();
    let unmentioned =
        unmentioned.map(|key| Finding::Warning(format!("its schema does not mention the setting '{key}'")));
    unknown.chain(wrong).chain(unmentioned).collect()
}

async fn live(library: &Library, path: &Path, config: Value, core: Core) -> Result<Vec<Finding>, String> {
    let alone = Alone::new()?;
    let settings = Settings {
        name: library.manifest.name.clone(),
        candidates: vec![path.to_owned()],
        sha256: Some(library.sha256.clone()),
        open: Vec::new(),
        validate: Validate::Always,
        config,
    };
    let plugins = Plugins::start(
        vec![settings],
        alone.services.clone(),
        Arc::new(Routes::new(core.routes)),
        core.calls,
    );
    let plugins = plugins.await.map_err(|error| error.to_string())?;
    let Some(shared) = plugins.instances().into_iter().next() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    if shared.state() == State::Started {
        findings.extend(ask(&shared).await);
        plugins.stop(STOP).await;
    }
    findings.extend(rest(&shared));
    Ok(findings)
}

/// How it says that it is.
async fn ask(shared: &Arc<Shared>) -> Option<Finding> {
    if shared.has_health() {
        health::ask(shared).await;
    }
    match shared.health() {
        Some(health) if health.status != HealthStatus::Healthy => {
            let status = if health.status == HealthStatus::Degraded { "degraded" } else { "unhealthy" };
            Some(Finding::Warning(format!("it says that it is {status}: {}", health.details)))
        }
        _ => None,
    }
}

/// What is left of it.
fn rest(shared: &Shared) -> Vec<Finding> {
    let mut findings = Vec::new();
    if shared.state() != State::Stopped {
        let why = shared.last_error().unwrap_or_else(|| format!("it is {}", shared.state().name()));
        findings.push(Finding::Error(why));
    }
    if let Some((count, last)) = shared.last_refused() {
        findings.push(Finding::Error(format!("{count} of its events were refused, the last one: {last}")));
    }
    match shared.tally.panics.get() {
        0 => {}
        panics => findings.push(Finding::Error(format!("it panicked, {panics} times"))),
    }
    match shared.queue.handed.load(Relaxed) {
        0 => {}
        bytes => findings.push(Finding::Error(format!("it leaks: {bytes} bytes of the host's not released"))),
    }
    findings
}
