//! Who may import whom: the table in ARCHITECTURE.md against the `crate::` paths of the source.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Edges = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The table: a room, and the rooms that it may import.
fn allowed() -> Edges {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = text.split("## Who may import whom").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        (
            cells[0].to_owned(),
            cells[1].split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        )
    })
    .collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What the source imports: each room with the first word of its `crate::` paths.
fn imports() -> Edges {
    let source = root().join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut edges = Edges::new();
    for file in all {
        let place = file.strip_prefix(&source).unwrap().with_extension("");
        let room = place.iter().next().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let targets = edges.entry(room.clone()).or_default();
        for line in code {
            for path in line.split("crate::").skip(1) {
                let target: String =
                    path.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if !target.is_empty() && target != room {
                    targets.insert(target);
                }
            }
        }
    }
    edges
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let allowed = allowed();
    let outside = ["main", "lib", "cli", "app"]; // the binary, the map, and who knows every room
    for (room, targets) in imports().iter().filter(|(room, _)| !outside.contains(&room.as_str())) {
        let row = allowed.get(room).unwrap_or_else(|| panic!("'{room}' has no row in ARCHITECTURE.md"));
        let extra: Vec<_> = targets.difference(row).collect();
        assert!(extra.is_empty(), "'{room}' imports {extra:?}, which the table does not allow");
    }
}

#[test]
fn the_table_has_no_cycle_and_no_room_that_is_gone() {
    let allowed = allowed();
    let mut left: BTreeSet<&String> = allowed.keys().filter(|room| *room != "app").collect();
    while !left.is_empty() {
        let free = left.iter().find(|room| allowed[**room].iter().all(|target| !left.contains(target)));
        let room = *free.unwrap_or_else(|| panic!("a cycle among {left:?}"));
        left.remove(room);
    }
    for room in allowed.keys() {
        assert!(
            root().join("src").join(format!("{room}.rs")).exists(),
            "'{room}' is in the table and not in src"
        );
    }
}

#[test]
fn files_stay_readable() {
    let mut all = Vec::new();
    files(&root().join("src"), &mut all);
    let long = all.iter().filter(|file| fs::read_to_string(file).unwrap().lines().count() > 450);
    assert_eq!(long.collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "more than one room in a file");
}
