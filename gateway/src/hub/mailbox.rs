//! A shard's mailbox: the one way in for what other threads have for its sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::directory::Slot;
use super::order::Order;
use super::presence::Look;
use super::room::Room;
use crate::frame::Posted;

/// What comes in a mailbox, in order.
pub(crate) enum Letter {
    /// An event for the room's members here.
    Event(Arc<Room>, Arc<Posted>),
    /// One event in several rooms: an entry, walked once.
    Unit(Parts),
    /// From here on the session gets the room's events.
    Attach(Arc<Room>, Attach),
    /// What another thread wants of a session; never refused, in order with its events.
    Order(Slot, Order),
    /// What another thread wants to know of this shard.
    Ask(Ask),
    /// The mailbox has missed what the log had committed of a room: its members here are to read on from history.
    Missed(Arc<Room>),
    /// Who is in a room here; answered in the room's turn.
    Look(Arc<Room>, Look),
}

/// An event in each of several rooms.
pub(crate) type Parts = Box<[(Arc<Room>, Arc<Posted>)]>;

/// Runs on the shard's thread with what all its sessions say of themselves.
pub(crate) type Ask = Box<dyn FnOnce(&mut dyn Iterator<Item = super::order::SessionInfo>) + Send>;

/// The mark in a mailbox that lies between the events before a join and those after it.
pub(crate) enum Attach {
    /// Put by the session itself, which holds a membership with this number.
    Session(Slot, u32),
    /// Put by another thread, which is told how it went; the events after `offset` lie behind the mark.
    Elsewhere {
        /// The session.
        slot: Slot,
        /// The room's last event then.
        offset: u64,
        /// What the room shows who joins, of those before.
        cached: Vec<Arc<Posted>>,
        /// Where the answer goes.
        done: oneshot::Sender<Result<(), super::JoinError>>,
    },
}

#[derive(Default)]
struct Letters {
    all: Vec<Letter>,
    /// The shard will look for them.
    woken: bool,
}

/// Bounded in bytes, which count from the publish until the event has been walked.
pub struct Mailbox {
    letters: Mutex<Letters>,
    bytes: AtomicUsize,
    limit: usize,
    wake: Notify,
}

impl Mailbox {
    /// An empty mailbox for `limit` bytes of events.
    pub fn new(limit: usize) -> Self {
        Self { letters: Mutex::default(), bytes: AtomicUsize::new(0), limit, wake: Notify::new() }
    }

    /// Takes `size` bytes of this mailbox, and of the room's share of it (`queued`, a quarter at most), or
    /// neither. A room with nothing queued always gets one event in, whatever its size.
    pub(crate) fn reserve(&self, queued: &AtomicUsize, size: usize) -> bool {
        let before = queued.fetch_add(size, Ordering::Relaxed);
        if before > 0 && before + size > self.limit / 4 {
            queued.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        if before > 0 && before + size > self.limit {
            self.release(queued, size);
            return false;
        }
        true
    }

    /// Gives back what [`reserve`](Self::reserve) took.
    pub(crate) fn release(&self, queued: &AtomicUsize, size: usize) {
        queued.fetch_sub(size, Ordering::Relaxed);
        self.bytes.fetch_sub(size, Ordering::Relaxed);
    }

    /// Puts a letter in, and wakes the shard where nobody has.
    pub(crate) fn push(&self, letter: Letter) {
        if self.put(letter) {
            self.wake();
        }
    }

    /// Puts a letter in; answers whether nobody has woken the shard yet, so that it is to be [woken](Self::wake), at once
    /// or together with what else comes for it. Until then the next letter has the same answer: whoever wakes at
    /// once does not wait for those that do it later.
    pub(super) fn put(&self, letter: Letter) -> bool {
        let mut letters = self.letters.lock();
        letters.all.push(letter);
        !letters.woken
    }

    /// Has the shard look for letters.
    pub(super) fn wake(&self) {
        if !std::mem::replace(&mut self.letters.lock().woken, true) {
            self.wake.notify_one();
        }
    }

    /// Takes all letters; `into` comes back empty as the next buffer.
    pub(crate) fn take(&self, into: &mut Vec<Letter>) {
        debug_assert!(into.is_empty());
        let mut letters = self.letters.lock();
        letters.woken = false;
        std::mem::swap(&mut letters.all, into);
    }

    /// Waits until there may be letters.
    pub async fn filled(&self) {
        self.wake.notified().await;
    }

    /// Bytes of events that wait or are being walked.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter::Ask(Box::new(|_| {}))
    }

    #[test]
    fn who_wakes_at_once_does_not_wait_for_those_that_do_it_later() {
        let mailbox = Mailbox::new(1);
        let mut letters = Vec::new();
        for _ in 0..2 {
            assert!(mailbox.put(letter()), "to be woken later");
            assert!(mailbox.put(letter()), "and still to be woken");
            mailbox.wake();
            assert!(!mailbox.put(letter()));
            mailbox.take(&mut letters);
            assert_eq!(letters.drain(..).count(), 3);
        }
    }
}
