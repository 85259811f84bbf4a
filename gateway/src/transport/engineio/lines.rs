//! How requests over HTTP, which come to any shard, reach the session that they are for.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::transport::Socket;

/// Requests that may wait for a session to look at them: a client has two open at most.
const WAITING: usize = 4;

/// The sessions that are polled, by their ids; one for all shards.
#[derive(Debug, Default)]
pub struct Lines(Mutex<HashMap<Arc<str>, Line>>);

/// The way to a session.
#[derive(Clone, Debug)]
pub struct Line {
    /// The endpoint where it began: it is nowhere else.
    endpoint: Arc<str>,
    letters: mpsc::Sender<Letter>,
}

/// The session is gone, or has been for the asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session is gone")]
pub struct Lost;

/// What is answered to a request of a session's.
pub type Answer = Result<Bytes, Lost>;

/// What a request brings.
pub(super) enum Letter {
    /// It waits for packets.
    Poll(oneshot::Sender<Answer>),
    /// It bears packets.
    Post(Posted),
    /// A WebSocket has come that may take its place: polls end at once.
    Probe,
    /// That WebSocket is gone.
    Unprobe,
    /// It takes the place.
    Socket(Box<Socketed>),
}

/// Packets that were posted.
pub(super) struct Posted {
    pub(super) rest: Bytes,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Whatever counts them as long as they are there.
    _counted: Box<dyn Any + Send>,
}

/// A WebSocket for a session that was polled.
#[derive(Debug)]
pub struct Socketed {
    /// Perhaps from another thread: it is to be made at home here.
    pub socket: Socket,
    /// What its client has sent behind the upgrade.
    pub early: Bytes,
    /// Dropped when the session is done with it.
    pub until: oneshot::Sender<()>,
}

/// The session's end of a line. The session cannot be found any more once it is dropped.
pub(super) struct Letters {
    pub(super) letters: mpsc::Receiver<Letter>,
    lines: Arc<Lines>,
    id: Arc<str>,
}

impl Lines {
    /// A line to a new session of `endpoint`.
    pub(super) fn open(self: &Arc<Self>, id: &Arc<str>, endpoint: &Arc<str>) -> Letters {
        let (sender, letters) = mpsc::channel(WAITING);
        let line = Line { endpoint: Arc::clone(endpoint), letters: sender };
        self.0.lock().insert(Arc::clone(id), line);
        Letters { letters, lines: Arc::clone(self), id: Arc::clone(id) }
    }

    /// The line to a session of `endpoint`.
    pub fn find(&self, id: &str, endpoint: &str) -> Option<Line> {
        self.0.lock().get(id).filter(|line| *line.endpoint == *endpoint).cloned()
    }
}

impl Letters {
    /// Nobody finds the session any more.
    pub(super) fn hang_up(&mut self) {
        self.lines.0.lock().remove(&self.id);
        self.letters.close();
    }
}

impl Drop for Letters {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl Line {
    /// Waits for packets.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn poll(&self) -> Answer {
        self.ask(Letter::Poll).await
    }

    /// Hands packets over, with what counts them, which is dropped when they are read.
    ///
    /// # Errors
    /// [`Lost`], also where they are none.
    pub async fn post(&self, rest: Bytes, counted: impl Send + 'static) -> Answer {
        self.ask(|answer| Letter::Post(Posted { rest, answer, _counted: Box::new(counted) })).await
    }

    async fn ask(&self, letter: impl FnOnce(oneshot::Sender<Answer>) -> Letter) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.letters.try_send(letter(answer)).map_err(|_| Lost)?;
        answered.await.unwrap_or(Err(Lost))
    }

    pub(super) fn send(&self, letter: Letter) -> Result<(), Lost> {
        self.letters.try_send(letter).map_err(|_| Lost)
    }
}
