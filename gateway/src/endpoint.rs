//! What a request for an endpoint's path leads to: who may have a session there, and each transport's side of HTTP.

mod admission;
mod asked;
mod engineio;
mod events;
mod poll;
mod websocket;

use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};

pub use engineio::{EngineIo, Terms};
pub use events::Events;
pub use poll::Poll;
pub use websocket::WebSocket;

use admission::Refused;

use crate::drain::Drain;
use crate::session::{self, Common};
use crate::web::Problem;

/// What the transports of an endpoint have in common; one for each shard.
pub struct Entrance {
    /// What its sessions share with others of the shard.
    pub common: Rc<Common>,
    /// What they have in common.
    pub endpoint: Rc<session::Endpoint>,
    /// How a client is told that it is not let in.
    pub refusing: Refusing,
    /// The role of those who have shown who they are, and name none.
    pub usual_role: Option<Arc<str>>,
    /// How far the gateway's end has come.
    pub phase: Drain,
}

/// Whether a request wants the answer's body too, where it only reads.
fn check_method(method: &Method) -> Result<bool, Refused> {
    match *method {
        Method::GET => Ok(true),
        Method::HEAD => Ok(false),
        _ => {
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes GET, HEAD");
            Err(Refused("method", problem.header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))))
        }
    }
}

/// How a client is told that it is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusing {
    /// By HTTP status 401.
    Unauthorized,
    /// By HTTP status 403.
    Forbidden,
    /// By a close behind the upgrade, where there is such: what browsers show of a refused handshake says nothing.
    Close,
}
