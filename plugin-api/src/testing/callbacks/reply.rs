//! Answers.
#![allow(unsafe_code, reason = "the plugin's calls enter here")]

use std::sync::Arc;

use bytes::Bytes;

use super::{pairs, resume, started, text};
use crate::abi::{self, Buf, Pair, Request, Status, Str};
use crate::testing::hooks::receive;
use crate::testing::state::{Asked, Ended, Inner, Kind};

pub(super) static TABLE: abi::Reply = abi::Reply {
    respond: Some(respond),
    head: Some(head),
    chunk: Some(chunk),
    finish: Some(finish),
    fail: Some(fail),
};

/// Which callback.
#[derive(Clone, Copy)]
enum Way {
    Respond,
    Head,
    Chunk,
    Finish,
    Fail,
}

/// Judges an answer, takes its buffer, and puts it where it belongs.
unsafe fn answer(
    host: *const abi::Host,
    request: Request,
    data: Buf,
    way: Way,
    put: impl FnOnce(&mut Asked, Bytes),
) -> Status {
    // SAFETY: the caller's promise.
    unsafe {
        started(host, |inner| {
            match judge(inner, request, data.as_bytes(), way) {
                Status::OK => {}
                status => return status,
            }
            let data = receive(inner, data);
            inner.change(|state| state.requests.get_mut(&request).map(|asked| put(asked, data)));
            Status::OK
        })
    }
}

/// What is right for which request, and whether it may have to wait.
fn judge(inner: &Arc<Inner>, request: Request, data: &[u8], way: Way) -> Status {
    let mut state = inner.state();
    let Some(asked) = state.requests.get(&request) else { return Status::NOT_FOUND };
    if asked.is_over() {
        return Status::CLOSED;
    }
    let is_json = || data.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok();
    let is_right = match (way, asked.kind) {
        (Way::Respond | Way::Head, Kind::Route) => asked.head.is_none(),
        (Way::Chunk | Way::Finish, Kind::Route) => asked.head.is_some(),
        (Way::Chunk | Way::Finish | Way::Fail, Kind::Call) => is_json(),
        (Way::Finish, Kind::Bytes) | (Way::Fail, _) => true,
        _ => false,
    };
    if !is_right {
        return Status::INVALID;
    }
    if matches!(way, Way::Respond | Way::Chunk | Way::Finish) && state.busy_answers > 0 {
        state.busy_answers -= 1;
        drop(state);
        // Queued before the plugin sees its BUSY: they cross.
        inner.queue(resume(request));
        return Status::BUSY;
    }
    Status::OK
}

unsafe extern "C" fn respond(
    host: *const abi::Host,
    request: Request,
    status: u32,
    headers: *const Pair,
    headers_len: u64,
    body: Buf,
) -> Status {
    if !(200..600).contains(&status) {
        return Status::INVALID;
    }
    // SAFETY: the plugin's promise.
    unsafe {
        let headers = pairs(headers, headers_len);
        answer(host, request, body, Way::Respond, |asked, body| {
            asked.end = Some(Ended::Responded { status, headers, body });
        })
    }
}

unsafe extern "C" fn head(
    host: *const abi::Host,
    request: Request,
    status: u32,
    headers: *const Pair,
    headers_len: u64,
) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        let headers = pairs(headers, headers_len);
        answer(host, request, Buf::EMPTY, Way::Head, |asked, _| asked.head = Some((status, headers)))
    }
}

unsafe extern "C" fn chunk(host: *const abi::Host, request: Request, data: Buf) -> Status {
    // SAFETY: the plugin's promise.
    unsafe { answer(host, request, data, Way::Chunk, |asked, piece| asked.pieces.push(piece)) }
}

unsafe extern "C" fn finish(host: *const abi::Host, request: Request, message: Str, data: Buf) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        let message = text(message);
        answer(host, request, data, Way::Finish, |asked, data| {
            asked.end = Some(Ended::Finished { message, data });
        })
    }
}

unsafe extern "C" fn fail(
    host: *const abi::Host,
    request: Request,
    status: Status,
    message: Str,
    data: Buf,
) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        let message = text(message);
        answer(host, request, data, Way::Fail, |asked, data| {
            asked.end = Some(Ended::Failed { status, message, data });
        })
    }
}
