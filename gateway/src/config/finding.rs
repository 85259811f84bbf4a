//! What is wrong with a configuration, or risky in it, and where that was said.

use std::fmt;

use super::key::Key;
use super::trail::{Place, Trail};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The gateway does not start, or a plugin does not.
    Error,
    /// Legal, and worth a look.
    Warning,
}

/// One thing that is wrong or risky.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which setting it is about; the root where it is about a whole file.
    pub key: Key,
    /// Where that setting was given.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Finding {
    /// Whether it is more than a warning.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: ", self.place)?;
        if !self.key.segments().is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Why a configuration cannot be used: every error that was found in it, and every warning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Report(pub Vec<Finding>);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

/// Collects findings, each with its place.
pub(super) struct Findings<'a> {
    trail: &'a Trail,
    list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    /// No finding yet; `trail` knows where settings come from.
    pub(super) fn new(trail: &'a Trail) -> Self {
        Self { trail, list: Vec::new() }
    }

    /// Adds an error. A setting that was already found wrong is left at that: its later errors follow from the first,
    /// because its default stands in for it.
    pub(super) fn error(&mut self, key: Key, message: impl Into<String>) {
        if !self.has_error(&key) {
            self.add(Severity::Error, key, message.into());
        }
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, key: Key, message: impl Into<String>) {
        if !self.has_error(&key) {
            self.add(Severity::Warning, key, message.into());
        }
    }

    /// Adds an error unless `right`.
    pub(super) fn require(&mut self, right: bool, key: Key, message: &str) {
        if !right {
            self.error(key, message);
        }
    }

    /// All findings, the errors first, each group in the order in which they were made.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| finding.severity);
        self.list
    }

    /// Whether the setting, what holds it or what it holds was already found wrong.
    pub(super) fn has_error(&self, key: &Key) -> bool {
        self.list.iter().any(|found| {
            found.severity == Severity::Error && (found.key.covers(key) || key.covers(&found.key))
        })
    }

    /// Whether anything was found wrong.
    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(Finding::is_error)
    }

    fn add(&mut self, severity: Severity, key: Key, message: String) {
        let place = self.trail.place(&key);
        self.list.push(Finding { severity, key, place, message });
    }
}
