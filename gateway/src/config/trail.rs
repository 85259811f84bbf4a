//! Where each setting comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::key::Key;

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it is what the program has built in.
    BuiltIn,
    /// In the configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Its line, from 1; none where the whole file is meant.
        line: Option<usize>,
    },
    /// Nowhere alone: what runs and what was read do not go together.
    Together,
    /// In an environment variable, or an option of the command line; its value, which may be a secret, is not named.
    Given(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in default"),
            Self::Together => f.write_str("together with what needs a restart"),
            Self::File { path, line: None } => path.display().fmt(f),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::Given(name) => f.write_str(name),
        }
    }
}

/// Where each key of the file stands in it, in lines from 1.
pub(super) type Lines = BTreeMap<Key, usize>;

/// Remembers which layer gave which setting.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The file and the lines of its keys.
    pub(super) file: Option<(PathBuf, Lines)>,
    /// What was given over it, in the order in which it was laid on.
    pub(super) given: Vec<(Key, String)>,
}

impl Trail {
    /// Where the setting at `key` was given; for one that an entry of a list leaves out, where
    /// that entry was.
    pub(super) fn place(&self, key: &Key) -> Place {
        let mut given = self.given.iter().rev();
        if let Some((_, name)) = given.find(|(at, _)| at.covers(key)) {
            return Place::Given(name.clone());
        }
        if let Some(place) = self.line(key) {
            return place;
        }
        if let Some((_, name)) = self.given.iter().rev().find(|(at, _)| key.covers(at)) {
            return Place::Given(name.clone());
        }
        // What an entry of a list leaves out is missed where the entry stands.
        let mut above = key.clone();
        while let Some((parent, name)) = above.split_last() {
            if name.parse::<usize>().is_ok()
                && let Some(place) = self.line(&above)
            {
                return place;
            }
            above = parent;
        }
        Place::BuiltIn
    }

    fn line(&self, key: &Key) -> Option<Place> {
        let (path, lines) = self.file.as_ref()?;
        lines.get(key).map(|line| Place::File { path: path.clone(), line: Some(*line) })
    }
}
