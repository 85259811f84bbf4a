//! The plugin's settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use tidegate_plugin::{Error, Result};

/// The plugin's settings, as its README lists them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Webhooks of GitHub.
    pub(crate) github: Github,
}

/// How webhooks of GitHub are taken.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Github {
    /// What they are signed with; without one none is taken.
    secret: Option<Secret>,
    /// A file that holds it and nothing else.
    secret_file: Option<PathBuf>,
    /// Projects by repository, `owner/name`.
    pub(crate) repositories: BTreeMap<String, String>,
    /// How many deliveries are remembered, so that none is taken twice.
    pub(crate) deliveries: usize,
}

/// A secret, which is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Default for Github {
    fn default() -> Self {
        Self { secret: None, secret_file: None, repositories: BTreeMap::new(), deliveries: 10_000 }
    }
}

impl Github {
    /// What cannot be.
    ///
    /// # Errors
    /// For the operator.
    pub(crate) fn check(&self) -> Result<()> {
        match (&self.secret, &self.secret_file) {
            (Some(_), Some(_)) => {
                Err(Error::invalid("github.secret_file: stands beside `secret`: give one of the two"))
            }
            _ => Ok(()),
        }
    }

    /// The secret, from wherever it is; none where there is none.
    ///
    /// # Errors
    /// Where its file cannot be read, or is empty.
    pub(crate) fn secret(&self) -> Result<Option<Vec<u8>>> {
        let Some(path) = &self.secret_file else {
            return Ok(self.secret.as_ref().map(|secret| secret.0.clone().into_bytes()));
        };
        let wrong = |why: String| Error::invalid(format!("github.secret_file: {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(wrong("it is empty".into())),
            secret => Ok(Some(secret.as_bytes().to_vec())),
        }
    }
}
