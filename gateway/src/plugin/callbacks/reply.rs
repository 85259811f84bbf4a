//! `tidegate.reply/1`: answers, whole, streamed or as an error.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tidegate_plugin::abi::{Buf, Host, Pair, Reply, Request, Status, Str};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::super::given;
use super::super::requests::{Gone, HttpAnswer, PIECES, Waiting};
use super::super::shared::Shared;
use super::super::validate::is_json;
use super::{enter, items, text};
use crate::hub::calls::Answer;
use crate::web::{self, Problem, Response};

pub(super) static TABLE: Reply = Reply {
    respond: Some(respond),
    head: Some(head),
    chunk: Some(chunk),
    finish: Some(finish),
    fail: Some(fail),
};

impl From<Gone> for Status {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Closed => Self::CLOSED,
            Gone::Never => Self::NOT_FOUND,
        }
    }
}

/// Takes a buffer over for the answer to `request`; a budget that is used up is told by `resume`.
fn take(shared: &Arc<Shared>, request: Request, data: Buf) -> Result<Bytes, Status> {
    given::take(shared, data).ok_or_else(|| {
        shared.queue.was_busy(request);
        Status::BUSY
    })
}

fn status(outcome: Result<(), Status>) -> Status {
    outcome.err().unwrap_or(Status::OK)
}

/// Status and headers of an HTTP answer.
///
/// # Safety
/// The headers are lent for the call.
unsafe fn parts(code: u32, headers: *const Pair, len: u64) -> Result<(StatusCode, HeaderMap), Status> {
    let code = u16::try_from(code).ok().filter(|code| (200..600).contains(code)).ok_or(Status::INVALID)?;
    let code = StatusCode::from_u16(code).map_err(|_| Status::INVALID)?;
    let mut map = HeaderMap::new();
    // SAFETY: the caller's promise.
    for pair in unsafe { items(headers, len) } {
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (pair.name.as_bytes(), pair.value.as_bytes()) };
        let name = HeaderName::from_bytes(name).map_err(|_| Status::INVALID)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Status::INVALID)?;
        // The framing of the connection is the gateway's.
        let ours = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE];
        if !ours.contains(&name) {
            map.append(name, value);
        }
    }
    Ok((code, map))
}

/// Refuses what a request of another kind is answered with.
fn expect(shared: &Shared, request: Request, fits: impl Fn(&Waiting) -> bool) -> Result<(), Status> {
    if shared.requests.with(request, |waiting| fits(waiting))? { Ok(()) } else { Err(Status::INVALID) }
}

unsafe extern "C" fn respond(
    host: *const Host,
    request: Request,
    code: u32,
    headers: *const Pair,
    headers_len: u64,
    body: Buf,
) -> Status {
    let respond = |shared: &Arc<Shared>| -> Result<(), Status> {
        // SAFETY: lent for the call.
        let parts = unsafe { parts(code, headers, headers_len) }?;
        expect(shared, request, |waiting| matches!(waiting, Waiting::Http(_)))?;
        let body = take(shared, request, body)?;
        match shared.requests.take_if(request, |waiting| matches!(waiting, Waiting::Http(_))) {
            Ok(Some(Waiting::Http(client))) => {
                let mut response = http::Response::new(web::whole(body));
                (*response.status_mut(), *response.headers_mut()) = parts;
                let _client_is_gone = client.send(HttpAnswer::Whole(response));
                Ok(())
            }
            // Another thread has just sent a head, or the whole answer.
            Ok(_) | Err(Gone::Closed) => {
                given::give_back(body);
                Err(Status::CLOSED)
            }
            Err(gone) => {
                given::give_back(body);
                Err(gone.into())
            }
        }
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| status(respond(shared))) }
}

unsafe extern "C" fn head(
    host: *const Host,
    request: Request,
    code: u32,
    headers: *const Pair,
    headers_len: u64,
) -> Status {
    let head = |shared: &Arc<Shared>| -> Result<(), Status> {
        // SAFETY: lent for the call.
        let (status, headers) = unsafe { parts(code, headers, headers_len) }?;
        let (sender, receiver) = mpsc::channel(PIECES + 1);
        let last = sender.clone().try_reserve_owned().map_err(|_| Status::INTERNAL)?;
        let swapped = shared.requests.with(request, |waiting| match waiting {
            Waiting::Http(_) => Ok(std::mem::replace(waiting, Waiting::Body(sender, last))),
            Waiting::Body(..) => Err(Status::CLOSED),
            _ => Err(Status::INVALID),
        })?;
        if let Waiting::Http(client) = swapped? {
            let _client_is_gone = client.send(HttpAnswer::Pieces(status, headers, receiver));
        }
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| status(head(shared))) }
}

/// A piece of a streamed answer on its way.
enum Sent {
    Yes,
    Slow,
    Nobody,
    NoStream,
}

fn sent<T>(outcome: Result<(), TrySendError<T>>) -> Sent {
    match outcome {
        Ok(()) => Sent::Yes,
        Err(TrySendError::Full(_)) => Sent::Slow,
        Err(TrySendError::Closed(_)) => Sent::Nobody,
    }
}

unsafe extern "C" fn chunk(host: *const Host, request: Request, data: Buf) -> Status {
    let chunk = |shared: &Arc<Shared>| -> Result<(), Status> {
        let is_call = shared.requests.with(request, |waiting| matches!(waiting, Waiting::Call(..)))?;
        // SAFETY: the bytes hold until they are released.
        if is_call && !is_json(unsafe { data.as_bytes() }) {
            return Err(Status::INVALID);
        }
        let data = take(shared, request, data)?;
        let sent = shared.requests.with(request, |waiting| match waiting {
            Waiting::Body(body, _) => sent(body.try_send(Ok(data.clone()))),
            Waiting::Call(answers, _) => sent(answers.try_send(Answer::Part(data.clone()))),
            Waiting::Http(_) | Waiting::Health(_) => Sent::NoStream,
        });
        match sent {
            Ok(Sent::Yes) => {
                shared.requests.touch(request);
                Ok(())
            }
            other => {
                given::give_back(data);
                Err(match other {
                    Ok(Sent::Slow) => {
                        shared.queue.was_busy(request);
                        Status::BUSY
                    }
                    Ok(Sent::NoStream) => Status::INVALID,
                    Err(gone) => gone.into(),
                    Ok(Sent::Nobody | Sent::Yes) => nobody(shared, request),
                })
            }
        }
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| status(chunk(shared))) }
}

/// The reader of a stream is gone: the request is cancelled.
fn nobody(shared: &Shared, request: Request) -> Status {
    shared.cancel(request);
    Status::CLOSED
}

unsafe extern "C" fn finish(host: *const Host, request: Request, message: Str, data: Buf) -> Status {
    let finish = |shared: &Arc<Shared>| -> Result<(), Status> {
        // SAFETY: lent for the call.
        let message = unsafe { text(message) }?.to_owned();
        let is_call = shared.requests.with(request, |waiting| matches!(waiting, Waiting::Call(..)))?;
        expect(shared, request, |waiting| !matches!(waiting, Waiting::Http(_)))?;
        // SAFETY: the bytes hold until they are released.
        if is_call && data.len > 0 && !is_json(unsafe { data.as_bytes() }) {
            return Err(Status::INVALID);
        }
        let data = take(shared, request, data)?;
        match shared.requests.take(request) {
            Ok(Waiting::Call(_, last)) => drop(last.send(Answer::Done { message, data })),
            Ok(Waiting::Body(_, last)) if !data.is_empty() => drop(last.send(Ok(data))),
            Ok(Waiting::Health(host)) => drop(host.send(Ok(data))),
            Ok(Waiting::Body(..) | Waiting::Http(_)) => {}
            Err(gone) => {
                given::give_back(data);
                return Err(gone.into());
            }
        }
        Ok(())
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| status(finish(shared))) }
}

unsafe extern "C" fn fail(
    host: *const Host,
    request: Request,
    why: Status,
    message: Str,
    data: Buf,
) -> Status {
    let fail = |shared: &Arc<Shared>| -> Result<(), Status> {
        // SAFETY: lent for the call.
        let message = unsafe { text(message) }?.to_owned();
        // SAFETY: the bytes hold until they are released.
        if data.len > 0 && !is_json(unsafe { data.as_bytes() }) {
            return Err(Status::INVALID);
        }
        let data = take(shared, request, data)?;
        match shared.requests.take(request) {
            Ok(waiting) => {
                refuse(waiting, why, message, data);
                Ok(())
            }
            Err(gone) => {
                given::give_back(data);
                Err(gone.into())
            }
        }
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |shared| status(fail(shared))) }
}

/// Answers an HTTP request in the plugin's place.
pub(in super::super) fn answer(shared: &Shared, request: Request, response: Response) {
    if let Ok(Waiting::Http(client)) = shared.requests.take(request) {
        let _client_is_gone = client.send(HttpAnswer::Whole(response));
    }
}

/// Ends a request with an error in the plugin's place.
pub(in super::super) fn end(shared: &Shared, request: Request, why: Status, message: String) {
    if let Ok(waiting) = shared.requests.take(request) {
        refuse(waiting, why, message, Bytes::new());
    }
}

/// Ends a request with an error.
pub(in super::super) fn refuse(waiting: Waiting, why: Status, message: String, data: Bytes) {
    match waiting {
        Waiting::Http(client) => {
            let code = match why {
                Status::BUSY => StatusCode::SERVICE_UNAVAILABLE,
                Status::DENIED => StatusCode::FORBIDDEN,
                Status::INVALID => StatusCode::UNPROCESSABLE_ENTITY,
                Status::NOT_FOUND => StatusCode::NOT_FOUND,
                Status::CONFLICT => StatusCode::CONFLICT,
                Status::TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
                Status::UNSUPPORTED => StatusCode::NOT_IMPLEMENTED,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let _client_is_gone = client.send(HttpAnswer::Whole(Problem::new(code, message).into()));
        }
        Waiting::Body(_, last) => drop(last.send(Err("the plugin failed in the middle of its answer"))),
        Waiting::Health(host) => drop(host.send(Err(message))),
        Waiting::Call(_, last) => {
            let message = if message.is_empty() { "The plugin failed to answer".to_owned() } else { message };
            drop(last.send(Answer::Failed { message, data }));
        }
    }
}
