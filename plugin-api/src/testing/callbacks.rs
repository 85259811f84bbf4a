//! The miniature gateway's callbacks: the other side of `host/bridge.rs`.
#![allow(unsafe_code, reason = "the plugin's calls enter here")]

mod refusal;
mod reply;
mod tools;

use std::ffi::c_void;
use std::sync::Arc;

use super::hooks::{Commit, Job, receive};
use super::state::{Inner, Phase, Published, State};
use crate::Cursor;
use crate::abi::{self, Pair, Status, Str, ext, slice};

/// The state behind a host's struct.
///
/// # Safety
/// `host` was made by `host_of`, and its instance was not destroyed.
unsafe fn inner(host: *const abi::Host) -> Arc<Inner> {
    // SAFETY: `context` came from an `Arc` that the test's host holds until `destroy`.
    unsafe {
        let context = (*host).context.cast::<Inner>().cast_const();
        Arc::increment_strong_count(context);
        Arc::from_raw(context)
    }
}

/// Does something if the instance is started.
unsafe fn started(host: *const abi::Host, work: impl FnOnce(&Arc<Inner>) -> Status) -> Status {
    // SAFETY: the caller's promise.
    let inner = unsafe { inner(host) };
    let phase = inner.state().phase;
    if phase == Phase::Started { work(&inner) } else { Status::CLOSED }
}

unsafe fn text(s: Str) -> String {
    // SAFETY: lent for the call.
    unsafe { s.as_str() }.expect("a plugin's texts are UTF-8").to_owned()
}

unsafe fn pairs(ptr: *const Pair, len: u64) -> Vec<(String, String)> {
    // SAFETY: lent for the call.
    unsafe { slice(ptr, len).iter().map(|pair| (text(pair.name), text(pair.value))).collect() }
}

pub(super) unsafe extern "C" fn extension(host: *const abi::Host, id: Str) -> *const c_void {
    static PUBLISH: abi::Publish = abi::Publish { publish: Some(publish) };
    // SAFETY: the plugin's promise; the id is lent for the call.
    let (inner, id) = unsafe { (inner(host), text(id)) };
    if inner.missing.contains(&id) {
        return std::ptr::null();
    }
    match id.as_str() {
        ext::PUBLISH => (&raw const PUBLISH).cast(),
        ext::REFUSAL => (&raw const refusal::TABLE).cast(),
        ext::REPLY => (&raw const reply::TABLE).cast(),
        ext::SESSIONS => (&raw const tools::SESSIONS).cast(),
        ext::STORE => (&raw const tools::STORE).cast(),
        ext::LEASE => (&raw const tools::LEASE).cast(),
        ext::LOG => (&raw const tools::LOG).cast(),
        ext::METRICS => (&raw const tools::METRICS).cast(),
        ext::CLOCK => (&raw const tools::CLOCK).cast(),
        _ => std::ptr::null(),
    }
}

pub(super) unsafe extern "C" fn stopped(host: *const abi::Host) {
    // SAFETY: the plugin's promise.
    unsafe { inner(host) }.change(|state| {
        assert_eq!(state.phase, Phase::Started, "stopped was called twice, or before start");
        state.phase = Phase::Stopped;
    });
}

unsafe extern "C" fn publish(
    host: *const abi::Host,
    events: *const abi::Event,
    count: u64,
    token: u64,
    taken: *mut u64,
) -> Status {
    // SAFETY: the plugin's promise: events and what they lead to are lent for the call, `taken` is to be written.
    unsafe {
        taken.write(0);
        refusal::forget();
        started(host, |inner| {
            let events = slice(events, count);
            let busy_after = {
                let mut state = inner.state();
                let (left, after) = state.busy_publishes;
                state.busy_publishes.0 = left.saturating_sub(1);
                (left > 0).then_some(after)
            };
            let mut cursors = Vec::new();
            let mut status = Status::OK;
            let mut n = 0;
            for event in events {
                if busy_after == Some(n) {
                    status = Status::BUSY;
                    break;
                }
                match take_event(inner, event) {
                    Ok(told) => cursors.extend(told),
                    Err(refused) => {
                        status = refused;
                        break;
                    }
                }
                n += 1;
            }
            taken.write(n as u64);
            if token != 0 && n > 0 {
                commit(inner, token, n as u64, cursors);
            }
            if status == Status::BUSY {
                // Queued before the plugin sees its BUSY: they cross.
                inner.queue(resume(0));
            }
            status
        })
    }
}

/// Takes an event, if it is right.
unsafe fn take_event(inner: &Arc<Inner>, event: &abi::Event) -> Result<Vec<Cursor>, Status> {
    // SAFETY: lent for the call; its data is taken last, with the OK.
    unsafe {
        let mut published = read_event(inner, event);
        published.data = refusal::judge(&inner.state(), &published.kind, event.data.as_bytes())?;
        receive(inner, event.data);
        Ok(inner.change(|state| order(state, published)))
    }
}

/// An event but for its data.
unsafe fn read_event(inner: &Inner, event: &abi::Event) -> Published {
    // SAFETY: lent for the call.
    unsafe {
        let source = text(event.source);
        Published {
            rooms: slice(event.targets, event.targets_len).iter().map(|&room| text(room)).collect(),
            kind: text(event.kind),
            source: if source.is_empty() { inner.name.clone() } else { source },
            key: text(event.key),
            id: text(event.id),
            tags: pairs(event.tags, event.tags_len),
            data: serde_json::Value::Null,
            time: event.time,
            origin: text(event.origin),
        }
    }
}

/// Gives an event its place in each of its rooms; one that all of them know by its id is not published again.
fn order(state: &mut State, event: Published) -> Vec<Cursor> {
    let rooms = if event.rooms.is_empty() { vec![String::new()] } else { event.rooms.clone() };
    let mut new = event.id.is_empty();
    let cursors = rooms
        .into_iter()
        .map(|room| {
            if let Some(cursor) = state.ids.get(&(room.clone(), event.id.clone())) {
                return cursor.clone();
            }
            new = true;
            let offset = state.offsets.entry(room.clone()).or_default();
            *offset += 1;
            let cursor = Cursor { epoch: "test".into(), offset: *offset };
            if !event.id.is_empty() {
                state.ids.insert((room, event.id.clone()), cursor.clone());
            }
            cursor
        })
        .collect();
    if new {
        state.published.push(event);
    }
    cursors
}

/// Tells, on the hook thread, that events are safe or lost.
fn commit(inner: &Inner, token: u64, count: u64, cursors: Vec<Cursor>) {
    let mut state = inner.state();
    let told = if state.commit_status.is_ok() { Ok(cursors) } else { Err(state.commit_status) };
    let commit = Commit { token, first: 0, count, told };
    if state.hold_commits {
        state.held_commits.push(commit);
    } else {
        drop(state);
        inner.queue(commit.into_job());
    }
}

/// Calls `resume`.
fn resume(request: abi::Request) -> Job {
    Job::new(move |plugged| {
        let flow = plugged.extension::<abi::Flow>(ext::FLOW);
        if let Some(resume) = flow.and_then(|flow| flow.resume) {
            // SAFETY: on the hook thread, with a live instance.
            unsafe { resume(plugged.instance, request) };
        }
    })
}
