//! What a hook was lent, copied out of it, so that it can wait in the queue.
#![allow(unsafe_code, reason = "borrowed structs of the host are read here")]

use bytes::Bytes;
use tokio::sync::watch;

use crate::abi::{self, Str, slice};
use crate::buffer::take;
use crate::call::Call;
use crate::event::{Cursor, FollowedEvent, Gap};
use crate::http::{HttpRequest, Query};
use crate::request::{Cancelled, Moment, Principal, Session, SessionEvent, Signal};

/// A text. Bytes that are no UTF-8, which the contract rules out, become U+FFFD.
///
/// # Safety
/// As for all here: the host keeps its contract, what is lent holds for the call.
pub(super) unsafe fn text(s: Str) -> String {
    // SAFETY: lent for the call.
    String::from_utf8_lossy(unsafe { s.as_bytes() }).into_owned()
}

pub(super) unsafe fn texts(ptr: *const Str, len: u64) -> Vec<String> {
    // SAFETY: lent for the call.
    unsafe { slice(ptr, len).iter().map(|&s| text(s)).collect() }
}

unsafe fn pairs(ptr: *const abi::Pair, len: u64) -> Vec<(String, String)> {
    // SAFETY: lent for the call.
    unsafe { slice(ptr, len).iter().map(|pair| (text(pair.name), text(pair.value))).collect() }
}

unsafe fn principal(p: &abi::Principal) -> Principal {
    // SAFETY: lent for the call.
    unsafe {
        Principal {
            user: Some(text(p.user)).filter(|user| !user.is_empty()),
            roles: texts(p.roles, p.roles_len),
            permissions: texts(p.permissions, p.permissions_len),
        }
    }
}

pub(super) unsafe fn cursor(c: &abi::Cursor) -> Cursor {
    // SAFETY: lent for the call.
    Cursor { epoch: unsafe { text(c.epoch) }, offset: c.offset }
}

/// A request; its body is taken last, since everything before may still refuse it.
pub(super) unsafe fn http(r: &abi::HttpRequest, signal: &watch::Receiver<Signal>) -> HttpRequest {
    // SAFETY: lent for the call, but for the body, which is given.
    unsafe {
        let request = HttpRequest {
            route: r.route as usize,
            method: text(r.method),
            path: text(r.path),
            params: pairs(r.params, r.params_len),
            query: Query::parse(&text(r.query)),
            headers: pairs(r.headers, r.headers_len),
            principal: principal(&r.principal),
            request_id: text(r.request_id),
            address: text(r.address),
            timeout_ms: r.timeout_ms,
            body: Bytes::new(),
            cancelled: Cancelled(signal.clone()),
        };
        HttpRequest { body: take(r.body), ..request }
    }
}

/// A call; its data is taken last.
pub(super) unsafe fn call(c: &abi::Call, signal: &watch::Receiver<Signal>) -> Call {
    // SAFETY: lent for the call, but for the data, which is given.
    unsafe {
        let call = Call {
            index: c.call as usize,
            name: text(c.name),
            room: text(c.room),
            principal: principal(&c.principal),
            session: (c.session != 0).then_some(Session(c.session)),
            connection_id: text(c.connection_id),
            streams: c.flags & abi::CALL_STREAMS != 0,
            timeout_ms: c.timeout_ms,
            data: Bytes::new(),
            cancelled: Cancelled(signal.clone()),
        };
        Call { data: take(c.data), ..call }
    }
}

/// A followed event; its data is taken last.
pub(super) unsafe fn followed(e: &abi::Followed) -> FollowedEvent {
    // SAFETY: lent for the call, but for the data, which is given.
    unsafe {
        let event = FollowedEvent {
            room: text(e.room),
            kind: text(e.kind),
            source: text(e.source),
            key: text(e.key),
            id: text(e.id),
            tags: pairs(e.tags, e.tags_len),
            time: e.time,
            cursor: cursor(&e.cursor),
            data: Bytes::new(),
        };
        FollowedEvent { data: take(e.data), ..event }
    }
}

pub(super) unsafe fn gap(g: &abi::Gap) -> Gap {
    // SAFETY: lent for the call.
    unsafe {
        Gap {
            room: text(g.room),
            count: (g.count != 0).then_some(g.count),
            after: cursor(&g.after),
            until: cursor(&g.until),
        }
    }
}

/// A moment in the life of a session; `None` for one that this version does not know.
pub(super) unsafe fn session_event(e: &abi::SessionEvent) -> Option<SessionEvent> {
    // SAFETY: lent for the call.
    unsafe {
        let moment = match e.kind {
            abi::WATCH_OPEN => Moment::Open,
            abi::WATCH_JOIN => Moment::Join(text(e.room)),
            abi::WATCH_LEAVE => Moment::Leave(text(e.room)),
            abi::WATCH_CLOSE => Moment::Close { code: e.code, reason: text(e.reason) },
            _ => return None,
        };
        Some(SessionEvent {
            moment,
            session: Session(e.session),
            connection_id: text(e.connection_id),
            endpoint: text(e.endpoint),
            principal: principal(&e.principal),
            time: e.time,
        })
    }
}
