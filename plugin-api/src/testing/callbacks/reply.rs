//! Answers.
#![allow(unsafe_code, reason = "the plugin's calls enter here")]

use std::sync::Arc;

use bytes::Bytes;

use super::{pairs, resume, started, text};
use crate::abi::{self, Buf, Pair, Request, Status, Str};
use crate::testing::hooks::receive;
use crate::testing::state::{Asked, Ended, Inner};

pub(super) static TABLE: abi::Reply = abi::Reply {
    respond: Some(respond),
    head: Some(head),
    chunk: Some(chunk),
    finish: Some(finish),
    fail: Some(fail),
};

/// Judges an answer, takes its buffer, and puts it where it belongs.
unsafe fn answer(
    host: *const abi::Host,
    request: Request,
    data: Buf,
    may_be_busy: bool,
    put: impl FnOnce(&mut Asked, Bytes),
) -> Status {
    // SAFETY: the caller's promise.
    unsafe {
        started(host, |inner| {
            match judge(inner, request, may_be_busy) {
                Status::OK => {}
                status => return status,
            }
            let data = receive(inner, data);
            inner.change(|state| state.requests.get_mut(&request).map(|asked| put(asked, data)));
            Status::OK
        })
    }
}

fn judge(inner: &Arc<Inner>, request: Request, may_be_busy: bool) -> Status {
    let mut state = inner.state();
    match state.requests.get(&request) {
        None => return Status::NOT_FOUND,
        Some(asked) if asked.is_over() => return Status::CLOSED,
        Some(_) => {}
    }
    if may_be_busy && state.busy_answers > 0 {
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
        answer(host, request, body, true, |asked, body| {
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
        answer(host, request, Buf::EMPTY, false, |asked, _| asked.head = Some((status, headers)))
    }
}

unsafe extern "C" fn chunk(host: *const abi::Host, request: Request, data: Buf) -> Status {
    // SAFETY: the plugin's promise.
    unsafe { answer(host, request, data, true, |asked, piece| asked.pieces.push(piece)) }
}

unsafe extern "C" fn finish(host: *const abi::Host, request: Request, message: Str, data: Buf) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        let message = text(message);
        answer(host, request, data, true, |asked, data| {
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
        answer(host, request, data, false, |asked, data| {
            asked.end = Some(Ended::Failed { status, message, data });
        })
    }
}
