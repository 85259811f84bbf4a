//! Telling a client how far it has got, where that is told.

use std::rc::Rc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Ledger, Outbound, Progress, Taken, Tell};
use crate::frame::{Cursor, Frames};

impl Outbound {
    /// From here on its client is told how far it has got, behind what is sent; once.
    pub(in crate::session) fn track(&self, progress: Progress) {
        self.progress.get_or_init(|| Rc::new(progress));
    }

    /// How far its client has got, where that is told.
    pub(in crate::session) fn progress(&self) -> Option<&Progress> {
        self.progress.get().map(|progress| &**progress)
    }

    /// Its client is told once more how far it has got, where it is told that.
    pub(in crate::session) fn repeat_progress(&self) {
        if let Some(progress) = self.progress.get() {
            progress.repeat();
            self.wake();
        }
    }

    /// Where its client is told how far it has got, and nothing waits for it: it has got as far as this, by number of a
    /// room.
    pub(in crate::session) fn move_on(&self, standings: impl FnOnce() -> Vec<(u64, Cursor)>) {
        let Some(progress) = self.progress.get().filter(|_| self.is_straight()) else { return };
        if progress.move_on(&standings()) {
            self.wake();
        }
    }

    /// As [`offer`](Self::offer), and its client is told in the same write how far it has got with that: were it told in
    /// another, it might lose its connection between the two, and get the events again.
    #[inline(never)]
    pub(in crate::session) fn offer_told(
        &self,
        progress: &Progress,
        frames: &Rc<Frames>,
        ledger: &Rc<Ledger>,
        mut tell: impl Tell,
    ) -> Taken {
        let straight = self.is_straight() && !self.last.get();
        let Some(told) = straight.then(|| progress.behind(frames)).flatten() else {
            return self.offer(frames, ledger);
        };
        let text = tell.progress(&told);
        let pieces: SmallVec<[Bytes; 2]> = frames.runs.iter().chain([&text]).cloned().collect();
        let sent = self.send_pieces(&pieces);
        if sent < frames.total || self.dead.get() {
            return self.keep(Rc::clone(frames), sent, ledger);
        }
        progress.has_told(frames);
        tell.told(text.len());
        let rest = text.slice(sent - frames.total..);
        if !rest.is_empty() || self.socket.held() > 0 {
            self.fall_behind(ledger, |backlog| match rest.is_empty() {
                true => {} // but for what is sealed
                false => backlog.reply(rest, true),
            });
        }
        Taken::Yes
    }

    /// Puts how far its client has got behind the frame that is partly sent, where it is to be told.
    pub(super) fn tell_progress(&self, ledger: &Rc<Ledger>, tell: &mut impl Tell) {
        let due = || self.progress.get().filter(|_| !self.dead.get() && !self.last.get())?.take_due();
        if let Some(bookmark) = due() {
            let text = tell.progress(&bookmark);
            tell.told(text.len());
            self.fall_behind(ledger, |backlog| backlog.mark(text));
        }
    }
}
