//! The effective configuration as text, with no secret in it, and its description for editors.

use serde_json::{Map, Value};

use super::Config;
use super::secret::HIDDEN;

/// The configuration as TOML. Secrets are hidden, so that it can be shown to others.
///
/// # Errors
/// Where a plugin's own setting is nothing that TOML can say.
pub fn to_toml(config: &Config) -> Result<String, toml::ser::Error> {
    let mut shown = config.clone();
    for profile in shown.auth.values_mut() {
        profile.jwks.iter_mut().for_each(hide_in_url);
        profile.authoriser.iter_mut().for_each(|authoriser| hide_in_url(&mut authoriser.url));
    }
    for instance in shown.plugins.instances.values_mut() {
        hide(&mut instance.settings);
    }
    toml::to_string_pretty(&shown)
}

/// The configuration's JSON Schema, for editors that complete and check as one types.
pub fn schema() -> Value {
    schemars::schema_for!(Config).into()
}

/// Hides what looks like a secret in a plugin's own settings, of which only the plugin knows the meaning; and leaves
/// out what is nothing, for which TOML has no word.
fn hide(settings: &mut Map<String, Value>) {
    settings.retain(|_, value| !value.is_null());
    for (name, value) in settings {
        if sounds_secret(name) { hide_all(value) } else { hide_in(value) }
    }
}

/// Whether a setting of this name holds a secret: better one hidden too many than one shown.
fn sounds_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let words =
        ["secret", "password", "passwd", "passphrase", "token", "credential", "key", "auth", "cookie", "dsn"];
    words.iter().any(|word| name.contains(word))
}

fn hide_all(value: &mut Value) {
    match value {
        Value::String(text) => HIDDEN.clone_into(text),
        Value::Array(entries) => entries.iter_mut().for_each(hide_all),
        Value::Object(table) => {
            table.retain(|_, value| !value.is_null());
            table.values_mut().for_each(hide_all);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hide_in(value: &mut Value) {
    match value {
        Value::String(text) => hide_in_url(text),
        Value::Array(entries) => {
            entries.retain(|entry| !entry.is_null());
            entries.iter_mut().for_each(hide_in);
        }
        Value::Object(table) => hide(table),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A URL as it may be shown to others.
pub fn shown_url(url: &str) -> String {
    let mut shown = url.to_owned();
    hide_in_url(&mut shown);
    shown
}

/// Hides the password of `scheme://user:password@host`, and a query, which may hold one too.
fn hide_in_url(text: &mut String) {
    let Some((scheme, rest)) = text.split_once("://") else { return };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None => format!("{user}@{host}"),
        },
        None => authority.to_owned(),
    };
    let after = match after.split_once('?') {
        Some((path, _)) => format!("{path}?{HIDDEN}"),
        None => after.to_owned(),
    };
    *text = format!("{scheme}://{authority}{after}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hidden(settings: Value) -> Value {
        let mut settings = settings.as_object().unwrap().clone();
        hide(&mut settings);
        settings.into()
    }

    #[test]
    fn what_sounds_secret_is_hidden_at_every_depth() {
        let settings =
            json!({"api_key": "a", "nested": {"Password": "b", "tokens": ["c", {"d": "e"}]}, "size": 3});
        let shown = json!({"api_key": "***", "nested": {"Password": "***", "tokens": ["***", {"d": "***"}]}, "size": 3});
        assert_eq!(hidden(settings), shown);
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        let shown = |url: &str| hidden(json!({ "url": url }))["url"].as_str().unwrap().to_owned();
        assert_eq!(shown("postgres://me:geheim@db:5432/x"), "postgres://me:***@db:5432/x");
        assert_eq!(shown("nats://me:p:@ss@db"), "nats://me:***@db");
        assert_eq!(shown("https://host/path?sig=abc"), "https://host/path?***");
        assert_eq!(shown("redis://host:6379"), "redis://host:6379");
        assert_eq!(shown("just text: nothing to hide"), "just text: nothing to hide");
    }

    #[test]
    fn nothing_is_left_out() {
        assert_eq!(hidden(json!({"a": null, "b": [null, 1], "c": {"d": null}})), json!({"b": [1], "c": {}}));
    }
}
