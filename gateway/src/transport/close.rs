//! Why a session ends, and what its client is told: the one table from reasons to close codes.

use std::borrow::Cow;

/// Why a client is closed with 1008 that has not shown in time who it is.
pub const UNHEARD: &str = "authentication timeout";

/// Why one is that has shown something that proves nothing.
pub const UNPROVEN: &str = "authentication failed";

/// The reason for which the gateway closes a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The client asked for it.
    Normal,
    /// The gateway drains and will not come back at this address.
    GoingAway {
        /// Milliseconds that the client should wait before it connects again.
        retry_after_ms: u32,
    },
    /// The gateway drains and comes back.
    Restart {
        /// Milliseconds that the client should wait before it connects again.
        retry_after_ms: u32,
    },
    /// The client broke the transport's protocol; the text says where.
    Protocol(&'static str),
    /// The endpoint's dialect takes no frames of this kind.
    Unsupported,
    /// What was sent as text is not UTF-8.
    InvalidUtf8,
    /// The client may not do this, or no longer; the text says what (`token revoked`).
    Policy(Cow<'static, str>),
    /// A frame or a message over the limit.
    TooBig,
    /// Our own fault.
    Internal,
    /// No frame came within the heartbeat's time-out.
    KeepaliveTimeout,
    /// What a plugin says.
    Other {
        /// One that a server may send.
        code: u16,
        /// For the client.
        reason: String,
    },
    /// The gateway holds as many sessions as it may.
    AtCapacity,
    /// The client did not read what its backlog could not hold.
    SlowConsumer,
}

impl CloseReason {
    /// One of each kind that is the gateway's own, for the documents.
    pub fn examples() -> [Self; 15] {
        [
            Self::Normal,
            Self::GoingAway { retry_after_ms: 250 },
            Self::Protocol("the transport's protocol is broken"),
            Self::Unsupported,
            Self::InvalidUtf8,
            Self::Policy("token revoked".into()),
            Self::Policy("token expired".into()),
            Self::Policy("rate limit exceeded".into()),
            Self::Policy(UNHEARD.into()),
            Self::TooBig,
            Self::Internal,
            Self::KeepaliveTimeout,
            Self::Restart { retry_after_ms: 250 },
            Self::AtCapacity,
            Self::SlowConsumer,
        ]
    }

    /// The close code of RFC 6455, section 7.4, or of IANA's registry.
    pub const fn code(&self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway { .. } => 1001,
            Self::Protocol(_) => 1002,
            Self::Unsupported => 1003,
            Self::InvalidUtf8 => 1007,
            Self::Policy(_) => 1008,
            Self::TooBig => 1009,
            Self::Internal | Self::KeepaliveTimeout => 1011,
            Self::Restart { .. } => 1012,
            Self::Other { code, .. } => *code,
            Self::AtCapacity | Self::SlowConsumer => 1013,
        }
    }

    /// The word for it in metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway { .. } => "going_away",
            Self::Restart { .. } => "restart",
            Self::Protocol(_) => "protocol",
            Self::Unsupported => "unsupported",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Policy(_) => "policy",
            Self::TooBig => "too_big",
            Self::Internal => "internal",
            Self::KeepaliveTimeout => "keepalive_timeout",
            Self::Other { .. } => "plugin",
            Self::AtCapacity => "at_capacity",
            Self::SlowConsumer => "slow_consumer",
        }
    }

    /// The text beside the code. A drain's is JSON, for programs; the others are for people.
    pub fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::Normal => "".into(),
            Self::GoingAway { retry_after_ms } | Self::Restart { retry_after_ms } => {
                format!(r#"{{"retry_after_ms":{retry_after_ms}}}"#).into()
            }
            Self::Protocol(what) => (*what).into(),
            Self::Unsupported => "unsupported data".into(),
            Self::InvalidUtf8 => "text is not UTF-8".into(),
            Self::Policy(what) => what.clone(),
            Self::Other { reason, .. } => reason.clone().into(),
            Self::TooBig => "frame or message over the limit".into(),
            Self::Internal => "internal error".into(),
            Self::KeepaliveTimeout => "keepalive timeout".into(),
            Self::AtCapacity => "at capacity".into(),
            Self::SlowConsumer => "slow consumer".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_the_protocols_code() {
        let table = [
            (CloseReason::Normal, 1000),
            (CloseReason::GoingAway { retry_after_ms: 1 }, 1001),
            (CloseReason::Protocol("a frame with reserved bits"), 1002),
            (CloseReason::Unsupported, 1003),
            (CloseReason::InvalidUtf8, 1007),
            (CloseReason::Policy("token expired".into()), 1008),
            (CloseReason::TooBig, 1009),
            (CloseReason::Internal, 1011),
            (CloseReason::KeepaliveTimeout, 1011),
            (CloseReason::Restart { retry_after_ms: 1 }, 1012),
            (CloseReason::AtCapacity, 1013),
            (CloseReason::SlowConsumer, 1013),
        ];
        for (reason, code) in table {
            assert_eq!(reason.code(), code, "{reason:?}");
        }
    }

    #[test]
    fn the_reason_says_which_of_two_with_one_code() {
        assert_eq!(CloseReason::AtCapacity.reason(), "at capacity");
        assert_eq!(CloseReason::SlowConsumer.reason(), "slow consumer");
        assert_eq!(CloseReason::KeepaliveTimeout.reason(), "keepalive timeout");
        assert_eq!(CloseReason::Policy("token revoked".into()).reason(), "token revoked");
    }

    #[test]
    fn a_drain_tells_when_to_come_back() {
        let reason = CloseReason::Restart { retry_after_ms: u32::MAX }.reason();
        assert_eq!(reason, r#"{"retry_after_ms":4294967295}"#);
    }
}
