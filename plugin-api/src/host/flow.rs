//! What comes after a publish: `resume`, and that events are safe.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::{oneshot, watch};

use super::lock;
use crate::abi::Status;
use crate::event::{Cursor, Receipt};

/// What became of one event that was taken.
pub(crate) type Told = Result<Receipt, Status>;

/// Publishers that wait.
#[derive(Default)]
pub(crate) struct Flow {
    /// How often the host has said to go on.
    resumed: watch::Sender<u64>,
    batches: Mutex<Batches>,
}

/// Batches of which not everything was told.
#[derive(Default)]
struct Batches {
    last_token: u64,
    by_token: HashMap<u64, Batch>,
}

/// A batch, from before it is handed over until each event of it that was taken was told of.
struct Batch {
    /// For each event how many cursors it gets, and what was told of it.
    events: Vec<(usize, Option<Told>)>,
    /// How many were taken, once that is known: `committed` may come before `publish` has returned.
    taken: Option<usize>,
    done: oneshot::Sender<Vec<Told>>,
}

/// Waits for what becomes of a batch; forgets it when dropped.
pub(crate) struct Waiting<'a> {
    flow: &'a Flow,
    token: u64,
    done: oneshot::Receiver<Vec<Told>>,
}

impl Flow {
    /// Sees each `resume` from now on. To be asked for before the callback that may answer `BUSY`.
    pub(crate) fn resumes(&self) -> watch::Receiver<u64> {
        self.resumed.subscribe()
    }

    /// The host says to go on.
    pub(crate) fn resume(&self) {
        self.resumed.send_modify(|count| *count += 1);
    }

    /// Expects a batch whose events get that many cursors each.
    pub(crate) fn expect(&self, cursors: impl Iterator<Item = usize>) -> Waiting<'_> {
        let (done, receiver) = oneshot::channel();
        let events = cursors.map(|n| (n, None)).collect();
        let mut batches = lock(&self.batches);
        batches.last_token += 1;
        let token = batches.last_token;
        batches.by_token.insert(token, Batch { events, taken: None, done });
        Waiting { flow: self, token, done: receiver }
    }

    /// The host tells of events of a batch. What nobody waits for any more is dropped.
    pub(crate) fn committed(&self, token: u64, first: u64, count: u64, told: Result<Vec<Cursor>, Status>) {
        let mut batches = lock(&self.batches);
        if let Some(batch) = batches.by_token.get_mut(&token) {
            let (first, count) = (first as usize, count as usize);
            let events = batch.events.iter_mut().skip(first).take(count);
            match told {
                Ok(cursors) => hand_out(events, cursors),
                Err(status) => events.for_each(|(_, told)| *told = Some(Err(status))),
            }
        }
        batches.finish(token);
    }

    #[cfg(test)]
    fn is_idle(&self) -> bool {
        lock(&self.batches).by_token.is_empty()
    }
}

/// Gives each event its share of the cursors; a host that counts otherwise than its contract has lost what is missing.
fn hand_out<'a>(events: impl Iterator<Item = &'a mut (usize, Option<Told>)>, cursors: Vec<Cursor>) {
    let mut cursors = cursors.into_iter();
    for (n, told) in events {
        let share: Vec<_> = cursors.by_ref().take(*n).collect();
        *told = Some(if share.len() == *n { Ok(Receipt { cursors: share }) } else { Err(Status::INTERNAL) });
    }
}

impl Batches {
    /// Answers whoever waits for a batch, once all that were taken are told of.
    fn finish(&mut self, token: u64) {
        let Some(batch) = self.by_token.get(&token) else { return };
        let Some(taken) = batch.taken else { return };
        if batch.events.iter().take(taken).all(|(_, told)| told.is_some())
            && let Some(batch) = self.by_token.remove(&token)
        {
            let told = batch.events.into_iter().take(taken).filter_map(|(_, told)| told).collect();
            // Nobody waits any more: then nobody needs to know.
            let _ = batch.done.send(told);
        }
    }
}

impl Waiting<'_> {
    /// What the host is to say with `committed`.
    pub(crate) fn token(&self) -> u64 {
        self.token
    }

    /// What became of the first `taken` events, which were taken.
    pub(crate) async fn taken(mut self, taken: usize) -> Vec<Told> {
        {
            let mut batches = lock(&self.flow.batches);
            if let Some(batch) = batches.by_token.get_mut(&self.token) {
                batch.taken = Some(taken);
            }
            batches.finish(self.token);
        }
        // The sender goes only with the batch, which goes only with `self`.
        (&mut self.done).await.unwrap_or_default()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.flow.batches).by_token.remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(offset: u64) -> Cursor {
        Cursor { epoch: "e".into(), offset }
    }

    fn receipt(offsets: impl IntoIterator<Item = u64>) -> Told {
        Ok(Receipt { cursors: offsets.into_iter().map(cursor).collect() })
    }

    #[tokio::test]
    async fn what_is_told_before_publish_has_returned_is_kept() {
        let flow = Flow::default();
        let waiting = flow.expect([1, 2, 1].into_iter());
        flow.committed(waiting.token(), 0, 2, Ok(vec![cursor(1), cursor(2), cursor(3)]));
        assert_eq!(waiting.taken(2).await, [receipt([1]), receipt([2, 3])]);
        assert!(flow.is_idle());
    }

    #[tokio::test]
    async fn a_batch_may_be_told_of_in_pieces_in_any_order_and_in_part_be_lost() {
        let flow = Flow::default();
        let waiting = flow.expect([1, 1, 1].into_iter());
        let token = waiting.token();
        let told = async {
            tokio::task::yield_now().await;
            flow.committed(token, 2, 1, Ok(vec![cursor(9)]));
            flow.committed(token, 1, 1, Err(Status::TIMEOUT));
            flow.committed(token, 0, 1, Ok(vec![]));
        };
        let (answer, ()) = tokio::join!(waiting.taken(3), told);
        assert_eq!(answer, [Err(Status::INTERNAL), Err(Status::TIMEOUT), receipt([9])]);
    }

    #[tokio::test]
    async fn a_batch_of_which_nothing_was_taken_and_one_nobody_waits_for_are_forgotten() {
        let flow = Flow::default();
        assert_eq!(flow.expect([1].into_iter()).taken(0).await, []);
        let waiting = flow.expect([1].into_iter());
        let token = waiting.token();
        drop(waiting);
        flow.committed(token, 0, 1, Ok(vec![cursor(1)]));
        assert!(flow.is_idle());
    }
}
