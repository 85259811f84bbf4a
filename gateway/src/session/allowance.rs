//! What a session may use: its requests, its frames, and how often it may be refused.

use std::cell::Cell;

use serde_json::value::RawValue;

use super::Session;
use crate::dialect::Answer;
use crate::identity::Principal;
use crate::limits::{Asking, EXCEEDED, Own, Party, Verdict};
use crate::transport::close::CloseReason;
use crate::web::Client;

/// What a client is told that is closed for having been refused too often.
const ABUSE: &str = "rate limit exceeded";

/// What a session has used. It is there only while that counts for anything: an idle session costs the address and a
/// pointer.
pub(super) struct Allowance {
    client: Client,
    own: Cell<Option<Box<Own>>>,
}

impl Allowance {
    /// Of this client.
    pub(super) fn new(client: Client) -> Self {
        Self { client, own: Cell::new(None) }
    }
}

impl Session {
    /// Does `with` what the session has used; none where it may do as it likes.
    fn with_own<T>(&self, with: impl FnOnce(&mut Own) -> T) -> Option<T> {
        let client = self.allowance.client;
        if client.exemptible && self.common.limits.exempts(client.address) {
            return None;
        }
        let mut own = self.allowance.own.take().unwrap_or_default();
        let done = with(&mut own);
        self.allowance.own.set(Some(own));
        Some(done)
    }

    /// Counts frames of any kind; over the limit that ends the session.
    pub(super) fn count_frames(&self, frames: u32) {
        if frames > 0 && self.with_own(|own| self.common.limits.frames(own, frames)) == Some(false) {
            self.end(abuse());
        }
    }

    /// Whether a request of so many bytes may be looked at. What the endpoint says holds for all, also for who is exempt
    /// elsewhere; who has no user is one alone.
    pub(super) fn admit(&self, bytes: usize) -> Result<(), Verdict> {
        let principal = self.principal.borrow();
        let (user, asking) = (principal.user.as_deref(), asking(&principal, bytes));
        let party = user.map_or(Party::Session(&self.id), Party::User);
        let recent = self.endpoint.recent.as_ref().filter(|_| !principal.is_nobody());
        recent.map_or(Ok(()), |recent| recent.take(party))?;
        let asked = self.with_own(|own| self.common.limits.ask(own, asking)).unwrap_or(Ok(()));
        if let (Err(_), Some(recent)) = (&asked, recent) {
            recent.give_back(party);
        }
        asked
    }

    /// The request of so many bytes was refused further down: it has used nothing here.
    pub(super) fn give_back(&self, bytes: usize) {
        let principal = self.principal.borrow();
        let asking = asking(&principal, bytes);
        self.with_own(|own| self.common.limits.return_request(own, asking));
    }

    /// Tells the client that it asks too often, and ends a session that has been told too often, or whose dialect has
    /// no word for it.
    pub(super) fn refuse(&self, id: Option<&RawValue>, verdict: &Verdict, out: &mut Vec<u8>) {
        let before = out.len();
        let answer = Answer::Limited { message: EXCEEDED, retry_after_ms: verdict.retry_after_ms() };
        self.dialect.answer(id, &answer, out);
        let is_told = out.len() > before;
        let is_borne = self.with_own(|own| self.common.limits.refused(own)).unwrap_or(true);
        if !is_told || !is_borne {
            self.end(abuse());
        }
    }

    /// Forgets what the session has used once that counts for nothing.
    pub(super) fn forget_used(&self) {
        let own = self.allowance.own.take().filter(|own| !self.common.limits.is_quiet(own));
        self.allowance.own.set(own);
    }
}

fn asking(principal: &Principal, bytes: usize) -> Asking<'_> {
    Asking { principal, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) }
}

fn abuse() -> CloseReason {
    CloseReason::Policy(ABUSE.into())
}

/// Whether what else the client sends is not even to be looked at.
pub(super) fn is_abuse(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::Policy(why) if why == ABUSE)
}
