//! Secrets, which are never shown.

use std::fmt;
use std::path::PathBuf;

use http::HeaderValue;
use serde::Deserialize;
use tidegate_plugin::{Error, Result};

/// A secret, which is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// As it goes into `Authorization`, marked so that nobody shows it.
    ///
    /// # Errors
    /// Where it cannot be in a header.
    pub(crate) fn bearer(&self, place: &str) -> Result<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0))
            .map_err(|_| Error::invalid(format!("{place}: has characters that no header can have")))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// That it is given in one way alone.
pub(super) fn check(place: &str, given: Option<&Secret>, file: Option<&PathBuf>) -> Result<()> {
    match (given, file) {
        (Some(_), Some(_)) => {
            Err(Error::invalid(format!("{place}_file: stands beside {place}: give one of the two")))
        }
        _ => Ok(()),
    }
}

/// The secret, from wherever it is; none where there is none.
pub(super) fn read(place: &str, given: Option<&Secret>, file: Option<&PathBuf>) -> Result<Option<Secret>> {
    let Some(path) = file else { return Ok(given.cloned()) };
    let wrong = |why: String| Error::invalid(format!("{place}_file: {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(wrong("it is empty".into())),
        secret => Ok(Some(Secret(secret.into()))),
    }
}
