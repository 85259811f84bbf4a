//! A plugin's library: found, trusted, copied, loaded once and never unloaded.
#![allow(unsafe_code, reason = "loads foreign code and reads its constant")]

mod elf;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};
use tidegate_plugin::abi::{self, AbiError};

pub use elf::NotElf;

use super::manifest::{Manifest, ManifestError};

/// A library that can make instances.
#[derive(Clone, Debug)]
pub struct Library {
    /// Where it was found.
    pub path: PathBuf,
    /// Its constant: it is never unloaded, so this holds for ever.
    pub table: &'static abi::Plugin,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The manifest's text.
    pub manifest_text: &'static str,
    /// The file's, in hexadecimal.
    pub sha256: String,
}

// SAFETY: the table and what it leads to are constants of a library that is never unloaded.
unsafe impl Send for Library {}
// SAFETY: as above: nothing writes them.
unsafe impl Sync for Library {}

/// Why a library is not loaded; the text names the file.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = path.display())]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub why: Why,
}

/// A reason not to load a library.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// There is no such file, or it cannot be read or copied.
    #[error("{0}")]
    File(#[from] io::Error),
    /// Others could put their own code in its place.
    #[error("{0} is writable by others: only its owner may change a plugin")]
    Writable(PathBuf),
    /// Not the file that the configuration pins.
    #[error("its SHA-256 is {found}, the configuration pins {pinned}")]
    Pinned {
        /// The file's.
        found: String,
        /// The configuration's.
        pinned: String,
    },
    /// Not a file that can be mapped.
    #[error(transparent)]
    Elf(#[from] NotElf),
    /// The system's loader refuses it.
    #[error("it does not load: {0}")]
    Loader(String),
    /// A library, and no plugin.
    #[error("it has no symbol `{}`: it is no plugin", abi::SYMBOL)]
    Symbol,
    /// Not of this ABI.
    #[error(transparent)]
    Abi(#[from] AbiError),
    /// Its manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Library {
    /// The ABI that it was built for, as `1.0`.
    pub fn abi(&self) -> String {
        format!("{}.{}", self.table.abi_major, self.table.abi_minor)
    }

    /// Loads a private copy of `path`, which later changes of the file do not reach. `pin`: the SHA-256 that the
    /// file must have, in hexadecimal.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(path: &Path, pin: Option<&str>) -> Result<Self, LoadError> {
        Self::try_load(path, pin).map_err(|why| LoadError { path: path.to_owned(), why })
    }

    fn try_load(path: &Path, pin: Option<&str>) -> Result<Self, Why> {
        let file = fs::canonicalize(path)?;
        trust(&file)?;
        if let Some(folder) = file.parent() {
            trust(folder)?;
        }
        let bytes = fs::read(&file)?;
        let found = sha256(&bytes);
        if let Some(pinned) = pin.filter(|pinned| !found.eq_ignore_ascii_case(pinned)) {
            return Err(Why::Pinned { found, pinned: pinned.to_owned() });
        }
        elf::judge(&bytes)?;
        let copy = PrivateCopy::new(&file, &bytes)?;
        // SAFETY: loading runs the file's constructors: the operator has chosen the file, and nobody else can
        // write it. Nothing of it is used but the symbol below, which is judged first.
        let loaded = unsafe { Loaded::open(Some(&copy.file), RTLD_NOW | RTLD_LOCAL) };
        drop(copy); // the mapping stays
        let loaded = loaded.map_err(|error| Why::Loader(loader_text(&error)))?;
        // SAFETY: the symbol's address alone is taken; what it leads to is judged by `verify`.
        let symbol = unsafe { loaded.get::<*const abi::Plugin>(abi::SYMBOL.as_bytes()) };
        let table = symbol.map(|symbol| symbol.as_raw_ptr().cast::<abi::Plugin>().cast_const());
        // Never unloaded: thread-locals and other destructors of a library make `dlclose` unsafe.
        std::mem::forget(loaded);
        let table = table.map_err(|_| Why::Symbol)?;
        // SAFETY: the address of the library's symbol, and the library stays for ever.
        let verified = unsafe { abi::Plugin::verify(table) }?;
        let manifest = Manifest::parse(verified.manifest)?;
        Ok(Self {
            path: path.to_owned(),
            table: verified.table,
            manifest,
            manifest_text: verified.manifest,
            sha256: found,
        })
    }
}

/// What the system's loader says, which stands behind the crate's own words.
fn loader_text(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Refuses what others than its owner can change: a sticky folder, as `/tmp`, protects what is in it.
fn trust(path: &Path) -> Result<(), Why> {
    const OTHERS: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let found = fs::metadata(path)?;
    let protects = found.is_dir() && found.mode() & STICKY != 0;
    if found.mode() & OTHERS != 0 && !protects { Err(Why::Writable(path.to_owned())) } else { Ok(()) }
}

/// A copy under a name that no other has had: the loader would give an old library back for an old name. In a folder
/// that only this process' user can enter; both go with this.
struct PrivateCopy {
    folder: PathBuf,
    file: PathBuf,
}

impl PrivateCopy {
    fn new(file: &Path, bytes: &[u8]) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("tidegate-{}", uuid::Uuid::new_v4().simple()));
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let copy = Self { file: folder.join(file.file_name().unwrap_or_default()), folder };
        fs::write(&copy.file, bytes)?;
        Ok(copy)
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a private copy was not removed");
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
