//! What a session is opened with.

use std::sync::Arc;

use bytes::Bytes;

use super::{Place, Shown};
use crate::audit::Source;
use crate::identity::Principal;
use crate::transport::Socket;
use crate::transport::engineio::Polling;
use crate::web::Client;

/// Who wants a session.
pub struct Visitor {
    /// By whom it is.
    pub principal: Arc<Principal>,
    /// The id that it asks for, where it does.
    pub id: Option<Arc<str>>,
    /// The event types that it gets and no others, where it says so from the start.
    pub only: Option<Vec<Arc<str>>>,
    /// Where it is.
    pub client: Client,
    /// The same for the audit log, where there is one.
    pub source: Option<Box<Source>>,
    /// What it has shown, where its session has to be entered; it is nobody before that.
    pub shown: Option<Box<Shown>>,
    /// Its place at the endpoint.
    pub place: Place,
    /// Its place among those of whom nobody knows yet who they are; none where it is known.
    pub unknown: Option<Place>,
}

/// What a session begins with.
pub struct Opening {
    /// Nothing was written to it.
    pub socket: Socket,
    /// What goes out before all else.
    pub answer: Vec<u8>,
    /// From where its client's messages come.
    pub source: Inflow,
}

/// From where a client's messages come.
pub enum Inflow {
    /// Frames of RFC 6455, of which the first may be here already.
    WebSocket(Bytes),
    /// From nowhere: the stream only ends.
    Nowhere,
    /// Packets of Engine.IO in frames of RFC 6455, of which the first may be here already.
    EngineIo(Bytes),
    /// Packets of Engine.IO that requests bring.
    Polling(Box<Polling>),
}
