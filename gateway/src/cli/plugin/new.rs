//! `tidegate plugin new`: a plugin to begin with, that builds, is tested and loads as it is.

mod api;
mod files;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tidegate::plugin::Manifest;

use super::super::UNUSABLE;
use files::Names;

/// The options of `plugin new`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct Arguments {
    /// Its name: lower-case letters, digits, '-' and '_'
    name: String,
    /// The language
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// Where its folder, which is called like it, is made
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    path: PathBuf,
    /// The crate `tidegate-plugin` of a checkout, for Rust; without it, that of the checkout that this program or the
    /// current folder is in
    #[arg(long, value_name = "DIRECTORY")]
    api: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lang {
    Rust,
    C,
}

const EXAMPLES: &str = "\
Examples:
  tidegate plugin new hello
  tidegate plugin new hello --lang c --path ~/plugins
  tidegate plugin new hello --api ~/tidegate/plugin-api

A plugin in Rust is a crate, one in C a folder with a Makefile and the header. Nothing that is there is written over. The
exit code is 64 for a name that no plugin can have.";

/// Why there is no new plugin.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "'{0}' is no name of a plugin: it has 1 to 64 lower-case letters, digits, '-' and '_', the first of them a letter"
    )]
    Name(String),
    #[error("'{0}' cannot be the name of a plugin: {1}")]
    Taken(String, &'static str),
    #[error("{0} is there already, and nothing is written over")]
    There(PathBuf),
    #[error(transparent)]
    Api(#[from] api::NoApi),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match make(arguments) {
        Ok(folder) => {
            // The reader has gone (`| head`): nobody is left to be told.
            let told = writeln!(io::stdout(), "{}", next(arguments, &folder));
            told.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            match failure {
                Failure::Name(_) | Failure::Taken(..) => ExitCode::from(UNUSABLE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Makes the folder; all that can be wrong is found out before.
fn make(arguments: &Arguments) -> Result<PathBuf, Failure> {
    check(&arguments.name)?;
    let folder = arguments.path.join(&arguments.name);
    let names = Names::new(&arguments.name);
    let (files, lock) = match arguments.lang {
        Lang::Rust => {
            let api = api::find(arguments.api.as_deref())?;
            (files::rust(&names, &api), api::lock_file(&api))
        }
        Lang::C => (files::c(&names), None),
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::There(path),
            _ => Failure::File(path, error),
        }
    };
    fs::create_dir_all(&arguments.path).map_err(failed(&arguments.path))?;
    fs::create_dir(&folder).map_err(failed(&folder))?;
    for (name, text) in files {
        let path = folder.join(name);
        let above = path.parent().unwrap_or(&folder);
        fs::create_dir_all(above).map_err(failed(above))?;
        let written = File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(failed(&path))?;
    }
    if let Some(lock) = lock {
        let path = folder.join("Cargo.lock");
        fs::copy(lock, &path).map_err(failed(&path))?;
    }
    Ok(folder)
}

/// The rules of the manifest, and what would go wrong where the name becomes that of a crate or a table.
fn check(name: &str) -> Result<(), Failure> {
    let taken = |why| Err(Failure::Taken(name.to_owned(), why));
    match name {
        "plugin" => taken("its crate would be called as the one that it depends on"),
        "directory" => taken("'plugins.directory' is a setting of the gateway's own"),
        _ if !Manifest::is_name(name)
            || name.len() > 64
            || !name.starts_with(|c: char| c.is_ascii_lowercase()) =>
        {
            Err(Failure::Name(name.to_owned()))
        }
        _ => Ok(()),
    }
}

/// What to type next.
fn next(arguments: &Arguments, folder: &Path) -> String {
    let (name, word) = (&arguments.name, arguments.name.replace('-', "_"));
    let program = program();
    let (language, commands) = match arguments.lang {
        Lang::Rust => {
            let check = format!("{program} plugin check target/debug/libtidegate_{word}.so");
            ("Rust", ["cargo test".to_owned(), "cargo build".to_owned(), check])
        }
        Lang::C => {
            let check = if program == "tidegate" { String::new() } else { format!(" TIDEGATE={program}") };
            ("C", ["make".to_owned(), "make test".to_owned(), format!("make check{check}")])
        }
    };
    let mut lines = vec![format!("made {}, a plugin in {language}\n", folder.display())];
    lines.push(format!("  cd {}", folder.display()));
    lines.extend(commands.iter().map(|command| format!("  {command}")));
    lines.push(format!("  {program} serve --config tidegate.toml"));
    lines.push("\nand, while the gateway serves, in other terminals:\n".to_owned());
    lines.push(format!("  {program} listen ws://127.0.0.1:8080/ws --room {name}"));
    lines.push(format!("  curl http://127.0.0.1:8080/{name}/count"));
    lines.push("\nIts README.md says more.".to_owned());
    lines.join("\n")
}

/// How this program is called: by its name where the PATH leads to it, else by where it is.
fn program() -> String {
    let Ok(own) = std::env::current_exe() else { return "tidegate".to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("tidegate")).find(|file| file.is_file());
    match found.and_then(|found| fs::canonicalize(found).ok()) {
        Some(found) if found == own => "tidegate".to_owned(),
        _ => own.display().to_string(),
    }
}
