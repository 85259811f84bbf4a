//! Where and when it was measured.

use std::fs;
use std::process::Command;

use crate::place::Place;

/// A line each: the machine, the system, the day, the commit, the compiler, the command, and whether the cores were idle.
pub(super) fn circumstances(place: &Place) -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.trim_start_matches(['\t', ':', ' '])));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What is written here is no change of what was measured.
    let status = [
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":!benches/RESULTS.md",
        ":!benches/plots",
    ];
    let changed = !said(place, "git", &status).is_empty();
    let commit = said(place, "git", &["rev-parse", "--short=12", "HEAD"]);
    vec![
        format!("{}, {cores} cores, Linux {}", model.unwrap_or("an unknown processor"), kernel.trim()),
        format!("{} UTC", said(place, "date", &["-u", "+%Y-%m-%d %H:%M"])),
        format!("commit {commit}{}", if changed { " with changes" } else { "" }),
        versions(place).join(", "),
        format!(
            "`make bench-compare`, which ran `{}`; servers on core {}, the load on core {}",
            ran(),
            place.server_cores,
            place.own_core
        ),
        place.noise.told(),
    ]
}

/// Of what the servers are made with, as far as it is there.
fn versions(place: &Place) -> Vec<String> {
    let rival = |path: &str| place.made(&format!("rivals/{path}")).to_string_lossy().into_owned();
    let python = said(place, &rival("python/bin/python"), &["--version"]);
    let node = said(place, "node", &["--version"]);
    let node = if node.is_empty() { node } else { format!("Node {node}") };
    let versions = [said(place, "rustc", &["--version"]), node, python];
    versions.into_iter().filter(|version| !version.is_empty()).collect()
}

/// The command, without the folder that it is in.
fn ran() -> String {
    let arguments = std::env::args().skip(1);
    std::iter::once("compare".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// What a program prints; nothing where it cannot be run.
fn said(place: &Place, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(&place.root).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
