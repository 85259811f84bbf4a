//! A request's whole body, bounded in bytes and in time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::web::{BodyError, LONGEST_BODY, RequestBody};

/// For how long a body may arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the body to its end.
pub(super) async fn collect(body: RequestBody) -> Result<Bytes, BodyError> {
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, LONGEST_BODY).collect());
    match whole.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge(LONGEST_BODY)),
        Ok(Err(error)) => Err(BodyError::Broken(error)),
        Err(_) => Err(BodyError::Slow(PATIENCE.as_secs())),
    }
}
