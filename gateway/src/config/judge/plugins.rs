//! What the gateway itself wants to know of each plugin.

use http::Method;

use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::plugin::Instance;

/// Judges the tables of the plugins.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    for (name, instance) in &config.plugins.instances {
        let key = Key::of("plugins").then(name);
        let message = "expected a name of letters, digits, `-` and `_`";
        findings.require(is_name(name), key.clone(), message);
        if let Some(plugin) = &instance.plugin {
            findings.require(is_name(plugin), key.then("plugin"), message);
        }
        pinned(instance, &key, findings);
        for (i, route) in instance.open.iter().enumerate() {
            let message = "expected a method and a path, such as \"POST /agents/{id}/heartbeat\"";
            findings.require(is_route(route), key.then("open").at(i), message);
        }
    }
}

/// Names become file names, metric labels and URL parts.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 100 && name.chars().all(plain)
}

fn pinned(instance: &Instance, key: &Key, findings: &mut Findings<'_>) {
    let Some(sum) = &instance.sha256 else { return };
    let right = sum.len() == 64 && sum.chars().all(|c| c.is_ascii_hexdigit());
    findings.require(right, key.then("sha256"), "expected 64 hexadecimal digits, as `sha256sum` prints them");
}

fn is_route(route: &str) -> bool {
    let Some((method, path)) = route.split_once(' ') else { return false };
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    known.iter().any(|known| known == method) && path.starts_with('/') && !path.contains(' ')
}
