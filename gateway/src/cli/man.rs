//! `tidegate man`: the manual, made of what `help` says.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, UNUSABLE};

/// The options of `man`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The command whose page is printed, such as `plugin check`; without one, the program's
    command: Vec<String>,
    /// Write the pages of all commands into this directory, which is made where it is missing
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "command")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tidegate man plugin check | man -l -
  tidegate man --out ~/.local/share/man/man1          then: man tidegate-serve";

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut program = Cli::command().version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    program.build();
    if let Some(directory) = &arguments.out {
        return match std::fs::create_dir_all(directory).and_then(|()| write_all(&program, directory)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {}: {error}", directory.display());
                ExitCode::FAILURE
            }
        };
    }
    let found = arguments.command.iter().try_fold(&program, |command, name| command.find_subcommand(name));
    let Some(command) = found else {
        eprintln!("error: there is no command '{}'", arguments.command.join(" "));
        return ExitCode::from(UNUSABLE);
    };
    // The reader has gone (`| head`): nobody is left to be told.
    let printed = page(command).and_then(|page| io::stdout().write_all(&page));
    printed.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let source = concat!("tidegate ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("Tidegate");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(after) = command.get_after_help() {
        examples(&after.to_string(), &mut page)?;
    }
    Ok(page)
}

/// What stands behind the options: examples, indented and kept line by line, and paragraphs.
fn examples(text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    writeln!(page, ".SH EXAMPLES")?;
    for part in text.strip_prefix("Examples:\n").unwrap_or(text).split("\n\n") {
        let indented = part.starts_with(' ');
        writeln!(page, "{}", if indented { ".nf" } else { ".PP" })?;
        for line in part.lines() {
            // A line that begins with one of these would be a request.
            let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
            writeln!(page, "{guard}{}", line.replace('\\', "\\e").replace('-', "\\-"))?;
        }
        if indented {
            writeln!(page, ".fi")?;
        }
    }
    Ok(())
}

/// Writes the page of a command and of those below it.
fn write_all(command: &Command, directory: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    std::fs::write(directory.join(format!("{name}.1")), page(command)?)?;
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    below.into_iter().try_for_each(|command| write_all(command, directory))
}
