//! The requests that an instance has been handed and has not answered: numbers, never pointers.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::queue::Kind;
use crate::hub::calls::Answer;
use crate::web::{Refusal, Response};

/// Pieces of a streamed body that wait for its reader.
pub(super) const PIECES: usize = 16;

/// Why a streamed body broke off.
pub(super) type Cut = &'static str;

/// Who waits for an answer.
pub(super) enum Waiting {
    /// An HTTP client.
    Http(oneshot::Sender<Result<Response, Refusal>>),
    /// An HTTP client that has the head: pieces of the body follow.
    Body(mpsc::Sender<Result<Bytes, Cut>>),
    /// A session: parts, and the end, for which a place is kept.
    Call(mpsc::Sender<Answer>, mpsc::OwnedPermit<Answer>),
}

impl Waiting {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Http(_) | Self::Body(_) => Kind::Http,
            Self::Call(..) => Kind::Call,
        }
    }
}

/// Open requests by number; a number is never given twice.
pub(super) struct Requests {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Waiting, foldhash::fast::RandomState>>,
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
        Self { next: AtomicU64::new(1), open: Mutex::default() }
    }
}

impl Requests {
    pub(super) fn insert(&self, waiting: Waiting) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().insert(number, waiting);
        number
    }

    /// Takes a request out, for its one answer.
    pub(super) fn take(&self, number: u64) -> Result<Waiting, Gone> {
        self.open.lock().remove(&number).ok_or_else(|| self.gone(number))
    }

    /// Changes or looks at a request that stays open.
    pub(super) fn with<T>(&self, number: u64, look: impl FnOnce(&mut Waiting) -> T) -> Result<T, Gone> {
        self.open.lock().get_mut(&number).map(look).ok_or_else(|| self.gone(number))
    }

    fn gone(&self, number: u64) -> Gone {
        if (1..self.next.load(Ordering::Relaxed)).contains(&number) { Gone::Closed } else { Gone::Never }
    }

    /// Takes all out: nobody will answer them.
    pub(super) fn drain(&self) -> Vec<Waiting> {
        self.open.lock().drain().map(|(_, waiting)| waiting).collect()
    }
}
