//! What is around each payload that is sent.

use std::io::Write;

use super::kinds::Kind;
use super::payload::quoted;
use crate::frame::Timestamp;
use crate::frame::json::put_string;

/// The version that is spoken.
pub(super) const VERSION: &str = "2.0";

/// Whom a frame is for, and which request it answers; JSON, and null where it is nobody or none.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) session: String,
    pub(super) user: String,
    pub(super) correlation: String,
}

impl Address {
    /// Everybody who gets the frame.
    pub(super) fn shared() -> Self {
        let null = || "null".to_owned();
        Self { session: null(), user: null(), correlation: null() }
    }

    /// A client of whom nothing is said: one that is not known, or has not kept to the protocol.
    pub(super) fn unknown() -> Self {
        let unknown = || "\"unknown\"".to_owned();
        Self { session: unknown(), user: unknown(), correlation: "null".to_owned() }
    }

    /// The user in a session.
    pub(super) fn of(session: &str, user: &str) -> Self {
        Self { session: quoted(session), user: quoted(user), correlation: "null".to_owned() }
    }
}

/// Appends what stands before the payload; a moment before 1971 is none that its readers take.
pub(super) fn before(kind: Kind, now: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":");
    put_string(out, kind.name());
    // Writing to memory does not fail.
    let _infallible = write!(
        out,
        r#","version":"{VERSION}","id":"{}","ts":{},"payload":"#,
        uuid::Uuid::new_v4(),
        now.0.max(1)
    );
}

/// Appends what stands behind it.
pub(super) fn behind(address: &Address, out: &mut Vec<u8>) {
    let Address { session, user, correlation } = address;
    let _infallible =
        write!(out, r#","session_id":{session},"user_id":{user},"correlation_id":{correlation}}}"#);
}
