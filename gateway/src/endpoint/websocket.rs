//! An endpoint that WebSocket clients connect to.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use http::{Request, header};
use http_body_util::BodyExt;

use super::admission::{No, Refused};
use super::{Entrance, Refusing};
use crate::audit::Deed;
use crate::identity::{Refusal, credentials};
use crate::router;
use crate::session::{self, Inflow, Opening};
use crate::transport::websocket::deflate::{self, Agreed, Window};
use crate::transport::websocket::handshake;
use crate::web::{self, Handoff, Problem, RequestBody, Response, Takeover, Upgraded};

/// See the module's documentation.
pub struct WebSocket(pub Entrance);

impl router::Endpoint for WebSocket {
    fn answer(
        self: Rc<Self>,
        mut request: Request<RequestBody>,
        handoff: Handoff,
    ) -> LocalBoxFuture<'static, Response> {
        let answer = self.accept(&mut request, &handoff).unwrap_or_else(|refused| self.0.refuse(refused));
        Box::pin(std::future::ready(answer))
    }
}

impl From<handshake::HandshakeError> for Refused {
    fn from(error: handshake::HandshakeError) -> Self {
        let problem = Problem::new(error.status(), error.to_string());
        let problem = match error.header() {
            Some((name, value)) => problem.header(name, value),
            None => problem,
        };
        Self(error.label(), problem)
    }
}

impl WebSocket {
    fn accept(&self, request: &mut Request<RequestBody>, handoff: &Handoff) -> Result<Response, Refused> {
        handshake::judge(request)?;
        self.0.check_open()?;
        let admitted = match self.0.admit(request) {
            Ok(admitted) => admitted,
            Err(no) if self.0.refusing == Refusing::Close || self.0.endpoint.dialect.tells_refusals() => {
                return self.turn_away(request, handoff, &no);
            }
            Err(no) => return Err(self.0.refused(no)),
        };
        let visitor = self.0.visitor(request, admitted)?;
        let (common, endpoint) = (Rc::clone(&self.0.common), Rc::clone(&self.0.endpoint));
        let compresses = endpoint.compression.is_some();
        upgrade(request, handoff, compresses, move |Upgraded { socket, early, answer }, deflate| {
            let opening = Opening { socket, answer, source: Inflow::WebSocket(early), deflate };
            session::open(common, endpoint, visitor, opening)
        })
    }

    /// Lets the client in to tell it that it is not.
    fn turn_away(
        &self,
        request: &mut Request<RequestBody>,
        handoff: &Handoff,
        no: &No,
    ) -> Result<Response, Refused> {
        let endpoint = &self.0.endpoint;
        let Some(place) = endpoint.unknown.take() else {
            return Err(Refused(no.label(), No::AtCapacity.into()));
        };
        let hub = self.0.common.shard.hub();
        hub.metrics().handshakes.count(no.label());
        let deed = match no {
            No::Refused(refusal) if *refusal != Refusal::Missing => Deed::TokenRefused,
            _ => Deed::Refused,
        };
        let source = web::source(request.extensions());
        hub.audit().record(deed, |entry| {
            entry.from(&source).at(&endpoint.path).target(&endpoint.path).outcome(no.label())
        });
        let (endpoint, reason) = (Rc::clone(endpoint), no.reason());
        upgrade(request, handoff, false, move |Upgraded { socket, answer, .. }, _| {
            Box::pin(async move {
                let _until_it_is_gone = place;
                session::turn_away(&endpoint, socket, answer, reason).await;
            })
        })
    }
}

/// Answers a handshake; `run` goes on with the socket, and with what is agreed on of compressed messages. `compresses`:
/// something may be.
pub(super) fn upgrade(
    request: &mut Request<RequestBody>,
    handoff: &Handoff,
    compresses: bool,
    run: impl FnOnce(Upgraded, Option<Window>) -> LocalBoxFuture<'static, ()> + 'static,
) -> Result<Response, Refused> {
    let agreed = match compresses {
        true => deflate::agree(request.headers()).map_err(handshake::HandshakeError::from)?,
        false => None,
    };
    let bearer = credentials::offers_bearer(request.headers());
    let (mut response, on) = handshake::accept(request)?;
    if bearer {
        // A browser closes where none of its subprotocols is answered; this one is always understood.
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, credentials::BEARER);
    }
    let window = agreed.map(|Agreed { window, answer }| {
        response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, answer);
        window
    });
    handoff.leave(Takeover { on, run: Box::new(move |upgraded| run(upgraded, window)) });
    Ok(response.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
}
