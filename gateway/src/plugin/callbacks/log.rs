//! `tidegate.log/1`: works from `create` to `destroy`.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tidegate_plugin::abi::{
    Host, LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_TRACE, LOG_WARN, Log, Pair, Status, Str,
};
use tracing::Level;

use super::{items, shared};

pub(super) static TABLE: Log = Log { enabled: Some(enabled), write: Some(write), panicked: Some(panicked) };

/// Bytes of a line at most.
const LONGEST: usize = 8 * 1024;

fn level(level: u32) -> Option<Level> {
    match level {
        LOG_TRACE => Some(Level::TRACE),
        LOG_DEBUG => Some(Level::DEBUG),
        LOG_INFO => Some(Level::INFO),
        LOG_WARN => Some(Level::WARN),
        LOG_ERROR => Some(Level::ERROR),
        _ => None,
    }
}

unsafe extern "C" fn enabled(_host: *const Host, number: u32) -> u32 {
    u32::from(level(number).is_some_and(|level| level <= tracing::level_filters::LevelFilter::current()))
}

unsafe extern "C" fn write(
    host: *const Host,
    number: u32,
    message: Str,
    fields: *const Pair,
    fields_len: u64,
) -> Status {
    let Some(level) = level(number) else { return Status::INVALID };
    // SAFETY: the plugin's host.
    let Some(shared) = (unsafe { shared(host) }) else { return Status::CLOSED };
    let written = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: texts that the plugin lends for the call.
        let (message, fields) = unsafe { (message.as_bytes(), items(fields, fields_len)) };
        let mut line = String::from_utf8_lossy(&message[..message.len().min(LONGEST)]).into_owned();
        for field in fields {
            // SAFETY: as above.
            let (name, value) = unsafe { (field.name.as_bytes(), field.value.as_bytes()) };
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            let _infallible = write!(line, " {name}={value}");
        }
        line.truncate(line.floor_char_boundary(LONGEST));
        let plugin = &*shared.name;
        match level {
            Level::TRACE => tracing::trace!(target: "plugin", plugin, "{line}"),
            Level::DEBUG => tracing::debug!(target: "plugin", plugin, "{line}"),
            Level::INFO => tracing::info!(target: "plugin", plugin, "{line}"),
            Level::WARN => tracing::warn!(target: "plugin", plugin, "{line}"),
            Level::ERROR => tracing::error!(target: "plugin", plugin, "{line}"),
        }
    }));
    if written.is_ok() { Status::OK } else { Status::INTERNAL }
}

unsafe extern "C" fn panicked(host: *const Host, place: Str, message: Str) -> Status {
    // SAFETY: the plugin's host.
    let Some(shared) = (unsafe { shared(host) }) else { return Status::CLOSED };
    let counted = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: texts that the plugin lends for the call.
        let (place, message) = unsafe { (place.as_bytes(), message.as_bytes()) };
        shared.tally.panics.add(1);
        let (place, message) = (String::from_utf8_lossy(place), String::from_utf8_lossy(message));
        tracing::error!(target: "plugin", plugin = &*shared.name, "panicked in {place}: {message}");
    }));
    if counted.is_ok() { Status::OK } else { Status::INTERNAL }
}
