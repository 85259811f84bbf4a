//! How the pump is doing.

use std::cell::Cell;
use std::time::Duration;

use tidegate_plugin::Log;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::source::Failure;

/// The same failure is logged this often.
const AGAIN: Duration = Duration::from_secs(60);

/// What the pump is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It begins.
    Connecting,
    /// Another node listens: it takes over when that ends.
    Waiting,
    /// It listens.
    Listening,
    /// It has failed, and tries again.
    Failing(Failure),
    /// It was told to rest.
    Resting,
}

impl Phase {
    /// In a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
            Self::Listening => "listening",
            Self::Failing(_) => "failing",
            Self::Resting => "resting",
        }
    }

    /// Why it has failed.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Failing(failure) => Some(failure.to_string()),
            _ => None,
        }
    }
}

/// How the pump is doing, for health and for whoever waits for a phase.
#[derive(Debug)]
pub struct Pulse {
    phase: watch::Sender<Phase>,
    listened: Cell<bool>,
    began: Cell<bool>,
    delay: Cell<Option<Duration>>,
}

impl Default for Pulse {
    fn default() -> Self {
        let phase = watch::Sender::new(Phase::Connecting);
        Self { phase, listened: Cell::default(), began: Cell::default(), delay: Cell::default() }
    }
}

impl Pulse {
    /// What it is at.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// Waits until it is at something of this kind.
    pub async fn until(&self, is: impl FnMut(&Phase) -> bool) {
        let mut phase = self.phase.subscribe();
        // The sender is ours.
        let _phase = phase.wait_for(is).await;
    }

    /// From commit to being safe: how long that took the last time.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.delay.get()
    }

    /// Whether it has ever listened.
    pub(super) fn has_begun(&self) -> bool {
        self.began.get()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.began.set(self.began.get() || phase == Phase::Listening);
        self.phase.send_replace(phase);
    }

    /// The source has told something.
    pub(super) fn heard(&self, delay: Option<Duration>) {
        self.listened.set(true);
        self.delay.set(delay.or(self.delay.get()));
    }

    /// Whether the source has told something since this was asked last.
    pub(super) fn take_listened(&self) -> bool {
        self.listened.take()
    }
}

/// Logs failures, the same one seldom.
pub(super) struct Teller {
    log: Log,
    last: Option<(String, Instant)>,
}

impl Teller {
    pub(super) fn new(log: Log) -> Self {
        Self { log, last: None }
    }

    pub(super) fn tell(&mut self, failure: &Failure) {
        let text = failure.to_string();
        if self.last.as_ref().is_some_and(|(last, at)| *last == text && at.elapsed() < AGAIN) {
            return;
        }
        match failure {
            Failure::Passing(_) => self.log.warn(format_args!("listening is tried again: {text}")),
            Failure::Lasting(_) => self.log.error(format_args!("listening waits for the operator: {text}")),
        }
        self.last = Some((text, Instant::now()));
    }

    /// It went well since: the next failure is news.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}
