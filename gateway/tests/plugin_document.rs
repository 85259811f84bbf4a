//! `tidegate plugin document`: plugins/README.md says what the plugins declare, and a file is written whole or not at all.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The libraries of all plugins of this repository.
fn libraries() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("plugins")).unwrap().map(|entry| entry.unwrap().path());
    let crates = folders.filter(|folder| folder.join("Cargo.toml").exists());
    let library = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap().replace('-', "_");
        let library = Path::new(PROGRAM).with_file_name(format!("libtidegate_{name}.so"));
        assert!(library.exists(), "`cargo build --workspace` makes {}", library.display());
        library
    };
    let libraries: Vec<_> = crates.map(library).collect();
    assert!(libraries.len() >= 3, "{libraries:?}");
    libraries
}

fn document(libraries: &[PathBuf], arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(["plugin", "document"]).args(libraries).args(arguments).output().unwrap()
}

#[test]
fn the_readme_of_the_plugins_says_what_they_declare() {
    let output = document(&libraries(), &[]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string(root().join("plugins/README.md")).unwrap();
    let section = readme.split_once("<!-- tidegate plugin document -->\n").unwrap().1;
    let section = section.split_once("<!-- end of tidegate plugin document -->").unwrap().0;
    assert!(section == said, "plugins/README.md is not what the plugins declare: `make docs` writes it");
}

#[test]
fn it_is_written_between_two_lines_of_a_file_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("README.md");
    let echo = Path::new(PROGRAM).with_file_name("deps").join("libtidegate_echo.so");
    let into = || document(std::slice::from_ref(&echo), &["--into", file.to_str().unwrap()]);
    let (begin, end) = ("<!-- tidegate plugin document -->", "<!-- end of tidegate plugin document -->");

    fs::write(&file, format!("before\n{begin}\nstale\n{end}\nafter\n")).unwrap();
    for _again in 0..2 {
        assert!(into().status.success());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&format!("before\n{begin}\n| plugin |")), "{text}");
        assert!(text.ends_with(&format!("|\n{end}\nafter\n")) && !text.contains("stale"), "{text}");
    }

    let without = format!("{end} before {begin}");
    fs::write(&file, &without).unwrap();
    let output = into();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("README.md: it has no lines"), "{without}");
    assert_eq!(fs::read_to_string(&file).unwrap(), without);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_library_that_does_not_load_is_named() {
    let output = document(&[PathBuf::from("/nowhere.so")], &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nowhere.so"));
}
