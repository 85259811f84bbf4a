//! Requests' whole bodies, bounded in bytes and in time, each and all together.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::web::{BodyError, RequestBody};

/// How bodies may come, and how much there is of them now; its clones count together.
#[derive(Clone, Debug)]
pub struct Bodies {
    longest: usize,
    patience: Duration,
    /// Bytes that all bodies may still take.
    free: Arc<Semaphore>,
}

/// A body, whose bytes count until this is dropped.
#[derive(Debug)]
pub struct Held {
    bytes: Bytes,
    _counted: OwnedSemaphorePermit,
}

impl Held {
    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Bodies {
    /// With at most `longest` bytes in one and `all` in all that are held at one time, each of which may arrive for as
    /// long as `patience`.
    pub fn new(longest: usize, all: usize, patience: Duration) -> Self {
        let free = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        Self { longest, patience, free }
    }

    /// Reads a body to its end, unless the method is one with which it means nothing (RFC 9110, sections 9.3.1 and
    /// 9.3.2): then it is left to the connection, and costs nobody memory.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn collect(&self, method: &Method, body: RequestBody) -> Result<Held, BodyError> {
        if matches!(*method, Method::GET | Method::HEAD) {
            return Ok(Held { bytes: Bytes::new(), _counted: self.take(0)? });
        }
        let whole = tokio::time::timeout(self.patience, self.read(body));
        whole.await.unwrap_or(Err(BodyError::Slow(self.patience)))
    }

    /// Its bytes are copied together as they arrive: a frame of few would keep the whole buffer that it was read into.
    async fn read(&self, mut body: RequestBody) -> Result<Held, BodyError> {
        let mut whole = BytesMut::new();
        let mut counted = self.take(0)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| BodyError::Broken(error.into()))?;
            let Some(data) = frame.data_ref() else { continue };
            if data.len() > self.longest - whole.len() {
                return Err(BodyError::TooLarge(self.longest));
            }
            counted.merge(self.take(data.len())?);
            whole.extend_from_slice(data);
        }
        Ok(Held { bytes: whole.freeze(), _counted: counted })
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
        let permits = u32::try_from(bytes).map_err(|_| BodyError::Crowded)?;
        Arc::clone(&self.free).try_acquire_many_owned(permits).map_err(|_| BodyError::Crowded)
    }
}
