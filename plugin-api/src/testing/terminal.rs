//! Commands of operators, at a terminal that the test holds.
#![allow(unsafe_code, reason = "the plugin's extension is called here")]

use std::ffi::c_void;
use std::sync::Mutex;

use super::hooks::{Plugged, life};
use super::{Setup, drive};
use crate::abi::{self, Buf, Status, Str, ext};
use crate::host::lock;

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it printed.
    pub printed: String,
    /// Whether it went well; else the status and the text for the operator.
    pub outcome: Result<(), String>,
}

/// What the command's callbacks lead to.
struct Screen {
    printed: Mutex<String>,
    /// Lines after which the operator wants the end; none: never.
    interrupt_after: Option<usize>,
}

impl Setup {
    /// Has the operator interrupt a command once it has printed so many lines.
    #[must_use]
    pub fn interrupt_after(self, lines: usize) -> Self {
        Self { interrupt_after: Some(lines), ..self }
    }

    /// Creates the plugin, has it carry out one of its manifest's commands, and destroys it.
    ///
    /// # Panics
    /// Where the manifest has no such command, or it does not end.
    #[must_use]
    pub fn command(self, name: &str, arguments: &[&str]) -> Ran {
        let screen = Screen { printed: Mutex::default(), interrupt_after: self.interrupt_after };
        let mut plugged = match drive::plug(self) {
            Ok(plugged) => plugged,
            Err(error) => return Ran { printed: String::new(), outcome: Err(error) },
        };
        let index = plugged.commands.iter().position(|command| command == name);
        let index = index.unwrap_or_else(|| panic!("the manifest has no command '{name}'")) as u32;
        let (name, arguments) =
            (name.to_owned(), arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        let (outcome, screen) = plugged.test.hooks.run(move |plugged| {
            let outcome = run(plugged, index, &name, &arguments, &screen);
            (outcome, screen)
        });
        plugged.test.inner.change(|state| state.phase = super::state::Phase::Stopped);
        plugged.test.finish();
        Ran { printed: lock(&screen.printed).clone(), outcome }
    }
}

fn run(
    plugged: &Plugged,
    index: u32,
    name: &str,
    arguments: &[String],
    screen: &Screen,
) -> Result<(), String> {
    let commands = plugged.extension::<abi::Commands>(ext::COMMANDS).and_then(|commands| commands.run);
    let run = commands.ok_or("it has no extension commands")?;
    let arguments: Vec<Str> = arguments.iter().map(|argument| Str::new(argument)).collect();
    let command = abi::Command {
        command: index,
        reserved: 0,
        name: Str::new(name),
        arguments: arguments.as_ptr(),
        arguments_len: arguments.len() as u64,
        context: std::ptr::from_ref(screen).cast_mut().cast(),
        print: Some(print),
        interrupted: Some(interrupted),
    };
    let mut error = Buf::EMPTY;
    // SAFETY: on the hook thread, in the place of start; all that is lent, and the screen, hold for the call.
    unsafe {
        let status = run(plugged.instance, &raw const command, &raw mut error);
        life(status, error)
    }
}

unsafe extern "C" fn print(context: *mut c_void, text: Str) -> Status {
    // SAFETY: the screen of a command that runs, and a text that is lent for the call.
    let (screen, text) = unsafe { (&*context.cast::<Screen>(), text.as_str()) };
    let Ok(text) = text else { return Status::INVALID };
    lock(&screen.printed).push_str(text);
    Status::OK
}

unsafe extern "C" fn interrupted(context: *mut c_void) -> u32 {
    // SAFETY: the screen of a command that runs.
    let screen = unsafe { &*context.cast::<Screen>() };
    let lines = lock(&screen.printed).lines().count();
    u32::from(screen.interrupt_after.is_some_and(|after| lines >= after))
}
