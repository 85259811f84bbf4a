//! The command line: one file for each command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand};
use tidegate::config::Sources;

mod certs;
mod check;
mod completions;
mod interrupt;
mod listen;
mod load;
mod man;
mod plugin;
mod serve;
mod token;

/// What a process answers whose command line or configuration has errors (`EX_USAGE` of sysexits.h).
const UNUSABLE: u8 = 64;

/// A real-time event gateway: plugins publish events, clients join rooms and get each event as it happens.
#[derive(Parser)]
#[command(name = "tidegate", version = version(), after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tidegate serve                                        start with the built-in settings on 127.0.0.1:8080
  tidegate serve --config config/tidegate.toml          start with a file that explains every setting
  tidegate listen ws://127.0.0.1:8080/ws --room news    watch the events of a room
  tidegate check --config config/tidegate.toml          say what is wrong or risky, start nothing

Exit status: 0; 64 where the command line or the configuration has errors; 1 where something else fails. `load` has more.

`tidegate help COMMAND` says more about one command.";

#[derive(Subcommand)]
enum Command {
    /// Start the gateway, and serve until SIGTERM or SIGINT
    Serve(serve::Arguments),
    /// Judge a configuration, and start nothing
    Check(check::Arguments),
    /// Make an authority and certificates for development
    Certs(certs::Arguments),
    /// Begin a plugin, judge a library, show what it says of itself, or which ones a configuration would load
    #[command(subcommand)]
    Plugin(plugin::Arguments),
    /// Make, verify and look into tokens; make keys for programs
    #[command(subcommand)]
    Token(token::Arguments),
    /// Connect as a client: join rooms, print events, send what is typed
    Listen(listen::Arguments),
    /// Be many clients at once: measure a gateway, and find what it loses
    Load(Box<load::Arguments>),
    /// Print what makes a shell complete this program's commands and options
    Completions(completions::Arguments),
    /// Print a page of the manual, or write all of them into a directory
    Man(man::Arguments),
}

/// Runs the command that the command line names.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told where this fails.
            let _closed = error.print();
            return if error.use_stderr() { ExitCode::from(UNUSABLE) } else { ExitCode::SUCCESS };
        }
    };
    match cli.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Certs(arguments) => certs::run(&arguments),
        Command::Plugin(arguments) => plugin::run(&arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Listen(arguments) => listen::run(arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

/// Where the settings come from.
#[derive(Args)]
struct Settings {
    /// The configuration file: TOML, or YAML where its name ends in .yaml or .yml; without it, the built-in settings
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Another value for one setting, over the file's and TIDEGATE_ variables'; may be given more than once
    ///
    /// The value is TOML; a bare word is a text. An entry of a list goes by its name or index, and a list given whole
    /// replaces the list: limits.message="1 MiB", listener.main.address=127.0.0.1:9000, 'room=[{prefix="a:"}]'
    #[arg(short, long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Settings {
    fn sources(&self) -> Sources {
        Sources { file: self.config.clone(), set: self.set.clone(), ..Sources::from_environment() }
    }
}

/// The program's version, the commit that it is built from, and the plugins that it can load.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let (program, commit) = (env!("CARGO_PKG_VERSION"), env!("BUILD_COMMIT"));
        let (major, minor) = (tidegate_plugin::abi::MAJOR, tidegate_plugin::abi::MINOR);
        format!("{program} (commit {commit})\nplugin ABI {major}.{minor}")
    });
    &VERSION
}
