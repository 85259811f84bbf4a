//! What a client sends behind a request that waits for its answer. It is read, so that pings are answered and a close is
//! seen meanwhile, and kept here until its turn.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Sleep, sleep};

/// Messages at most; more are left in the socket.
const MOST: usize = 16;
/// Bytes that are enough; with one message more it may be more.
const ENOUGH: usize = 64 * 1024;
/// An answer that takes longer is a long one: what asks only whether somebody is there does not wait for it.
const LONG: Duration = Duration::from_millis(250);

/// A message of its own memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) payload: Bytes,
    pub(super) text: bool,
    /// It asks only whether somebody is there.
    passes: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Behind {
    held: VecDeque<Held>,
    bytes: usize,
    /// Until the answer in front is a long one; there only while somebody asks meanwhile.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Behind {
    /// Whether nothing more should be read.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= MOST || self.bytes >= ENOUGH
    }

    /// Keeps a message; `passes`: it may go before a long answer.
    pub(super) fn push(&mut self, payload: &[u8], text: bool, passes: bool) {
        self.bytes += payload.len();
        self.held.push_back(Held { payload: Bytes::copy_from_slice(payload), text, passes });
    }

    /// The next message, where nothing is in front of it any more.
    pub(super) fn pop(&mut self) -> Option<Held> {
        self.patience = None;
        self.take(0)
    }

    /// A message that goes before the answer in front, where that is a long one; the task is woken when it becomes one.
    pub(super) fn passing(&mut self, cx: &mut Context<'_>) -> Option<Held> {
        let first = self.held.iter().position(|held| held.passes)?;
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(LONG)));
        if !patience.is_elapsed() && patience.as_mut().poll(cx).is_pending() {
            return None;
        }
        self.take(first)
    }

    fn take(&mut self, index: usize) -> Option<Held> {
        let held = self.held.remove(index)?;
        self.bytes -= held.payload.len();
        Some(held)
    }
}
