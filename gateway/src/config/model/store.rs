//! Settings of the embedded stores.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Data")]
pub struct Config {
    /// The directory that every embedded store lives under; made where it is missing.
    pub dir: PathBuf,
    /// When what plugins store is forced to the disk.
    pub fsync: Fsync,
}

impl Default for Config {
    fn default() -> Self {
        Self { dir: "data".into(), fsync: Fsync::Interval }
    }
}

/// When a write is forced to the disk. A killed process loses nothing in any of them; they differ in what a crash of
/// the machine can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// Before it is answered: nothing is lost, and each write waits for the disk.
    Always,
    /// Soon after: the last moment may be lost.
    #[default]
    Interval,
    /// When the operating system does.
    Os,
}
