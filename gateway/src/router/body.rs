//! A request's whole body, bounded in bytes and in time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::web::{BodyError, RequestBody};

/// How bodies may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// Bytes of one at most.
    pub longest: usize,
    /// For how long one may arrive.
    pub patience: Duration,
}

impl Bodies {
    /// Reads a body to its end.
    pub(super) async fn collect(self, body: RequestBody) -> Result<Bytes, BodyError> {
        let whole = tokio::time::timeout(self.patience, Limited::new(body, self.longest).collect());
        match whole.await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge(self.longest)),
            Ok(Err(error)) => Err(BodyError::Broken(error)),
            Err(_) => Err(BodyError::Slow(self.patience)),
        }
    }
}
