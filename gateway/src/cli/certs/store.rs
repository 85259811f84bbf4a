//! Writes certificates and keys: all or none, keys for their owner's eyes only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why the files are not there.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// They would be lost.
    #[error("{} is there already; --force replaces it", .0.display())]
    There(PathBuf),
    /// One of a pair is missing.
    #[error("{} is there and {} is not: put it back, or remove both", there.display(), missing.display())]
    Half {
        /// The one.
        there: PathBuf,
        /// The other.
        missing: PathBuf,
    },
    /// The system does not let it.
    #[error("{}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// What is to be written into a folder.
pub(super) struct Files {
    folder: PathBuf,
    force: bool,
    /// With whether others may read it.
    pending: Vec<(PathBuf, String, bool)>,
}

impl Files {
    /// Nothing yet. `force`: what is there is replaced.
    pub(super) fn new(folder: &Path, force: bool) -> Self {
        Self { folder: folder.to_owned(), force, pending: Vec::new() }
    }

    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")))
    }

    /// Whether the pair of this name is there.
    pub(super) fn has(&self, name: &str) -> bool {
        let (certificate, key) = self.pair(name);
        certificate.exists() && key.exists()
    }

    /// Reads a pair, where it is there.
    pub(super) fn read(&self, name: &str) -> Result<Option<(String, String)>, StoreError> {
        let (certificate, key) = self.pair(name);
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| system(path, error));
        match (certificate.exists(), key.exists()) {
            (true, true) => Ok(Some((read(&certificate)?, read(&key)?))),
            (false, false) => Ok(None),
            (true, false) => Err(StoreError::Half { there: certificate, missing: key }),
            (false, true) => Err(StoreError::Half { there: key, missing: certificate }),
        }
    }

    /// Adds a pair.
    pub(super) fn add(&mut self, name: &str, certificate: String, key: String) {
        let (to, key_to) = self.pair(name);
        self.pending.extend([(to, certificate, true), (key_to, key, false)]);
    }

    /// Writes everything, and answers the files; nothing where one of them would be lost.
    pub(super) fn write(self) -> Result<Vec<PathBuf>, StoreError> {
        if let Some((there, ..)) = self.pending.iter().find(|(path, ..)| path.exists() && !self.force) {
            return Err(StoreError::There(there.clone()));
        }
        fs::create_dir_all(&self.folder).map_err(|error| system(&self.folder, error))?;
        for (path, text, public) in &self.pending {
            write(path, text, *public).map_err(|error| system(path, error))?;
        }
        Ok(self.pending.into_iter().map(|(path, ..)| path).collect())
    }
}

fn system(path: &Path, source: io::Error) -> StoreError {
    StoreError::System { path: path.to_owned(), source }
}

/// Writes a file whole or not at all, so that a gateway that looks at it meanwhile sees one or the other.
fn write(path: &Path, text: &str, public: bool) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let mode = if public { 0o644 } else { 0o600 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    fs::rename(&unfinished, path)
}
