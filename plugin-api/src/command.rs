//! What an operator asks of a plugin at a terminal.
#![allow(unsafe_code, reason = "the host's two callbacks are called here")]

use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::abi::{self, Status, Str};
use crate::error::check;
use crate::host::gate::{Gate, Inside};

/// How often it is looked whether the operator wants the end.
const LOOK: Duration = Duration::from_millis(50);

/// A command of an operator's at a terminal: `tidegate plugin <instance> <command> [arguments]`. Cheap to clone, good on any thread.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its name, one of the manifest's `commands`.
    pub name: String,
    /// What was typed behind the name.
    pub arguments: Vec<String>,
    terminal: Arc<Terminal>,
}

impl Command {
    /// Writes to standard output, without a line's end of its own.
    ///
    /// # Errors
    /// `CLOSED` where nobody reads it any more (`| head`), or the command is over.
    pub fn print(&self, text: impl fmt::Display) -> Result<()> {
        check(self.terminal.print(&text.to_string()), "print")
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// As [`print`](Command::print).
    pub fn print_line(&self, line: impl fmt::Display) -> Result<()> {
        self.print(format_args!("{line}\n"))
    }

    /// Waits until the operator wants the command to end (SIGINT, SIGTERM).
    pub async fn interrupted(&self) {
        while !self.terminal.is_interrupted() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The host's callbacks of one command, until it is over.
pub(crate) struct Terminal {
    context: *mut c_void,
    print: Option<unsafe extern "C" fn(*mut c_void, Str) -> Status>,
    interrupted: Option<unsafe extern "C" fn(*mut c_void) -> u32>,
    open: Gate,
}

// SAFETY: the contract lets both callbacks be called from any thread, and the gate is closed before they end.
unsafe impl Send for Terminal {}
// SAFETY: as above.
unsafe impl Sync for Terminal {}

impl Terminal {
    /// What was lent to `run`, and the command that leads to it. [`close`](Terminal::close) is called before `run` returns.
    pub(crate) fn of(lent: &abi::Command, name: String, arguments: Vec<String>) -> (Arc<Self>, Command) {
        let terminal = Arc::new(Self {
            context: lent.context,
            print: lent.print,
            interrupted: lent.interrupted,
            open: Gate::new(true),
        });
        (terminal.clone(), Command { name, arguments, terminal })
    }

    /// Nothing of the host's is called after this.
    pub(crate) fn close(&self) {
        self.open.close();
    }

    fn print(&self, text: &str) -> Status {
        match (self.open.enter(), self.print) {
            // SAFETY: the gate is open, so `run` has not returned; the text is lent for the call.
            (Some(_inside), Some(print)) => unsafe { print(self.context, Str::new(text)) },
            _ => Status::CLOSED,
        }
    }

    /// Also where the command is over.
    fn is_interrupted(&self) -> bool {
        let inside: Option<Inside<'_>> = self.open.enter();
        match (inside, self.interrupted) {
            // SAFETY: as above.
            (Some(_inside), Some(interrupted)) => unsafe { interrupted(self.context) != 0 },
            (inside, _) => inside.is_none(),
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}
