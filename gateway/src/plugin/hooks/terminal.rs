//! The hook of `tidegate.commands/1`, and the terminal that it gets.
#![allow(unsafe_code, reason = "calls into plugins, and is called by them, through C pointers")]

use std::ffi::c_void;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate_plugin::abi::{self, Buf, Status, Str, ext};

use super::{Hooks, operator_text};
use crate::plugin::command::Asked;

impl Hooks {
    /// Carries out a command, in the place of `start`; else the status, and why.
    pub(in crate::plugin) fn command(&self, index: u32, asked: &Asked<'_>) -> Result<(), (Status, String)> {
        // SAFETY: the plugin answers an id with the struct of that id, or null.
        let commands = unsafe { self.extension::<abi::Commands>(ext::COMMANDS) };
        let Some(run) = commands.and_then(|commands| commands.run) else {
            let text = format!("it declares commands but has no extension '{}'", ext::COMMANDS);
            return Err((Status::UNSUPPORTED, text));
        };
        let arguments: Vec<Str> = asked.arguments.iter().map(|argument| Str::new(argument)).collect();
        let lent = abi::Command {
            command: index,
            reserved: 0,
            name: Str::new(asked.command),
            arguments: arguments.as_ptr(),
            arguments_len: arguments.len() as u64,
            context: std::ptr::from_ref(asked.interrupted).cast_mut().cast(),
            print: Some(print),
            interrupted: Some(interrupted),
        };
        let mut error = Buf::EMPTY;
        // SAFETY: on the hook thread, which this one is, in the place of `start`; all that is lent holds for the call.
        let status = unsafe { run(self.instance, &raw const lent, &raw mut error) };
        if status == Status::OK { Ok(()) } else { Err((status, operator_text(error))) }
    }
}

unsafe extern "C" fn print(_: *mut c_void, text: Str) -> Status {
    // SAFETY: the plugin lends it for the call.
    let text = unsafe { text.as_bytes() };
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Status::OK,
        Err(_) => Status::CLOSED, // its reader has gone
    }
}

unsafe extern "C" fn interrupted(context: *mut c_void) -> u32 {
    // SAFETY: what `command` lent, which has not returned.
    let interrupted = unsafe { &*context.cast::<AtomicBool>() };
    u32::from(interrupted.load(Ordering::Relaxed))
}
