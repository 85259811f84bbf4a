//! A client that was let in only to be told that it is not.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::transport::close::CloseReason;
use crate::transport::websocket::frames;

/// For how long such a client may take to go.
const PATIENCE: Duration = Duration::from_secs(5);
/// What it sends meanwhile is not looked at.
const READ: usize = 1024;

/// Closes with `reason`, and waits a moment for the client's own close, so that nothing unread takes ours back.
pub async fn turn_away<S>(mut stream: S, reason: CloseReason)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut close = Vec::new();
    frames::close(&mut close, Some(reason.code()), &reason.reason());
    let farewell = async {
        stream.write_all(&close).await?;
        stream.shutdown().await?;
        let mut unread = [0; READ];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _it_is_gone_in_any_case = tokio::time::timeout(PATIENCE, farewell).await;
}
