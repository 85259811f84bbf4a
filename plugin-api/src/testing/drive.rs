//! Starting a plugin, and giving it what a gateway would: requests, events, moments of sessions.
#![allow(unsafe_code, reason = "the plugin's extensions are called here")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

use super::answers::{self, CallAnswer, HttpAnswer};
use super::hooks::{HookThread, Plugged, host_of, lend_out, life, release_ours};
use super::state::{Asked, Ended, Inner};
use super::{Setup, TestHost};
use crate::abi::{self, Buf, Pair, Status, Str, ext};
use crate::{Cursor, Moment, Principal, Session};

/// A route of the manifest.
#[derive(Debug)]
pub(super) struct Route {
    method: String,
    path: String,
}

/// Creates and starts an instance.
pub(super) fn start(setup: Setup) -> Result<TestHost, String> {
    // SAFETY: a table in this process is never unloaded.
    let verified = unsafe { abi::Plugin::verify(setup.table) }.map_err(|e| e.to_string())?;
    let manifest: Value =
        serde_json::from_str(verified.manifest).map_err(|e| format!("its manifest is no JSON: {e}"))?;
    let (jobs, work) = std::sync::mpsc::channel();
    let types = names(&manifest, "events", "type");
    let inner = Arc::new(Inner::new(setup.name, types, setup.store, jobs.clone()));
    let (host, config) = (host_of(&inner), setup.config.to_string());
    let hooks = HookThread::create(verified.table, host, inner.clone(), config, (jobs, work))?;
    let mut test =
        TestHost { inner, hooks, routes: routes(&manifest), calls: names(&manifest, "calls", "name") };
    let prepared = test.declare().and_then(|()| match setup.restored {
        Some(state) => test.hooks.run(move |plugged| restore(plugged, &state)),
        None => Ok(()),
    });
    match prepared.and_then(|()| test.hooks.start()) {
        Ok(()) => Ok(test),
        Err(error) => {
            test.inner.change(|state| state.phase = super::state::Phase::Stopped);
            Err(error)
        }
    }
}

/// The `key` of each object in the manifest's list.
fn names(manifest: &Value, list: &str, key: &str) -> Vec<String> {
    let list = manifest[list].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|item| item[key].as_str().map(str::to_owned)).collect()
}

fn routes(manifest: &Value) -> Vec<Route> {
    let (methods, paths) = (names(manifest, "routes", "method"), names(manifest, "routes", "path"));
    methods.into_iter().zip(paths).map(|(method, path)| Route { method, path }).collect()
}

fn restore(plugged: &Plugged, state: &[u8]) -> Result<(), String> {
    let checkpoint = plugged.extension::<abi::Checkpoint>(ext::CHECKPOINT);
    let restore = checkpoint.and_then(|c| c.restore).ok_or("it has no extension checkpoint")?;
    let mut error = Buf::EMPTY;
    // SAFETY: on the hook thread, between create and start; the state is lent for the call.
    unsafe {
        let status = restore(plugged.instance, Str::bytes(state), &raw mut error);
        life(status, error)
    }
}

/// The parameters of a path that a pattern matches; a slash at the end makes no difference.
fn matched(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (pattern, path) = (pattern.trim_end_matches('/'), path.trim_end_matches('/'));
    if pattern.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut params = Vec::new();
    for (wanted, segment) in pattern.split('/').zip(path.split('/')) {
        match wanted.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
            Some(name) => {
                params.push((name.to_owned(), percent_decode_str(segment).decode_utf8_lossy().into_owned()));
            }
            None if wanted == segment => {}
            None => return None,
        }
    }
    Some(params)
}

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

/// A number that no other request has had.
fn number() -> abi::Request {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// A request that was handed over and is not waited for yet.
#[derive(Debug)]
pub struct Pending<'a> {
    host: &'a TestHost,
    request: abi::Request,
    name: String,
}

impl Pending<'_> {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.request
    }

    /// Nobody waits for it any more.
    pub fn cancel(self) {
        let request = self.request;
        self.host.inner.change(|state| state.requests.get_mut(&request).map(|asked| asked.cancelled = true));
        self.host.hooks.run(move |plugged| {
            let calls = plugged.extension::<abi::Calls>(ext::CALLS).and_then(|c| c.cancelled);
            let http = plugged.extension::<abi::Http>(ext::HTTP).and_then(|h| h.cancelled);
            if let Some(cancelled) = calls.or(http) {
                // SAFETY: on the hook thread, with a live instance.
                unsafe { cancelled(plugged.instance, request) };
            }
        });
    }

    /// Waits until at least `n` pieces were streamed.
    pub fn wait_for_pieces(&self, n: usize) {
        self.host.inner.wait(&format!("{n} pieces"), |state| {
            (state.requests.get(&self.request)?.pieces.len() >= n).then_some(())
        });
    }

    /// Waits for the answer to a call.
    #[must_use]
    pub fn answer(self) -> CallAnswer {
        self.wait(|asked| answers::call(asked, &self.name))
    }

    /// Waits for the answer to an HTTP request.
    #[must_use]
    pub fn response(self) -> HttpAnswer {
        self.wait(answers::http)
    }

    fn wait<T>(&self, read: impl Fn(&Asked) -> Option<T>) -> T {
        self.host.inner.wait(&format!("the answer to {}", self.name), |state| {
            state.requests.get(&self.request).and_then(&read)
        })
    }
}

impl TestHost {
    /// Takes in what the instance adds to its manifest.
    fn declare(&mut self) -> Result<(), String> {
        let json = self.hooks.run(|plugged| {
            let declare = plugged.extension::<abi::Declare>(ext::DECLARE).and_then(|d| d.declare);
            let Some(declare) = declare else { return Ok(Value::Null) };
            let (mut json, mut error) = (Buf::EMPTY, Buf::EMPTY);
            // SAFETY: on the hook thread, between create and start; what was given is released here, once.
            unsafe {
                let status = declare(plugged.instance, &raw mut json, &raw mut error);
                let declared = serde_json::from_slice(json.as_bytes());
                life(Status::OK, json)?;
                life(status, error)?;
                declared.map_err(|e| format!("what it declares is no JSON: {e}"))
            }
        })?;
        self.inner.state().types.extend(names(&json, "events", "type"));
        self.calls.extend(names(&json, "calls", "name"));
        Ok(())
    }

    /// Hands a request over. A status but OK answers it.
    fn ask(
        &self,
        name: String,
        hook: impl FnOnce(&Plugged, abi::Request) -> Status + Send + 'static,
    ) -> Pending<'_> {
        let request = number();
        self.inner.state().requests.insert(request, Asked::default());
        let status = self.hooks.run(move |plugged| hook(plugged, request));
        if !status.is_ok() {
            let end = Ended::Failed { status, message: status.to_string(), data: Bytes::new() };
            self.inner.change(|state| state.requests.get_mut(&request).map(|asked| asked.end = Some(end)));
        }
        Pending { host: self, request, name }
    }

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
        self.ask(name.into(), move |plugged, request| {
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
        self.ask(name, move |plugged, request| {
            let principal = inner.state().principal.clone();
            let (lent, params) = (Lent::new(&principal), lent_pairs(&params));
            let http = abi::HttpRequest {
                request,
                route,
                reserved: 0,
                method: Str::new(&method),
                path: Str::new(&path),
                query: Str::new(&query),
                params: params.as_ptr(),
                params_len: params.len() as u64,
                headers: std::ptr::null(),
                headers_len: 0,
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

    /// Hands over an event of a followed room.
    pub fn follow<T: Serialize + ?Sized>(&self, room: &str, kind: &str, data: &T) -> Status {
        let data = Bytes::from(serde_json::to_vec(data).expect("a test's data is JSON"));
        let cursor = self.inner.change(|state| {
            let offset = state.offsets.entry(room.into()).or_default();
            *offset += 1;
            Cursor { epoch: "test".into(), offset: *offset }
        });
        let (inner, room, kind) = (self.inner.clone(), room.to_owned(), kind.to_owned());
        self.hooks.run(move |plugged| {
            let event = abi::Followed {
                room: Str::new(&room),
                kind: Str::new(&kind),
                source: Str::new("test"),
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
        let asked = self.ask("health".into(), |plugged, request| {
            let hook = plugged.extension::<abi::Health>(ext::HEALTH).and_then(|h| h.check);
            // SAFETY: on the hook thread, with a live instance.
            hook.map_or(Status::UNSUPPORTED, |hook| unsafe { hook(plugged.instance, request) })
        });
        asked.answer().data
    }

    /// Has the plugin rest and give its state; `None` where it does not.
    #[must_use]
    pub fn pause(&self) -> Option<Bytes> {
        let asked = self.ask("pause".into(), |plugged, request| {
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

/// Releases a buffer that the plugin did not take.
fn not_taken(buf: Buf, status: Status) -> Status {
    // SAFETY: made by `lend_out`, and still ours.
    unsafe { release_ours(buf.owner) };
    status
}
