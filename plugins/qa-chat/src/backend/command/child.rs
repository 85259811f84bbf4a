//! A program that runs, in a process group of its own.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use crate::backend::Failure;
use crate::backend::piece::brief;
use crate::settings;
use crate::wire::{Ends, Lines};

/// What of our environment a program gets besides what the settings say: no secret of the gateway's.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];
/// Bytes of what it complained of last that are kept.
const COMPLAINT: usize = 1000;
/// Bytes that are read at once.
const PART: usize = 8 * 1024;

/// See the module's documentation. Dropped, it is killed with all that it has started.
#[derive(Debug)]
pub(super) struct Child {
    /// None while it is being ended.
    process: Option<tokio::process::Child>,
    group: Pid,
    input: ChildStdin,
    output: ChildStdout,
    lines: Lines,
    longest: usize,
    /// The end of what it wrote to its standard error.
    complaint: Arc<Mutex<Vec<u8>>>,
}

impl Child {
    pub(super) fn start(settings: &settings::Command, longest: usize) -> Result<Self, Failure> {
        let wrong =
            |why: &dyn std::fmt::Display| Failure::Unreachable(format!("'{}': {why}", settings.program));
        let mut command = Command::new(&settings.program);
        command.args(&settings.args).env_clear().process_group(0).kill_on_drop(true);
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(&settings.env);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = &settings.folder {
            command.current_dir(folder);
        }
        let mut process = command.spawn().map_err(|error| wrong(&error))?;
        let group = process.id().and_then(|id| Pid::from_raw(id as i32));
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(group), (Some(input), Some(output), Some(errors))) = (group, pipes) else {
            return Err(wrong(&"it has no pipes"));
        };
        let complaint = Arc::default();
        tokio::spawn(listen(errors, Arc::clone(&complaint)));
        let lines = Lines::new(Ends::Lf, longest);
        Ok(Self { process: Some(process), group, input, output, lines, longest, complaint })
    }

    /// Whether it has not ended. One that has is not reaped by this, so that its number still stands for its group.
    pub(super) fn is_alive(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }

    /// Whether it has said something that nobody has read: more than an answer.
    pub(super) fn says_more(&self) -> bool {
        !self.lines.is_between() || ioctl_fionread(&self.output).is_ok_and(|bytes| bytes > 0)
    }

    /// Gives it a question.
    pub(super) async fn write(&mut self, line: &[u8]) -> Result<(), Failure> {
        let written = async {
            self.input.write_all(line).await?;
            self.input.flush().await
        };
        written.await.map_err(|error| self.broken(&error.to_string()))
    }

    /// Reads more; what lines that ends goes to `lines`.
    pub(super) async fn read(&mut self, lines: &mut VecDeque<Vec<u8>>) -> Result<(), Failure> {
        let mut part = [0; PART];
        let count = match self.output.read(&mut part).await {
            Ok(0) => return Err(self.broken("it ended in the middle of an answer")),
            Ok(count) => count,
            Err(error) => return Err(self.broken(&error.to_string())),
        };
        let fed = self.lines.feed(&part[..count], |line| lines.push_back(line.to_vec()));
        fed.map_err(|_| Failure::TooLong(self.longest))
    }

    fn broken(&self, why: &str) -> Failure {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let complaint = String::from_utf8_lossy(&complaint);
        match brief(complaint.trim()) {
            said if said.is_empty() => Failure::Broken(why.into()),
            said => Failure::Broken(format!("{why}: {said}")),
        }
    }

    /// Kills it, and waits for its end.
    pub(super) async fn end(mut self) {
        self.kill();
        if let Some(mut process) = self.process.take() {
            // It ends in any case: there is nothing to do about an error.
            drop(process.wait().await);
        }
    }

    fn kill(&self) {
        // Where all of them have ended, that is what was wanted.
        let _ended = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.process.is_some() {
            // Its number is free for others only once it is reaped, which it is behind this.
            self.kill();
        }
    }
}

/// Keeps the end of what a program complains of.
async fn listen(mut errors: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut part).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&part[..count]);
        let over = kept.len().saturating_sub(COMPLAINT);
        kept.drain(..over);
    }
}
