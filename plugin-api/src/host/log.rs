//! The gateway's log.

use std::fmt;

use super::bridge::pairs;
use crate::Host;
use crate::abi;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The finest.
    Trace,
    /// For those who look for a fault.
    Debug,
    /// What an operator wants to read.
    Info,
    /// What an operator should look at.
    Warn,
    /// What an operator must look at.
    Error,
}

impl Level {
    fn number(self) -> u32 {
        match self {
            Self::Trace => abi::LOG_TRACE,
            Self::Debug => abi::LOG_DEBUG,
            Self::Info => abi::LOG_INFO,
            Self::Warn => abi::LOG_WARN,
            Self::Error => abi::LOG_ERROR,
        }
    }
}

/// The gateway's log; lines are marked with the instance's name. Works as long as the instance exists, on any thread.
#[derive(Debug, Clone)]
pub struct Log(pub(crate) Host);

impl Log {
    /// Whether lines of that level are written.
    #[must_use]
    pub fn enabled(&self, level: Level) -> bool {
        self.0.bridge().log_enabled(level.number())
    }

    /// Writes a line with fields.
    pub fn write(&self, level: Level, message: impl fmt::Display, fields: &[(&str, &str)]) {
        if self.enabled(level) {
            self.0.bridge().log(level.number(), &message.to_string(), &pairs(fields));
        }
    }

    /// Writes a line that an operator must look at.
    pub fn error(&self, message: impl fmt::Display) {
        self.write(Level::Error, message, &[]);
    }

    /// Writes a line that an operator should look at.
    pub fn warn(&self, message: impl fmt::Display) {
        self.write(Level::Warn, message, &[]);
    }

    /// Writes a line that an operator wants to read.
    pub fn info(&self, message: impl fmt::Display) {
        self.write(Level::Info, message, &[]);
    }

    /// Writes a line for those who look for a fault.
    pub fn debug(&self, message: impl fmt::Display) {
        self.write(Level::Debug, message, &[]);
    }
}
