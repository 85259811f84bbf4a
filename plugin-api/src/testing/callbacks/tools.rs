//! Sessions, store, leases, log, metrics, clock.
#![allow(unsafe_code, reason = "the plugin's calls enter here")]

use std::ffi::c_void;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::json;

use super::{inner, pairs, read_event, refusal, started, text};
use crate::abi::{self, Buf, Pair, Status, Str, slice};
use crate::testing::hooks::{lend_out, receive};
use crate::testing::state::{LogLine, Series, State};
use crate::testing::store::{Asked, Came};

pub(super) static SESSIONS: abi::Sessions = abi::Sessions {
    send: Some(send),
    join: Some(join),
    leave: Some(leave),
    close: Some(close),
    find: Some(find),
    of_user: Some(of_user),
    info: Some(info),
};
pub(super) static STORE: abi::Store = abi::Store { run: Some(run) };
pub(super) static LEASE: abi::Leases =
    abi::Leases { acquire: Some(acquire), renew: Some(renew), release: Some(release) };
pub(super) static LOG: abi::Log =
    abi::Log { enabled: Some(enabled), write: Some(write), panicked: Some(panicked) };
pub(super) static METRICS: abi::Metrics = abi::Metrics { open: Some(open), record: Some(record) };
pub(super) static CLOCK: abi::Clock = abi::Clock { now: Some(now) };

/// Notes a command to a session.
fn command(state: &mut State, session: u64, command: String) -> Status {
    match state.sessions.get(session) {
        Some(session) => {
            session.commands.push(command);
            Status::OK
        }
        None => Status::NOT_FOUND,
    }
}

unsafe extern "C" fn send(host: *const abi::Host, session: u64, event: *const abi::Event) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            let kind = read_event(inner, &*event).kind;
            if inner.state().sessions.get(session).is_none() {
                return Status::NOT_FOUND;
            }
            refusal::forget();
            if let Err(refused) = refusal::judge(&inner.state(), &kind, (*event).data.as_bytes()) {
                return refused;
            }
            let data = receive(inner, (*event).data);
            let line = format!("send {kind} {}", String::from_utf8_lossy(&data));
            inner.change(|state| command(state, session, line))
        })
    }
}

unsafe extern "C" fn join(host: *const abi::Host, session: u64, room: Str) -> Status {
    // SAFETY: the plugin's promise.
    unsafe { started(host, |inner| inner.change(|s| command(s, session, format!("join {}", text(room))))) }
}

unsafe extern "C" fn leave(host: *const abi::Host, session: u64, room: Str) -> Status {
    // SAFETY: the plugin's promise.
    unsafe { started(host, |inner| inner.change(|s| command(s, session, format!("leave {}", text(room))))) }
}

unsafe extern "C" fn close(host: *const abi::Host, session: u64, code: u32, reason: Str) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| inner.change(|s| command(s, session, format!("close {code} {}", text(reason)))))
    }
}

unsafe extern "C" fn find(host: *const abi::Host, connection_id: Str, session: *mut u64) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            let id = text(connection_id);
            match inner.state().sessions.find(|s| s.connection_id == id).first() {
                Some(&found) => {
                    session.write(found);
                    Status::OK
                }
                None => Status::NOT_FOUND,
            }
        })
    }
}

unsafe extern "C" fn of_user(
    host: *const abi::Host,
    user: Str,
    sessions: *mut u64,
    capacity: u64,
    count: *mut u64,
) -> Status {
    // SAFETY: the plugin's promise: there is room for `capacity` sessions.
    unsafe {
        started(host, |inner| {
            let user = text(user);
            let found = inner.state().sessions.find(|s| s.user.as_deref() == Some(&user));
            count.write(found.len() as u64);
            found.iter().take(capacity as usize).enumerate().for_each(|(i, &s)| sessions.add(i).write(s));
            Status::OK
        })
    }
}

unsafe extern "C" fn info(host: *const abi::Host, session: u64, out: *mut Buf) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            let found =
                inner.state().sessions.get(session).map(|s| (s.connection_id.clone(), s.user.clone()));
            let Some((connection_id, user)) = found else { return Status::NOT_FOUND };
            let json = json!({ "connection_id": connection_id, "endpoint": "/ws", "user_id": user });
            out.write(lend_out(inner, json.to_string().into()));
            Status::OK
        })
    }
}

/// What a result's entries lead to.
struct Entries {
    kept: Vec<(String, Bytes, u64)>,
    lent: Vec<abi::StoreEntry>,
}

unsafe extern "C" fn run(
    host: *const abi::Host,
    ops: *const abi::StoreOp,
    count: u64,
    results: *mut abi::StoreResult,
    _timeout_ms: u64,
) -> Status {
    // SAFETY: the plugin's promise: operations are lent for the call, as many results are to be written.
    unsafe {
        started(host, |inner| {
            let mut state = inner.state();
            for (i, op) in slice(ops, count).iter().enumerate() {
                let (plugin, key, after) = (text(op.plugin), text(op.key), text(op.after));
                let asked = Asked {
                    kind: op.kind,
                    expect: (op.expect, op.revision),
                    plugin: &plugin,
                    key: &key,
                    after: &after,
                    value: op.value.as_bytes(),
                    limit: op.limit as usize,
                };
                results.add(i).write(result(state.store.run(&asked)));
            }
            Status::OK
        })
    }
}

fn result(came: Came) -> abi::StoreResult {
    let mut entries = Box::new(Entries { kept: came.entries, lent: Vec::new() });
    entries.lent = entries
        .kept
        .iter()
        .map(|(key, value, revision)| abi::StoreEntry {
            key: Str::new(key),
            value: Str::bytes(value),
            revision: *revision,
        })
        .collect();
    abi::StoreResult {
        status: came.status,
        more: came.more.into(),
        revision: came.revision,
        entries: entries.lent.as_ptr(),
        entries_len: entries.lent.len() as u64,
        owner: Box::into_raw(entries).cast(),
        release: Some(release_entries),
    }
}

unsafe extern "C" fn release_entries(owner: *mut c_void) {
    // SAFETY: made in `result`, and released once.
    drop(unsafe { Box::from_raw(owner.cast::<Entries>()) });
}

unsafe extern "C" fn acquire(
    host: *const abi::Host,
    name: Str,
    ttl_ms: u64,
    _timeout_ms: u64,
    lost: abi::LeaseLost,
    grant: *mut abi::Grant,
) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| match inner.state().leases.take(&text(name), lost) {
            Some(lease) => {
                grant.write(abi::Grant { lease, number: lease, valid_ms: ttl_ms });
                Status::OK
            }
            None => Status::CONFLICT,
        })
    }
}

unsafe extern "C" fn renew(host: *const abi::Host, lease: u64, _: u64, grant: *mut abi::Grant) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            if !inner.state().leases.is_held(lease) {
                return Status::CLOSED;
            }
            grant.write(abi::Grant { lease, number: lease, valid_ms: 60_000 });
            Status::OK
        })
    }
}

unsafe extern "C" fn release(host: *const abi::Host, lease: u64, _: u64) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(
            host,
            |inner| {
                if inner.change(|s| s.leases.give_up(lease)) { Status::OK } else { Status::CLOSED }
            },
        )
    }
}

unsafe extern "C" fn enabled(_: *const abi::Host, _level: u32) -> u32 {
    1
}

unsafe extern "C" fn write(
    host: *const abi::Host,
    level: u32,
    message: Str,
    fields: *const Pair,
    fields_len: u64,
) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        let line = LogLine { level, message: text(message), fields: pairs(fields, fields_len) };
        inner(host).change(|state| state.log.push(line));
    }
    Status::OK
}

unsafe extern "C" fn panicked(host: *const abi::Host, place: Str, message: Str) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        let told = format!("{}: {}", text(place), text(message));
        inner(host).change(|state| state.panics.push(told));
    }
    Status::OK
}

unsafe extern "C" fn open(host: *const abi::Host, spec: *const abi::MetricSpec, metric: *mut u64) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            let spec = &*spec;
            let labels: Vec<_> = pairs(spec.labels, spec.labels_len)
                .into_iter()
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            let mut series = text(spec.name);
            if !labels.is_empty() {
                series = format!("{series}{{{}}}", labels.join(","));
            }
            let mut state = inner.state();
            let known = state.metrics.iter().position(|m| m.series == series);
            let index = known.unwrap_or_else(|| {
                state.metrics.push(Series { series, kind: spec.kind, value: 0 });
                state.metrics.len() - 1
            });
            if state.metrics[index].kind != spec.kind {
                return Status::CONFLICT;
            }
            metric.write(index as u64 + 1);
            Status::OK
        })
    }
}

unsafe extern "C" fn record(host: *const abi::Host, metric: u64, value: i64) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            inner.change(|state| {
                let Some(series) = state.metrics.get_mut((metric as usize).wrapping_sub(1)) else {
                    return Status::NOT_FOUND;
                };
                match series.kind {
                    abi::METRIC_GAUGE => series.value = value,
                    abi::METRIC_COUNTER => series.value += value,
                    _ => series.value += 1,
                }
                Status::OK
            })
        })
    }
}

unsafe extern "C" fn now(host: *const abi::Host, now: *mut abi::Now) -> Status {
    // SAFETY: the plugin's promise.
    unsafe {
        started(host, |inner| {
            let ahead = inner.state().ahead;
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + ahead;
            let monotonic = inner.started.elapsed() + ahead;
            let time = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            let monotonic_ns = u64::try_from(monotonic.as_nanos()).unwrap_or(u64::MAX);
            now.write(abi::Now { time, monotonic_ns });
            Status::OK
        })
    }
}
