//! Where documents come from: those that are shipped in this library, or a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Tidegate's own documentation, by path; what belongs to it says `build.rs`.
pub(crate) const SHIPPED: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Files of a folder at most.
const MOST_FILES: usize = 10_000;
/// Bytes of a file at most.
const LONGEST_FILE: u64 = 4 << 20;
/// Bytes of all files at most.
const MOST_BYTES: u64 = 64 << 20;
/// Folders below each other at most.
const DEEPEST: usize = 32;
/// The endings of documents.
const ENDINGS: [&str; 6] = ["md", "markdown", "txt", "text", "rst", "toml"];

/// What a folder looks like from outside: two that are equal hold the same documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// By path.
    files: Vec<Listed>,
    /// Why not all of it is there; for the operator.
    pub(crate) left_out: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    /// From the folder on.
    name: String,
    length: u64,
    changed: Option<SystemTime>,
}

impl Listing {
    /// Looks at a folder and those below it. Hidden files, links and what is no document are passed over.
    ///
    /// # Errors
    /// Where the folder itself cannot be read.
    pub(crate) fn of(folder: &Path) -> Result<Self, String> {
        let (mut listing, mut bytes) = (Self::default(), 0);
        let mut waiting = vec![(PathBuf::new(), 0)];
        while let Some((below, depth)) = waiting.pop() {
            let entries = match fs::read_dir(folder.join(&below)) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => return Err(unreadable(folder, &error)),
                Err(_) => {
                    listing.left_out.push(format!("{} cannot be read", below.display()));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else { continue };
                if name.as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let place = below.join(name);
                if kind.is_dir() && depth < DEEPEST {
                    waiting.push((place, depth + 1));
                } else if kind.is_file() && is_document(&place) {
                    let Ok(known) = entry.metadata() else { continue };
                    listing.add(place, known.len(), known.modified().ok(), &mut bytes);
                }
            }
        }
        listing.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    fn add(&mut self, place: PathBuf, length: u64, changed: Option<SystemTime>, bytes: &mut u64) {
        let name = place.to_string_lossy().into_owned();
        if length > LONGEST_FILE {
            self.left_out.push(format!("{name} is longer than {LONGEST_FILE} bytes"));
        } else if self.files.len() == MOST_FILES || *bytes + length > MOST_BYTES {
            self.left_out.truncate(20);
            self.left_out
                .push(format!("{name} is one too many: at most {MOST_FILES} files, {MOST_BYTES} bytes"));
        } else {
            *bytes += length;
            self.files.push(Listed { name, length, changed });
        }
    }

    /// The documents: name and text. A file that is gone meanwhile is left out, and the next listing is another one; and so is
    /// one that is no text, whatever its name.
    ///
    /// # Errors
    /// Where the folder is gone meanwhile: what was read of it says nothing then.
    pub(crate) fn read(&self, folder: &Path) -> Result<Vec<(String, String)>, String> {
        let read = self.files.iter().filter_map(|file| {
            let bytes = fs::read(folder.join(&file.name)).ok()?;
            // It may have grown since it was listed.
            let text = bytes.get(..bytes.len().min(LONGEST_FILE as usize))?;
            let is_text = !text.contains(&0);
            is_text.then(|| (file.name.clone(), String::from_utf8_lossy(text).into_owned()))
        });
        let read = read.collect();
        fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        Ok(read)
    }
}

fn unreadable(folder: &Path, error: &io::Error) -> String {
    format!("{}: {error}", folder.display())
}

fn is_document(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}
