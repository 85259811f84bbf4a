//! Lists the documentation that is shipped in the library: what a reader of the repository would open, and the manual of
//! every plugin that stands beside this one.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// By their paths in the repository; the plugins' own are added.
const DOCUMENTS: [&str; 9] = [
    "README.md",
    "plugin-api/README.md",
    "gateway/ARCHITECTURE.md",
    "benches/README.md",
    "clients/js/README.md",
    "clients/python/README.md",
    "config/tidegate.toml",
    "config/production.toml",
    "certs/README.md",
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    println!("cargo::rerun-if-changed=build.rs");
    // A plugin comes with an entry among the members of the workspace.
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    let mut files: Vec<PathBuf> = DOCUMENTS.iter().map(|file| root.join(file)).collect();
    files.extend(manuals(&root.join("plugins"))?);
    let mut list = String::from("[\n");
    for file in files {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        writeln!(list, "    ({name:?}, include_str!({file:?})),").map_err(io::Error::other)?;
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(Path::new(&out).join("shipped.rs"), list)
}

/// The manuals of the plugins, and what lies beside them, by name.
fn manuals(plugins: &Path) -> io::Result<Vec<PathBuf>> {
    let mut manuals = Vec::new();
    for plugin in fs::read_dir(plugins)? {
        let folder = plugin?.path();
        if folder.is_dir() {
            for file in fs::read_dir(folder)? {
                manuals.extend(
                    Some(file?.path()).filter(|file| file.extension().is_some_and(|ending| ending == "md")),
                );
            }
        }
    }
    manuals.sort();
    Ok(manuals)
}
