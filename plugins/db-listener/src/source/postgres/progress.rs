//! How far a stream has got, and how far the server may forget.

use super::lsn::Lsn;

/// How far a stream has got. The server may forget what is safe, and, once all that was told is safe, also what was not worth telling:
/// else the log would pile up while only others write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// The end of what was received, between transactions.
    received: Lsn,
    /// The end of the last transaction that had something to tell.
    told: Lsn,
    /// The end of what is safe.
    safe: Lsn,
}

impl Progress {
    /// At its beginning.
    pub(super) fn at(start: Lsn) -> Self {
        Self { received: start, told: Lsn::default(), safe: start }
    }

    /// A transaction has ended.
    pub(super) fn ended(&mut self, end: Lsn, told: bool) {
        if told {
            // What was forgettable before stays so.
            self.safe = self.forgettable();
            self.told = end;
        }
        self.received = self.received.max(end);
    }

    /// The server says, between transactions, how far it has got.
    pub(super) fn passed(&mut self, end: Lsn) {
        self.received = self.received.max(end);
    }

    /// All is safe up to here.
    pub(super) fn confirmed(&mut self, end: Lsn) {
        self.safe = self.safe.max(end);
    }

    /// The end of what was received.
    pub(super) fn received(&self) -> Lsn {
        self.received
    }

    /// Up to where the server may forget.
    pub(super) fn forgettable(&self) -> Lsn {
        if self.safe >= self.told { self.received.max(self.safe) } else { self.safe }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_worth_telling_is_forgotten_once_all_before_is_safe() {
        let mut progress = Progress::at(Lsn(10));
        progress.passed(Lsn(20));
        assert_eq!(progress.forgettable(), Lsn(20));
        progress.ended(Lsn(30), true);
        progress.ended(Lsn(40), false);
        progress.passed(Lsn(50));
        assert_eq!(progress.forgettable(), Lsn(20));
        progress.confirmed(Lsn(30));
        assert_eq!(progress.forgettable(), Lsn(50));
    }
}
