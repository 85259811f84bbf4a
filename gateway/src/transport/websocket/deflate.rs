//! Compressed messages (permessage-deflate, RFC 7692).
//!
//! Nothing of a message is kept for the next one, on either side: what is sent is compressed once for all who receive it,
//! and a session that is idle holds no window. A thread has one inflater and one compressor for all its sessions.

mod inflate;
mod offer;
mod pack;

pub use inflate::inflate;
pub use offer::{Agreed, Malformed, Window, agree};
pub use pack::{Saved, frames, pack};

/// What ends each message's DEFLATE blocks, and is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The bit of a frame's first byte that says that its message is compressed (section 6).
pub(super) const COMPRESSED: u8 = 0x40;
