//! What deliveries of GitHub mean: which events each kind and action comes to.

mod issues;
mod pull_request;
mod push;
mod repository;
mod workflow_run;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tidegate_plugin::{Error, FieldError, Result};

use crate::check::{Checked, Findings};
use crate::types;

/// The kinds that mean something here.
const KINDS: [&str; 5] = ["pull_request", "issues", "workflow_run", "push", "repository"];

/// Which project is which repository's.
#[derive(Debug)]
pub(crate) struct Repositories(BTreeMap<String, String>);

/// What a delivery says in every kind.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Delivery<'a> {
    /// What happened; a push has none.
    #[serde(default, deserialize_with = "or_default")]
    action: String,
    repository: Option<Repository>,
    sender: Option<User>,
    /// What an edit has changed.
    #[serde(default, deserialize_with = "or_default")]
    changes: Map<String, Value>,
    #[serde(borrow)]
    pull_request: Option<&'a RawValue>,
    #[serde(borrow)]
    issue: Option<&'a RawValue>,
    #[serde(borrow)]
    workflow_run: Option<&'a RawValue>,
}

/// A repository.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Repository {
    name: String,
    /// `owner/name`.
    full_name: String,
    html_url: String,
    #[serde(default, deserialize_with = "or_default")]
    archived: bool,
    #[serde(default, deserialize_with = "or_default")]
    disabled: bool,
}

/// Somebody at GitHub.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct User {
    login: String,
}

/// An event that a delivery comes to: its type, and its data.
type Meant = (&'static str, Value);

impl Repositories {
    /// As the settings have them. GitHub makes no difference between capitals and small letters.
    pub(crate) fn new(projects: &BTreeMap<String, String>) -> Self {
        Self(projects.iter().map(|(name, id)| (name.to_ascii_lowercase(), id.clone())).collect())
    }

    /// The project of a repository: by what it is called, or was called before; without an entry it is its name.
    fn project<'a>(&'a self, name: &'a str, before: Option<&str>) -> &'a str {
        let known = |name: &str| self.0.get(&name.to_ascii_lowercase()).map(String::as_str);
        known(name).or_else(|| known(before?)).unwrap_or(name)
    }

    /// The events that a delivery comes to; none for a kind that means nothing here.
    ///
    /// # Errors
    /// 422 for what is no delivery of its kind.
    pub(crate) fn events(&self, kind: &str, payload: &[u8], now: i64) -> Result<Vec<Checked>> {
        if !KINDS.contains(&kind) {
            read::<IgnoredAny>(payload, &["body"])?;
            return Ok(Vec::new());
        }
        let delivery: Delivery<'_> = read(payload, &["body"])?;
        let repository = delivery.repository.as_ref().ok_or_else(|| missing("repository"))?;
        let before = repository::name_before(repository, &delivery.changes);
        let project = self.project(&repository.full_name, before.as_deref());
        let meant = match kind {
            "pull_request" => pull_request::mean(&delivery, project),
            "issues" => issues::mean(&delivery, project),
            "workflow_run" => workflow_run::mean(&delivery, project),
            "push" => push::mean(payload, repository, project),
            _ => repository::mean(&delivery, repository, project),
        };
        Ok(vec![check(meant?, now)?])
    }
}

impl Delivery<'_> {
    /// Who did it.
    fn sender(&self) -> Result<&str> {
        self.sender.as_ref().map(|sender| sender.login.as_str()).ok_or_else(|| missing("sender"))
    }
}

impl Repository {
    /// In a word.
    fn status(&self) -> &'static str {
        match self {
            Self { disabled: true, .. } => "disabled",
            Self { archived: true, .. } => "archived",
            _ => "active",
        }
    }
}

/// The object that a kind is about.
fn subject<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>, name: &'static str) -> Result<T> {
    read(raw.ok_or_else(|| missing(name))?.get().as_bytes(), &["body", name])
}

/// Reads an object: a list could pass for one, as its fields in order.
fn read<'a, T: Deserialize<'a>>(json: &'a [u8], place: &[&str]) -> Result<T> {
    let refuse =
        |text: String, kind: &str| Error::unprocessable([FieldError::at(place.iter().copied(), text, kind)]);
    let unread = |error: serde_json::Error| {
        refuse(error.to_string(), if error.is_data() { "value_error" } else { "json_invalid" })
    };
    if !json.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice::<IgnoredAny>(json).map_err(unread)?;
        return Err(refuse("Input should be an object".to_owned(), "value_error"));
    }
    serde_json::from_slice(json).map_err(unread)
}

/// What GitHub leaves out it may also say to be null.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn missing(name: &str) -> Error {
    Error::unprocessable([FieldError::body(name, "Field required", "missing")])
}

/// What GitHub says is held against the same table as what anybody else says.
fn check((kind, data): Meant, now: i64) -> Result<Checked> {
    let kind = types::find(kind).ok_or_else(|| Error::internal(format!("there is no type '{kind}'")))?;
    let Value::Object(data) = data else { return Err(Error::internal("data is an object")) };
    let mut findings = Findings::at(&["body"]);
    let checked = Checked::of(kind, data, now, &mut findings);
    checked.ok_or_else(|| Error::unprocessable(findings.errors))
}

#[cfg(test)]
mod tests;
