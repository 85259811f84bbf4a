//! Sessions that read histories take turns, so that thousands that come back at once leave live events their time.
//!
//! A turn of the shard's loop has so many bytes for readers. Who finds them used up, or others waiting, waits in a line;
//! between two turns the walk goes on and the sockets are polled.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;

use super::{Common, Session};
use crate::hub::Slot;

/// Bytes of histories that are read in a turn: about as long as a slice of a walk.
const TURN: usize = 64 * 1024;
/// Sessions of the line that read in a turn, each its part of it.
const AT_ONCE: usize = 4;

/// The readers of one shard.
#[derive(Default)]
pub(super) struct Readers {
    /// Bytes of this turn that are used.
    used: Cell<usize>,
    line: RefCell<VecDeque<Slot>>,
    call: Notify,
}

/// Where a session stands that wants to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nowhere.
    #[default]
    Out,
    /// In the line.
    Waits,
    /// It is its turn.
    Has,
}

impl Readers {
    /// Bytes that a session may read now. None while others wait, unless it is its turn.
    pub(super) fn space(&self, turn: Turn) -> usize {
        match turn {
            Turn::Has => TURN / AT_ONCE,
            Turn::Out if self.line.borrow().is_empty() => TURN.saturating_sub(self.used.get()),
            Turn::Out | Turn::Waits => 0,
        }
    }

    /// So many bytes were read.
    pub(super) fn spend(&self, bytes: usize) {
        if bytes > 0 {
            self.used.set(self.used.get() + bytes);
            self.call.notify_one();
        }
    }

    /// Has a session wait for its turn.
    pub(super) fn enqueue(&self, slot: Slot) {
        self.line.borrow_mut().push_back(slot);
        self.call.notify_one();
    }
}

/// Gives turns to the readers of `common`; never ends.
pub async fn admit(common: Rc<Common>) {
    let readers = &common.readers;
    loop {
        readers.call.notified().await;
        while readers.used.replace(0) > 0 || !readers.line.borrow().is_empty() {
            for _ in 0..AT_ONCE {
                let Some(slot) = readers.line.borrow_mut().pop_front() else { break };
                if let Some(session) = common.shard.guest(slot) {
                    session.turn.set(Turn::Has);
                    session.outbound.wake();
                }
            }
            tokio::task::yield_now().await; // the walk, the sockets, and those whose turn it is
        }
    }
}

impl Session {
    /// Whether it may read on from a history now; if not, it is woken when it may.
    pub(super) fn may_read(&self) -> bool {
        let turn = self.turn.get();
        if self.common.readers.space(turn) > 0 {
            return true;
        }
        if let (Turn::Out, Some(slot)) = (turn, self.seat.slot()) {
            self.turn.set(Turn::Waits);
            self.common.readers.enqueue(slot);
        }
        false
    }

    /// It has read so many bytes.
    pub(super) fn has_read(&self, bytes: usize) {
        self.common.readers.spend(bytes);
        if self.turn.get() == Turn::Has {
            self.turn.set(Turn::Out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_so_many_bytes_and_who_waits_comes_first() {
        let readers = Readers::default();
        assert_eq!(readers.space(Turn::Out), TURN);
        readers.spend(TURN - 1);
        assert_eq!(readers.space(Turn::Out), 1);
        readers.spend(1000);
        assert_eq!((readers.space(Turn::Out), readers.space(Turn::Waits)), (0, 0));
        readers.used.set(0);
        readers.enqueue(Slot { shard: 0, index: 1, generation: 1 });
        assert_eq!((readers.space(Turn::Out), readers.space(Turn::Has)), (0, TURN / AT_ONCE));
    }
}
