//! Runs a stop under callgrind, in a process of its own that is the same each time: no environment, its path relative, and
//! so its stack at the same place; valgrind itself sees to the addresses and to which processor it seems to be.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use tidegate_benches::Stop;

/// Rounds before those that are counted: tables and queues have their sizes then.
const WARM: usize = 3;
/// Rounds that are counted: what is only done in some of them is averaged out.
const ROUNDS: usize = 8;

/// Whether the C library copies in a loop or by one instruction that repeats itself depends on addresses, and the latter
/// counts once for each byte: copies of all sizes are loops here.
const COPYING: &str = "glibc.cpu.x86_rep_movsb_threshold=0x7fffffffffffffff:glibc.cpu.x86_rep_stosb_threshold=0x7fffffffffffffff";

/// Why a stop could not be counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The program cannot be started.
    #[error("cannot run valgrind, which counts instructions (on Debian: apt-get install valgrind): {0}")]
    Start(io::Error),
    /// This program's own place is not known.
    #[error("cannot tell where this program is: {0}")]
    Place(io::Error),
    /// The stop failed, or valgrind did.
    #[error("valgrind failed in {stop:?}:\n{output}")]
    Failed {
        /// Its name.
        stop: String,
        /// What was said.
        output: String,
    },
}

/// Instructions of one round of a stop within `function`.
pub(crate) fn count(stop: &str, function: &str) -> Result<u64, Error> {
    let program = std::env::current_exe().map_err(Error::Place)?;
    let folder = program.parent().map(PathBuf::from).unwrap_or_default();
    let name = program.file_name().unwrap_or_default();
    let mut valgrind = Command::new("valgrind");
    valgrind
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GLIBC_TUNABLES", COPYING);
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect=*{function}*"));
    valgrind.arg(PathBuf::from(".").join(name)).args(["rounds", stop]);
    let done = valgrind.output().map_err(Error::Start)?;
    let output = String::from_utf8_lossy(&done.stderr).into_owned();
    let collected =
        output.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok());
    match collected {
        // None at all: no function has this name.
        Some(count) if done.status.success() && count > 0 => Ok(count.div_ceil(ROUNDS as u64)),
        _ => Err(Error::Failed { stop: stop.into(), output }),
    }
}

/// What callgrind looks at: the rounds of a stop.
pub(crate) fn rounds(stop: Stop) {
    let here = stop.is_counted_here();
    let mut round = stop.ready();
    // What is counted elsewhere is counted from the first round on.
    for _ in 0..if here { WARM } else { 0 } {
        round.work();
        round.settle();
    }
    round.count(ROUNDS);
}
