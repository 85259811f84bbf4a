//! What a shell gets of the program: completions that complete, and a manual that man can show.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

fn tidegate(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers after these words, the last of which is being typed.
fn offered(words: &[&str]) -> BTreeSet<String> {
    let script = r#"
        source <("$0" completions bash)
        COMP_WORDS=(tidegate "$@"); COMP_CWORD=$#
        _tidegate tidegate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let bash = Command::new("bash").args(["-c", script, PROGRAM]).args(words).output();
    let bash = bash.unwrap_or_else(|error| panic!("`bash` cannot be run ({error})"));
    text(bash).lines().map(str::to_owned).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["pl"]), set(&["plugin"]));
    assert_eq!(offered(&["plugin", "ins"]), set(&["inspect"]));
    assert_eq!(offered(&["serve", "--re"]), set(&["--ready-file"]));
    assert_eq!(offered(&["completions", "f"]), set(&["fish"]));
    assert!(!offered(&["plugin", "check", "--"]).contains("--inside"), "what is hidden is not offered");
}

#[test]
fn each_shell_has_a_script_that_knows_all_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(tidegate(&["completions", shell]));
        for command in ["serve", "check", "plugin", "inspect", "listen", "completions", "man"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(!script.contains("--inside"), "{shell}");
    }
    assert!(!tidegate(&["completions", "tcsh"]).status.success());
}

/// The pages of the manual, by name.
fn pages(folder: &Path) -> BTreeSet<String> {
    text(tidegate(&["man", "--out", folder.to_str().unwrap()]));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = pages(&folder.path().join("man1"));
    for page in ["", "-serve", "-check", "-plugin", "-plugin-check", "-plugin-inspect", "-listen", "-man"] {
        assert!(pages.contains(&format!("tidegate{page}.1")), "{page}: {pages:?}");
    }
    for page in &pages {
        let source = std::fs::read_to_string(folder.path().join("man1").join(page)).unwrap();
        let name = page.strip_suffix(".1").unwrap();
        let title = format!(".TH {name} 1  \"tidegate {}\" Tidegate\n", env!("CARGO_PKG_VERSION"));
        assert!(source.contains(&title), "{title}: {source}");
        for section in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n"] {
            assert!(source.contains(section), "{page}: {section}");
        }
        // A line that begins with a point or quote is a request: those that are known, and nothing of the texts.
        let requests = source.lines().filter(|line| line.starts_with(['.', '\'']));
        let known = ["ie", "el", "TH", "SH", "TP", "RS", "RE", "PP", "IP", "nf", "fi", "br"];
        for line in requests {
            let request = line[1..].split(' ').next().unwrap();
            assert!(known.contains(&request), "{page}: {line}");
        }
        assert_eq!(source.matches("\n.nf").count(), source.matches("\n.fi").count(), "{page}");
    }
    // Where a formatter is there, it has the last word.
    for page in pages.iter().map(|page| folder.path().join("man1").join(page)) {
        let formatted = Command::new("groff").args(["-man", "-ww", "-Tutf8"]).arg(&page).output();
        if let Ok(output) = formatted {
            assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", page.display());
        }
    }
}

#[test]
fn one_page_is_printed_and_an_unknown_command_is_said_to_be_none() {
    let page = text(tidegate(&["man", "plugin", "check"]));
    assert!(page.contains(".TH tidegate-plugin-check 1"), "{page}");
    assert!(
        page.contains(".SH EXAMPLES\n.nf\n  tidegate plugin check target/debug/libtidegate_echo.so\n"),
        "{page}"
    );
    let output = tidegate(&["man", "plugin", "chekc"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: there is no command 'plugin chekc'\n");
}
