//! Starting a plugin, and giving it what a gateway would: requests, events, moments of sessions.
#![allow(unsafe_code, reason = "the plugin's extensions are called here")]

mod ask;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answers::{self, CallAnswer, HttpAnswer};
use super::hooks::{HookThread, Plugged, host_of, life, release_ours};
use super::state::{Asked, Ended, Inner, Kind};
use super::{Setup, TestHost};
use crate::abi::{self, Buf, Status, Str, ext};
use crate::schema::{self, Schema};

/// A route of the manifest.
#[derive(Debug)]
pub(super) struct Route {
    method: String,
    path: String,
}

/// An instance that was created and not started, and what its manifest says.
pub(super) struct Created {
    pub(super) test: TestHost,
    pub(super) commands: Vec<String>,
    defs: Map<String, Value>,
    restored: Option<Bytes>,
}

/// Creates an instance.
pub(super) fn plug(setup: Setup) -> Result<Created, String> {
    // SAFETY: a table in this process is never unloaded.
    let verified = unsafe { abi::Plugin::verify(setup.table) }.map_err(|e| e.to_string())?;
    let manifest: Value =
        serde_json::from_str(verified.manifest).map_err(|e| format!("its manifest is no JSON: {e}"))?;
    let (jobs, work) = std::sync::mpsc::channel();
    let defs = manifest["$defs"].as_object().cloned().unwrap_or_default();
    let types = types(&manifest, &defs)?;
    let inner = Arc::new(Inner::new(setup.name, types, setup.store, setup.missing, jobs.clone()));
    let (host, config) = (host_of(&inner), setup.config.to_string());
    let hooks = HookThread::create(verified.table, host, inner.clone(), config, (jobs, work))?;
    let (routes, calls) = (routes(&manifest), names(&manifest, "calls", "name"));
    let commands = names(&manifest, "commands", "name");
    Ok(Created { test: TestHost { inner, hooks, routes, calls }, commands, defs, restored: setup.restored })
}

/// Creates and starts an instance.
pub(super) fn start(setup: Setup) -> Result<TestHost, String> {
    let Created { mut test, defs, restored, .. } = plug(setup)?;
    let prepared = test.declare(&defs).and_then(|()| match restored {
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

/// The event types of a manifest with their schemas.
fn types(manifest: &Value, defs: &Map<String, Value>) -> Result<HashMap<String, Schema>, String> {
    let events = manifest["events"].as_array().into_iter().flatten();
    let typed =
        events.filter_map(|event| Some((event["type"].as_str()?.to_owned(), event.get("schema").cloned())));
    typed
        .map(|(kind, mut schema)| {
            if let Some(schema) = &mut schema {
                schema::lend(defs, schema);
            }
            // Miri takes minutes for one schema.
            let compiled = Schema::compile(schema.as_ref().filter(|_| !cfg!(miri)));
            let compiled = compiled.map_err(|error| format!("the schema of event type '{kind}' {error}"))?;
            Ok((kind, compiled))
        })
        .collect()
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
    fn declare(&mut self, defs: &Map<String, Value>) -> Result<(), String> {
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
        self.inner.state().types.extend(types(&json, defs)?);
        self.calls.extend(names(&json, "calls", "name"));
        Ok(())
    }

    /// Hands a request over. A status but OK answers it.
    fn ask(
        &self,
        kind: Kind,
        name: String,
        hook: impl FnOnce(&Plugged, abi::Request) -> Status + Send + 'static,
    ) -> Pending<'_> {
        let request = number();
        self.inner.state().requests.insert(request, Asked::new(kind));
        let status = self.hooks.run(move |plugged| hook(plugged, request));
        if !status.is_ok() {
            let end = Ended::Failed { status, message: status.to_string(), data: Bytes::new() };
            self.inner.change(|state| state.requests.get_mut(&request).map(|asked| asked.end = Some(end)));
        }
        Pending { host: self, request, name }
    }
}

/// Releases a buffer that the plugin did not take.
fn not_taken(buf: Buf, status: Status) -> Status {
    // SAFETY: made by `lend_out`, and still ours.
    unsafe { release_ours(buf.owner) };
    status
}
