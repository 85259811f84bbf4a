//! Requests, events and moments of sessions, as a gateway would hand them over.
#![allow(unsafe_code, reason = "the plugin's extensions are called here")]

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{Pending, matched, not_taken};
use crate::abi::{self, Pair, Status, Str, ext};
use crate::testing::TestHost;
use crate::testing::answers::{CallAnswer, HttpAnswer};
use crate::testing::hooks::lend_out;
use crate::testing::state::{Ended, Kind};
use crate::{Cursor, Moment, Principal, Session};

/// What a principal leads to, for as long as it is lent.
struct Lent<'a> {
    user: &'a str,
    roles: Vec<Str>,
    permissions: Vec<Str>,
}

impl<'a> Lent<'a> {
    fn new(principal: &'a Principal) -> Self {
        let texts = |list: &[String]| list.iter().map(|text| Str::new(text)).collect();
        let user = principal.user.as_deref().unwrap_or_default();
        Self { user, roles: texts(&principal.roles), permissions: texts(&principal.permissions) }
    }

    fn principal(&self) -> abi::Principal {
        abi::Principal {
            user: Str::new(self.user),
            roles: self.roles.as_ptr(),
            roles_len: self.roles.len() as u64,
            permissions: self.permissions.as_ptr(),
            permissions_len: self.permissions.len() as u64,
        }
    }
}

fn lent_pairs(list: &[(String, String)]) -> Vec<Pair> {
    list.iter().map(|(n, v)| Pair { name: Str::new(n), value: Str::new(v) }).collect()
}

impl TestHost {
    /// Asks a call that the plugin declared and waits for its answer.
    pub fn call<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> CallAnswer {
        self.begin_call(name, data).answer()
    }

    /// Asks a call that the plugin declared.
    ///
    /// # Panics
    /// Where it did not declare it.
    pub fn begin_call<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Pending<'_> {
        let index = self.calls.iter().position(|call| call == name);
        let index = index.unwrap_or_else(|| panic!("the plugin declares no call '{name}'")) as u32;
        let data = Bytes::from(serde_json::to_vec(data).expect("a test's data is JSON"));
        let (inner, called) = (self.inner.clone(), name.to_owned());
        self.ask(Kind::Call, name.into(), move |plugged, request| {
            let principal = inner.state().principal.clone();
            let lent = Lent::new(&principal);
            let call = abi::Call {
                request,
                call: index,
                flags: abi::CALL_STREAMS,
                name: Str::new(&called),
                session: 0,
                connection_id: Str::EMPTY,
                room: Str::EMPTY,
                principal: lent.principal(),
                timeout_ms: 10_000,
                data: lend_out(&inner, data),
            };
            let Some(hook) = plugged.extension::<abi::Calls>(ext::CALLS).and_then(|c| c.call) else {
                return not_taken(call.data, Status::UNSUPPORTED);
            };
            // SAFETY: on the hook thread, with a live instance; all is lent for the call.
            let status = unsafe { hook(plugged.instance, &raw const call) };
            if status.is_ok() { status } else { not_taken(call.data, status) }
        })
    }

    /// Asks one of the manifest's routes (`path?query`) and waits for its answer.
    pub fn http(&self, method: &str, target: &str, body: impl Into<Bytes>) -> HttpAnswer {
        self.begin_http(method, target, body).response()
    }

    /// Asks one of the manifest's routes with a JSON body and waits for its answer.
    pub fn http_json<T: Serialize + ?Sized>(&self, method: &str, target: &str, body: &T) -> HttpAnswer {
        self.http(method, target, serde_json::to_vec(body).expect("a test's body is JSON"))
    }

    /// Asks one of the manifest's routes.
    ///
    /// # Panics
    /// Where the manifest has no such route.
    pub fn begin_http(&self, method: &str, target: &str, body: impl Into<Bytes>) -> Pending<'_> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let routes = self.routes.iter().enumerate().filter(|(_, route)| route.method == method);
        let found = routes.filter_map(|(i, route)| Some((i as u32, matched(&route.path, path)?)));
        // What is written out goes before a parameter, as in the gateway's router.
        let found = found.min_by_key(|(_, params)| params.len());
        let (route, params) = found.unwrap_or_else(|| panic!("the manifest has no route {method} {path}"));
        let (path, query, method) = (path.to_owned(), query.to_owned(), method.to_owned());
        let (inner, body, name) = (self.inner.clone(), body.into(), format!("{method} {target}"));
        self.ask(Kind::Route, name, move |plugged, request| {
            let principal = inner.state().principal.clone();
            let headers = inner.state().headers.clone();
            let (lent, params, headers) = (Lent::new(&principal), lent_pairs(&params), lent_pairs(&headers));
            let http = abi::HttpRequest {
                request,
                route,
                reserved: 0,
                method: Str::new(&method),
                path: Str::new(&path),
                query: Str::new(&query),
                params: params.as_ptr(),
                params_len: params.len() as u64,
                headers: headers.as_ptr(),
                headers_len: headers.len() as u64,
                principal: lent.principal(),
                request_id: Str::new("test-request"),
                address: Str::new("127.0.0.1"),
                timeout_ms: 10_000,
                body: lend_out(&inner, body),
            };
            let Some(hook) = plugged.extension::<abi::Http>(ext::HTTP).and_then(|h| h.request) else {
                return not_taken(http.body, Status::UNSUPPORTED);
            };
            // SAFETY: on the hook thread, with a live instance; all is lent for the call.
            let status = unsafe { hook(plugged.instance, &raw const http) };
            if status.is_ok() { status } else { not_taken(http.body, status) }
        })
    }

    /// Hands over an event of a followed room, from the source `test`.
    pub fn follow<T: Serialize + ?Sized>(&self, room: &str, kind: &str, data: &T) -> Status {
        self.follow_from("test", room, kind, data)
    }

    /// Hands over an event of a followed room, from that source.
    pub fn follow_from<T: Serialize + ?Sized>(
        &self,
        source: &str,
        room: &str,
        kind: &str,
        data: &T,
    ) -> Status {
        let data = Bytes::from(serde_json::to_vec(data).expect("a test's data is JSON"));
        let cursor = self.inner.change(|state| {
            let offset = state.offsets.entry(room.into()).or_default();
            *offset += 1;
            Cursor { epoch: "test".into(), offset: *offset }
        });
        let (inner, source) = (self.inner.clone(), source.to_owned());
        let (room, kind) = (room.to_owned(), kind.to_owned());
        self.hooks.run(move |plugged| {
            let event = abi::Followed {
                room: Str::new(&room),
                kind: Str::new(&kind),
                source: Str::new(&source),
                key: Str::EMPTY,
                id: Str::EMPTY,
                tags: std::ptr::null(),
                tags_len: 0,
                time: 1,
                cursor: abi::Cursor { epoch: Str::new(&cursor.epoch), offset: cursor.offset },
                data: lend_out(&inner, data),
            };
            let Some(hook) = plugged.extension::<abi::Follow>(ext::FOLLOW).and_then(|f| f.event) else {
                return not_taken(event.data, Status::UNSUPPORTED);
            };
            // SAFETY: on the hook thread, with a live instance; all is lent for the call.
            let status = unsafe { hook(plugged.instance, &raw const event) };
            if status.is_ok() { status } else { not_taken(event.data, status) }
        })
    }

    /// Says that events of a followed room were left out.
    pub fn gap(&self, room: &str, count: u64, after: u64, until: u64) {
        let room = room.to_owned();
        self.hooks.run(move |plugged| {
            let cursor = |offset| abi::Cursor { epoch: Str::new("test"), offset };
            let gap = abi::Gap { room: Str::new(&room), count, after: cursor(after), until: cursor(until) };
            if let Some(hook) = plugged.extension::<abi::Follow>(ext::FOLLOW).and_then(|f| f.gap) {
                // SAFETY: on the hook thread, with a live instance; all is lent for the call.
                unsafe { hook(plugged.instance, &raw const gap) };
            }
        });
    }

    /// Tells of a moment in the life of a session.
    pub fn watch(&self, session: Session, connection_id: &str, moment: &Moment) {
        let (connection_id, moment, inner) = (connection_id.to_owned(), moment.clone(), self.inner.clone());
        self.hooks.run(move |plugged| {
            let principal = inner.state().principal.clone();
            let lent = Lent::new(&principal);
            let (kind, code, room, reason) = match &moment {
                Moment::Open => (abi::WATCH_OPEN, 0, "", ""),
                Moment::Join(room) => (abi::WATCH_JOIN, 0, room.as_str(), ""),
                Moment::Leave(room) => (abi::WATCH_LEAVE, 0, room.as_str(), ""),
                Moment::Close { code, reason } => (abi::WATCH_CLOSE, *code, "", reason.as_str()),
            };
            let event = abi::SessionEvent {
                kind,
                code,
                session: session.0,
                connection_id: Str::new(&connection_id),
                endpoint: Str::new("/ws"),
                room: Str::new(room),
                reason: Str::new(reason),
                principal: lent.principal(),
                time: 1,
            };
            if let Some(hook) = plugged.extension::<abi::Watch>(ext::WATCH).and_then(|w| w.session) {
                // SAFETY: on the hook thread, with a live instance; all is lent for the call.
                unsafe { hook(plugged.instance, &raw const event) };
            }
        });
    }

    /// Asks the plugin how it is; null where it did not say.
    #[must_use]
    pub fn health(&self) -> Value {
        let asked = self.ask(Kind::Bytes, "health".into(), |plugged, request| {
            let hook = plugged.extension::<abi::Health>(ext::HEALTH).and_then(|h| h.check);
            // SAFETY: on the hook thread, with a live instance.
            hook.map_or(Status::UNSUPPORTED, |hook| unsafe { hook(plugged.instance, request) })
        });
        asked.answer().data
    }

    /// Has the plugin rest and give its state; `None` where it does not.
    #[must_use]
    pub fn pause(&self) -> Option<Bytes> {
        let asked = self.ask(Kind::Bytes, "pause".into(), |plugged, request| {
            let hook = plugged.extension::<abi::Checkpoint>(ext::CHECKPOINT).and_then(|c| c.pause);
            // SAFETY: on the hook thread, with a live instance.
            hook.map_or(Status::UNSUPPORTED, |hook| unsafe { hook(plugged.instance, request) })
        });
        asked.wait(|asked| match asked.end.clone()? {
            Ended::Finished { data, .. } => Some(Some(data)),
            _ => Some(None),
        })
    }

    /// Has the plugin go on.
    pub fn unpause(&self) -> Status {
        self.hooks.run(|plugged| {
            let hook = plugged.extension::<abi::Checkpoint>(ext::CHECKPOINT).and_then(|c| c.unpause);
            // SAFETY: on the hook thread, with a live instance.
            hook.map_or(Status::UNSUPPORTED, |hook| unsafe { hook(plugged.instance) })
        })
    }
}
