//! What holds instead for principals of a class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{ByteRate, Rate, Size};

/// What holds for principals of a class; what is left out is as for all others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RateClass")]
pub struct Class {
    /// How often they may ask.
    pub requests: ClassRequests,
    /// How much they may send.
    pub bytes: ClassBytes,
}

/// As in `limits.requests`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClassRequests {
    /// Requests in one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_session: Option<Rate>,
    /// HTTP requests and requests in sessions of one user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_user: Option<Rate>,
    /// At once, beside the rate; 0: as many as the rate names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// As in `limits.bytes`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClassBytes {
    /// Bytes of the messages of one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_session: Option<ByteRate>,
    /// Bytes of the messages of all sessions of one user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_user: Option<ByteRate>,
    /// At once, beside the rate; 0: as many as the rate names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<Size>,
}
