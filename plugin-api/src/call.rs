//! Calls: requests of clients by a name that the plugin declared, and their answers.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::request::{Cancelled, Principal, Session, Stream};
use crate::{Error, Result};

/// A client's request by a name that the plugin declared.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its index in the manifest's `calls`, those of `declare` following.
    pub index: usize,
    /// The name.
    pub name: String,
    /// The request's `room`; empty: none.
    pub room: String,
    /// Who asks.
    pub principal: Principal,
    /// From which session; `None`: not from one.
    pub session: Option<Session>,
    /// The session's name for people; empty: none.
    pub connection_id: String,
    /// Whether the caller takes a streamed answer.
    pub streams: bool,
    /// How long the host waits for the answer, in milliseconds.
    pub timeout_ms: u64,
    /// The request's `data`: one JSON value.
    pub data: Bytes,
    pub(crate) cancelled: Cancelled,
}

impl Call {
    /// The request's data.
    ///
    /// # Errors
    /// `INVALID` with what was expected, where it has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.data).map_err(|e| Error::invalid(format!("data: {e}")))
    }

    /// Whether anybody still waits for the answer.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        self.cancelled.clone()
    }
}

/// How a streamed answer is made.
type Streamed = Box<dyn FnOnce(Stream) -> Pin<Box<dyn Future<Output = Result<Reply>>>>>;

/// The answer to a call: whole, or streamed and then ended by a whole one.
pub struct Reply(pub(crate) Answer);

/// What is in a [`Reply`].
pub(crate) enum Answer {
    /// All of it.
    Whole {
        /// Empty: the call's name.
        message: String,
        /// One JSON value; empty: null.
        data: Bytes,
    },
    /// Pieces, then another answer.
    Streamed(Streamed),
}

impl Reply {
    /// An answer with that data.
    ///
    /// # Errors
    /// Where `data` cannot be JSON.
    pub fn json<T: Serialize + ?Sized>(data: &T) -> Result<Self> {
        Ok(Self::raw(serde_json::to_vec(data).map_err(Error::internal)?))
    }

    /// An answer with data that is JSON already.
    pub fn raw(json: impl Into<Bytes>) -> Self {
        Self(Answer::Whole { message: String::new(), data: json.into() })
    }

    /// An answer whose data is null.
    #[must_use]
    pub fn empty() -> Self {
        Self::raw(Bytes::new())
    }

    /// An answer in pieces: `produce` sends them and gives the last answer.
    ///
    /// ```
    /// # use tidegate_plugin::Reply;
    /// Reply::stream(|mut stream| async move {
    ///     for n in 0..3 {
    ///         stream.json(&n).await?;
    ///     }
    ///     Reply::json("three")
    /// });
    /// ```
    pub fn stream<F, A>(produce: F) -> Self
    where
        F: FnOnce(Stream) -> A + 'static,
        A: Future<Output = Result<Self>> + 'static,
    {
        Self(Answer::Streamed(Box::new(|stream| Box::pin(produce(stream)))))
    }

    /// Says it in words too: the reply's `message`, which is the call's name if not given.
    #[must_use]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        if let Answer::Whole { message, .. } = &mut self.0 {
            *message = text.into();
        }
        self
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Answer::Whole { message, data } => {
                f.debug_struct("Reply").field("message", message).field("data", data).finish()
            }
            Answer::Streamed(_) => f.write_str("Reply(streamed)"),
        }
    }
}
