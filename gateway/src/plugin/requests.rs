//! The requests that an instance has been handed and has not answered: numbers, never pointers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::queue::Kind;
use crate::hub::calls::Answer;
use crate::web::Response;

/// Pieces of a streamed body that wait for its reader.
pub(super) const PIECES: usize = 16;

/// Why a streamed body broke off.
pub(super) type Cut = &'static str;

/// An answer to an HTTP request.
pub(super) enum HttpAnswer {
    /// All of it.
    Whole(Response),
    /// The head; the body comes in pieces.
    Pieces(StatusCode, HeaderMap, mpsc::Receiver<Result<Bytes, Cut>>),
}

/// Who waits for an answer.
pub(super) enum Waiting {
    /// An HTTP client.
    Http(oneshot::Sender<HttpAnswer>),
    /// An HTTP client that has the head: pieces of the body follow, and the last, for which a place is kept.
    Body(mpsc::Sender<Result<Bytes, Cut>>, mpsc::OwnedPermit<Result<Bytes, Cut>>),
    /// A session: parts, and the end, for which a place is kept.
    Call(mpsc::Sender<Answer>, mpsc::OwnedPermit<Answer>),
    /// The host itself, which asks how the plugin is.
    Health(oneshot::Sender<Result<Bytes, String>>),
}

impl Waiting {
    /// Which hook is told of a cancel; none for the host's own questions.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Http(_) | Self::Body(..) => Some(Kind::Http),
            Self::Call(..) => Some(Kind::Call),
            Self::Health(_) => None,
        }
    }
}

/// Open requests by number; a number is never given twice.
pub(super) struct Requests {
    next: AtomicU64,
    /// None once the instance has stopped: nobody will answer what comes then.
    open: Mutex<Option<Table>>,
}

type Table = HashMap<u64, Open, foldhash::fast::RandomState>;

struct Open {
    waiting: Waiting,
    /// The plugin has been told of it.
    delivered: bool,
    /// When its answer last moved on.
    moved: Instant,
}

/// Why a number leads to no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// It was answered, cancelled or timed out.
    Closed,
    /// It never was one.
    Never,
}

impl Default for Requests {
    fn default() -> Self {
        Self { next: AtomicU64::new(1), open: Mutex::new(Some(Table::default())) }
    }
}

impl Requests {
    /// Opens a request; none where the instance has stopped.
    pub(super) fn insert(&self, waiting: Waiting) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let open = Open { waiting, delivered: false, moved: Instant::now() };
        self.open.lock().as_mut()?.insert(number, open);
        Some(number)
    }

    /// Takes a request out, for its one answer.
    pub(super) fn take(&self, number: u64) -> Result<Waiting, Gone> {
        self.cancel(number).map(|(waiting, _)| waiting).ok_or_else(|| self.gone(number))
    }

    /// Takes a request out if it `fits`, and none where it does not.
    pub(super) fn take_if(
        &self,
        number: u64,
        fits: impl FnOnce(&Waiting) -> bool,
    ) -> Result<Option<Waiting>, Gone> {
        let mut all = self.open.lock();
        let found = all.as_mut().and_then(|all| match all.entry(number) {
            Entry::Occupied(entry) if fits(&entry.get().waiting) => Some(Some(entry.remove().waiting)),
            Entry::Occupied(_) => Some(None),
            Entry::Vacant(_) => None,
        });
        found.ok_or_else(|| self.gone(number))
    }

    /// Changes or looks at a request that stays open.
    pub(super) fn with<T>(&self, number: u64, look: impl FnOnce(&mut Waiting) -> T) -> Result<T, Gone> {
        self.look(number, |open| look(&mut open.waiting)).ok_or_else(|| self.gone(number))
    }

    fn look<T>(&self, number: u64, look: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.open.lock().as_mut()?.get_mut(&number).map(look)
    }

    /// The plugin is about to be told of a request; `false` where nobody waits for it any more.
    pub(super) fn deliver(&self, number: u64) -> bool {
        self.look(number, |open| open.delivered = true).is_some()
    }

    /// Takes out a request that nobody waits for any more; and whether the plugin has been told of it.
    pub(super) fn cancel(&self, number: u64) -> Option<(Waiting, bool)> {
        let open = self.open.lock().as_mut()?.remove(&number)?;
        Some((open.waiting, open.delivered))
    }

    /// The answer has moved on: its time starts anew.
    pub(super) fn touch(&self, number: u64) {
        self.look(number, |open| open.moved = Instant::now());
    }

    /// When the answer last moved on.
    pub(super) fn moved(&self, number: u64) -> Option<Instant> {
        self.look(number, |open| open.moved)
    }

    fn gone(&self, number: u64) -> Gone {
        if (1..self.next.load(Ordering::Relaxed)).contains(&number) { Gone::Closed } else { Gone::Never }
    }

    /// Takes all out and lets none in any more: nobody will answer them.
    pub(super) fn close(&self) -> Vec<Waiting> {
        let open = self.open.lock().take();
        open.into_iter().flatten().map(|(_, open)| open.waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        Waiting::Http(oneshot::channel().0)
    }

    #[test]
    fn a_request_after_the_end_is_not_taken() {
        let requests = Requests::default();
        let number = requests.insert(waiting()).unwrap();
        assert_eq!(requests.close().len(), 1);
        assert!(requests.insert(waiting()).is_none(), "it would wait for its time-out");
        assert_eq!(requests.with(number, |_| ()), Err(Gone::Closed));
    }

    #[test]
    fn what_does_not_fit_stays() {
        let requests = Requests::default();
        let number = requests.insert(waiting()).unwrap();
        let is_call = |waiting: &Waiting| matches!(waiting, Waiting::Call(..));
        assert!(matches!(requests.take_if(number, is_call), Ok(None)));
        assert!(matches!(requests.take_if(number, |_| true), Ok(Some(_))));
        assert!(matches!(requests.take_if(number, |_| true), Err(Gone::Closed)));
        assert!(matches!(requests.take_if(99, |_| true), Err(Gone::Never)));
    }
}
