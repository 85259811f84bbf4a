//! Somebody else who is asked, over HTTP, before a client may do what the rules allow it. Only a clear yes is one: no
//! answer in time, another status, and an answer that is not understood are a no.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::generations::Generations;
use super::{Principal, cache};
use crate::outgoing;

/// Questions that may be open at a time; others wait, within their time.
const OPEN: usize = 64;
/// Answers that are remembered at least; twice as many at most.
const REMEMBERED: usize = 16 * 1024;

/// Something that a client wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Open a session.
    Connect,
    /// Join a room.
    Join,
    /// Publish to a room.
    Publish,
}

/// What is asked; the JSON of the request.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    action: Wish,
    profile: Option<Arc<str>>,
    user: Option<Arc<str>>,
    roles: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<Box<str>>,
}

impl Question {
    /// Whether `principal` may.
    pub fn new(action: Wish, principal: &Principal) -> Self {
        let profile = principal.profile().cloned();
        let (user, roles) = (principal.user.clone(), principal.roles.clone());
        Self { action, profile, user, roles, endpoint: None, room: None, event_type: None }
    }

    /// At this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// In this room.
    #[must_use]
    pub fn within(mut self, room: &str) -> Self {
        self.room = Some(room.into());
        self
    }

    /// What is to be done.
    pub fn wish(&self) -> Wish {
        self.action
    }

    /// The request's body.
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // texts and lists of them: nothing of it can fail
    }

    fn hash(&self) -> cache::Hash {
        cache::hash(&self.json())
    }

    /// An event of this type.
    #[must_use]
    pub fn of_type(mut self, event_type: &str) -> Self {
        self.event_type = Some(event_type.into());
        self
    }
}

/// See the module's documentation.
pub struct Authoriser {
    url: Uri,
    asks: Vec<Wish>,
    patience: Duration,
    /// For how long an answer counts.
    keep: Duration,
    known: Generations<(bool, Instant)>,
    open: Semaphore,
}

#[derive(Deserialize)]
struct Answer {
    allow: bool,
}

impl Answer {
    /// Only an object is one: serde would take a list's first entry for `allow`.
    fn read(json: &[u8]) -> Option<Self> {
        let is_object = json.trim_ascii_start().first() == Some(&b'{');
        serde_json::from_slice(json).ok().filter(|_| is_object)
    }
}

impl Authoriser {
    /// Asks at `url` about these wishes.
    pub fn new(url: Uri, asks: Vec<Wish>, patience: Duration, keep: Duration) -> Self {
        Self { url, asks, patience, keep, known: Generations::new(REMEMBERED), open: Semaphore::new(OPEN) }
    }

    /// Whether it is asked about this.
    pub fn is_for(&self, wish: Wish) -> bool {
        self.asks.contains(&wish)
    }

    /// What it has answered a while ago, if that still counts.
    pub fn known(&self, question: &Question) -> Option<bool> {
        self.recall(&question.hash())
    }

    fn recall(&self, hash: &cache::Hash) -> Option<bool> {
        let now = Instant::now();
        self.known.find(hash, |(_, until)| now < *until).map(|(allow, _)| allow)
    }

    /// Asks it.
    pub async fn allows(&self, question: Question) -> bool {
        let hash = question.hash();
        if let Some(allow) = self.recall(&hash) {
            return allow;
        }
        let answer = tokio::time::timeout(self.patience, self.ask(&question)).await;
        let Ok(Some(allow)) = answer else {
            // Not remembered: whoever asks again may find it well.
            tracing::warn!(
                authoriser = self.url.host().unwrap_or_default(),
                "no answer from the authoriser: denied"
            );
            return false;
        };
        if !self.keep.is_zero() {
            self.known.put(hash, (allow, Instant::now() + self.keep));
        }
        allow
    }

    async fn ask(&self, question: &Question) -> Option<bool> {
        let _permit = self.open.acquire().await.ok()?;
        let answer = outgoing::post(&self.url, Bytes::from(question.json()), self.patience).await.ok()?;
        match answer.status {
            StatusCode::OK => Answer::read(&answer.body).map(|answer| answer.allow),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(false),
            _ => None,
        }
    }
}
