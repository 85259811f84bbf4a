//! Where the crate is that a plugin in Rust depends on: it comes with the gateway's sources, and is in no registry.

use std::fs;
use std::path::{Path, PathBuf};

/// Why it is not known where the crate is.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoApi {
    #[error("the crate `tidegate-plugin` is not at {0}; --api wants the folder `plugin-api` of a checkout")]
    NotThere(PathBuf),
    #[error(
        "neither this program nor the current folder is in a checkout: --api says where its folder `plugin-api` is"
    )]
    Unknown,
}

/// The crate's folder, from the root of the file system: the new plugin may be moved.
pub(super) fn find(asked: Option<&Path>) -> Result<PathBuf, NoApi> {
    if let Some(asked) = asked {
        let found = [asked.to_owned(), asked.join("plugin-api")].into_iter().find_map(crate_at);
        return found.ok_or_else(|| NoApi::NotThere(asked.to_owned()));
    }
    let (program, here) = (std::env::current_exe().ok(), std::env::current_dir().ok());
    let folders = [program, here];
    let above = folders.iter().flatten().flat_map(|place| place.ancestors());
    above.map(|folder| folder.join("plugin-api")).find_map(crate_at).ok_or(NoApi::Unknown)
}

fn crate_at(folder: PathBuf) -> Option<PathBuf> {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()?;
    let is_it = manifest.get("package")?.get("name")?.as_str()? == "tidegate-plugin";
    if is_it { fs::canonicalize(folder).ok() } else { None }
}

/// The checkout's own lock file: with it a plugin is built from what the gateway was tested with, and without
/// the network where the gateway was built.
pub(super) fn lock_file(api: &Path) -> Option<PathBuf> {
    let lock = api.parent()?.join("Cargo.lock");
    lock.is_file().then_some(lock)
}
