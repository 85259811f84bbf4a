//! The events, as they are made; who publishes them is [`World`](crate::world::World).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tidegate_plugin::{Error, Result};
use uuid::Uuid;

use crate::time::Timestamp;

/// The room of all tasks.
pub(crate) const TASKS: &str = "tasks";
/// The room of elections and consensus.
pub(crate) const COORDINATION: &str = "coordination";
/// The room of what concerns the whole system.
pub(crate) const SYSTEM: &str = "system";

/// An event that is to be published; kept with the change that it tells of until it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// Its type.
    pub(crate) kind: Cow<'static, str>,
    /// The room that it goes to.
    pub(crate) room: Cow<'static, str>,
    /// No other event has it and nobody can guess it, so that this one is sent once, however often it is published.
    pub(crate) id: String,
    /// When it happened.
    pub(crate) at: Timestamp,
    pub(crate) data: Box<RawValue>,
}

impl Notice {
    /// An event of that type.
    pub(crate) fn new(
        kind: &'static str,
        room: &'static str,
        at: Timestamp,
        data: &impl Serialize,
    ) -> Result<Self> {
        let data = to_raw_value(data).map_err(Error::internal)?;
        Ok(Self { kind: kind.into(), room: room.into(), id: Uuid::new_v4().to_string(), at, data })
    }
}
