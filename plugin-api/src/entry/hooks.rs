//! The functions behind the table's pointers. Nothing happens in one before its panics are caught.
#![allow(unsafe_code, reason = "the host's calls enter here")]

use std::ffi::c_void;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::answer::Responder;
use super::arrival;
use super::contain::{catch, hook};
use super::executor::{Request, Told, Work};
use super::instance::Instance;
use crate::abi::{self, Buf, Status, Str, ext};
use crate::buffer::give;
use crate::command::Terminal;
use crate::host::bridge::Bridge;
use crate::{Error, Host, Plugin, Result};

/// The table of a plugin, but for its manifest.
pub(super) const fn table<P: Plugin>() -> abi::Plugin {
    abi::Plugin {
        abi_major: abi::MAJOR,
        abi_minor: abi::MINOR,
        size: size_of::<abi::Plugin>() as u64,
        manifest: Str::EMPTY,
        create: Some(create::<P>),
        start: Some(start::<P>),
        stop: Some(stop::<P>),
        destroy: Some(destroy::<P>),
        extension: Some(extension::<P>),
    }
}

/// The extensions of a plugin, as constants.
struct Extensions<P>(P);

impl<P: Plugin> Extensions<P> {
    const DECLARE: &abi::Declare = &abi::Declare { declare: Some(declare::<P>) };
    const HTTP: &abi::Http = &abi::Http { request: Some(http::<P>), cancelled: Some(cancelled::<P>) };
    const CALLS: &abi::Calls = &abi::Calls { call: Some(call::<P>), cancelled: Some(cancelled::<P>) };
    const FOLLOW: &abi::Follow = &abi::Follow { event: Some(event::<P>), gap: Some(gap::<P>) };
    const WATCH: &abi::Watch = &abi::Watch { select: Some(select::<P>), session: Some(session::<P>) };
    const FLOW: &abi::Flow = &abi::Flow { resume: Some(resume::<P>), committed: Some(committed::<P>) };
    const HEALTH: &abi::Health = &abi::Health { check: Some(health::<P>) };
    const COMMANDS: &abi::Commands = &abi::Commands { run: Some(command::<P>) };
    const CHECKPOINT: &abi::Checkpoint = &abi::Checkpoint {
        pause: Some(pause::<P>),
        unpause: Some(unpause::<P>),
        restore: Some(restore::<P>),
    };
}

/// The instance behind a pointer.
///
/// # Safety
/// `pointer` came from `create` of the same plugin and was not destroyed.
unsafe fn instance<'a, P: Plugin>(pointer: *mut abi::Instance) -> &'a Instance<P> {
    // SAFETY: then it leads to what `create` has boxed; hooks come one at a time, and all is behind shared references.
    unsafe { &*pointer.cast::<Instance<P>>() }
}

/// Writes a text for the operator, if there is a place for it.
unsafe fn tell_operator(place: *mut Buf, error: &Error) {
    if !place.is_null() {
        // SAFETY: the host's, to be written.
        unsafe { place.write(give(Bytes::from(error.to_string()))) };
    }
}

/// The status of a life cycle's hook; an error's text is for the operator.
unsafe fn outcome(done: Result<()>, place: *mut Buf) -> Status {
    match done {
        Ok(()) => Status::OK,
        Err(error) => {
            // SAFETY: the caller's promise.
            unsafe { tell_operator(place, &error) };
            error.status()
        }
    }
}

unsafe extern "C" fn create<P: Plugin>(
    host: *const abi::Host,
    name: Str,
    config: Str,
    out: *mut *mut abi::Instance,
    error: *mut Buf,
) -> Status {
    let made = catch(|| -> Result<*mut abi::Instance> {
        // SAFETY: the host lives until `destroy` returns, which ends the bridge.
        let bridge = unsafe { Bridge::new(host) }.map_err(|e| Error::unsupported(format!("host: {e}")))?;
        // SAFETY: lent for the call.
        let (name, config) = unsafe { (arrival::text(name), config.as_bytes()) };
        let host = Host::new(bridge, name, Some(lease_lost::<P>));
        let config = catch(|| serde_json::from_slice::<P::Config>(config));
        match config {
            Ok(Ok(config)) => Ok(Box::into_raw(Box::new(Instance::<P>::new(host, config))).cast()),
            Ok(Err(error)) => Err(Error::invalid(format!("configuration: {error}"))),
            Err(panic) => {
                host.bridge().panicked("create", &panic);
                Err(Error::internal("it panicked over its configuration"))
            }
        }
    });
    // SAFETY: `out` and `error` are the host's, to be written.
    unsafe {
        match made.unwrap_or_else(|panic| Err(Error::internal(panic))) {
            Ok(instance) => {
                out.write(instance);
                Status::OK
            }
            Err(e) => outcome(Err(e), error),
        }
    }
}

unsafe extern "C" fn start<P: Plugin>(pointer: *mut abi::Instance, error: *mut Buf) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(pointer) };
    // SAFETY: as above.
    hook(&instance.host, "start", || unsafe { outcome(instance.start(), error) })
}

unsafe extern "C" fn stop<P: Plugin>(pointer: *mut abi::Instance, deadline_ms: u64) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(pointer) };
    hook(&instance.host, "stop", || instance.stop(Duration::from_millis(deadline_ms)))
}

unsafe extern "C" fn destroy<P: Plugin>(pointer: *mut abi::Instance) {
    // SAFETY: `create` has boxed it, and this is the last time that the host uses it.
    let instance = unsafe { Box::from_raw(pointer.cast::<Instance<P>>()) };
    // What panics here has nobody left to tell.
    let _ = catch(|| instance.end());
}

unsafe extern "C" fn extension<P: Plugin>(_: *mut abi::Instance, id: Str) -> *const c_void {
    // SAFETY: lent for the call.
    match unsafe { id.as_bytes() } {
        id if id == ext::DECLARE.as_bytes() => std::ptr::from_ref(Extensions::<P>::DECLARE).cast(),
        id if id == ext::HTTP.as_bytes() => std::ptr::from_ref(Extensions::<P>::HTTP).cast(),
        id if id == ext::CALLS.as_bytes() => std::ptr::from_ref(Extensions::<P>::CALLS).cast(),
        id if id == ext::FOLLOW.as_bytes() => std::ptr::from_ref(Extensions::<P>::FOLLOW).cast(),
        id if id == ext::WATCH.as_bytes() => std::ptr::from_ref(Extensions::<P>::WATCH).cast(),
        id if id == ext::FLOW.as_bytes() => std::ptr::from_ref(Extensions::<P>::FLOW).cast(),
        id if id == ext::HEALTH.as_bytes() => std::ptr::from_ref(Extensions::<P>::HEALTH).cast(),
        id if id == ext::COMMANDS.as_bytes() => std::ptr::from_ref(Extensions::<P>::COMMANDS).cast(),
        id if id == ext::CHECKPOINT.as_bytes() && P::CHECKPOINT => {
            std::ptr::from_ref(Extensions::<P>::CHECKPOINT).cast()
        }
        _ => std::ptr::null(),
    }
}

/// Gives a JSON document that follows from the configuration.
unsafe fn document<P: Plugin, T: Serialize>(
    pointer: *mut abi::Instance,
    place: &str,
    (json, error): (*mut Buf, *mut Buf),
    make: impl FnOnce(&P::Config) -> Result<T>,
) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(pointer) };
    hook(&instance.host, place, || {
        let made = instance.configured(|config| Ok(serde_json::to_vec(&make(config)?)?));
        // SAFETY: both are the host's, to be written.
        unsafe { outcome(made.map(|bytes| json.write(give(bytes.into()))), error) }
    })
}

unsafe extern "C" fn declare<P: Plugin>(i: *mut abi::Instance, json: *mut Buf, error: *mut Buf) -> Status {
    // SAFETY: the host's promise.
    unsafe { document::<P, _>(i, "declare", (json, error), P::declare) }
}

unsafe extern "C" fn select<P: Plugin>(i: *mut abi::Instance, json: *mut Buf, error: *mut Buf) -> Status {
    // SAFETY: the host's promise.
    unsafe { document::<P, _>(i, "watches", (json, error), |config| Ok(P::watches(config))) }
}

unsafe extern "C" fn command<P: Plugin>(
    pointer: *mut abi::Instance,
    lent: *const abi::Command,
    error: *mut Buf,
) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(pointer) };
    hook(&instance.host, "command", || {
        // SAFETY: lent for the call, which does not return before the terminal is closed.
        let (terminal, command) = unsafe {
            let lent = &*lent;
            let arguments = arrival::texts(lent.arguments, lent.arguments_len);
            Terminal::of(lent, arrival::text(lent.name), arguments)
        };
        let done = catch(|| instance.command(command));
        terminal.close();
        let done = done.unwrap_or_else(|panic| Err(Error::internal(panic)));
        // SAFETY: the host's, to be written.
        unsafe { outcome(done, error) }
    })
}

/// Hands a request over, once somebody is there to take it.
unsafe fn request<P: Plugin>(
    pointer: *mut abi::Instance,
    number: abi::Request,
    read: impl FnOnce(&Responder) -> Request,
) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(pointer) };
    hook(&instance.host, "request", || match instance.accepts() {
        Ok(()) => {
            let responder = Responder::new(instance.host.clone(), number);
            instance.hand_over(Work::Request(read(&responder), responder))
        }
        Err(status) => status,
    })
}

unsafe extern "C" fn http<P: Plugin>(i: *mut abi::Instance, lent: *const abi::HttpRequest) -> Status {
    // SAFETY: lent for the call; the body is ours with the OK that follows.
    unsafe { request::<P>(i, (*lent).request, |r| Request::Http(arrival::http(&*lent, r.signal()))) }
}

unsafe extern "C" fn call<P: Plugin>(i: *mut abi::Instance, lent: *const abi::Call) -> Status {
    // SAFETY: lent for the call; the data is ours with the OK that follows.
    unsafe { request::<P>(i, (*lent).request, |r| Request::Call(arrival::call(&*lent, r.signal()))) }
}

unsafe extern "C" fn health<P: Plugin>(i: *mut abi::Instance, number: abi::Request) -> Status {
    // SAFETY: the host's promise.
    unsafe { request::<P>(i, number, |_| Request::Health) }
}

unsafe extern "C" fn pause<P: Plugin>(i: *mut abi::Instance, number: abi::Request) -> Status {
    // SAFETY: the host's promise.
    unsafe { request::<P>(i, number, |_| Request::Pause) }
}

unsafe extern "C" fn cancelled<P: Plugin>(pointer: *mut abi::Instance, number: abi::Request) {
    // SAFETY: the host's promise.
    let host = unsafe { &instance::<P>(pointer).host };
    hook(host, "cancelled", || {
        host.requests().cancel(number);
        Status::OK
    });
}

/// Hands over what is only told.
unsafe fn told<P: Plugin>(pointer: *mut abi::Instance, read: impl FnOnce() -> Option<Told>) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(pointer) };
    hook(&instance.host, "event", || match instance.accepts() {
        Ok(()) => read().map_or(Status::OK, |told| instance.hand_over(Work::Told(told))),
        Err(status) => status,
    })
}

unsafe extern "C" fn event<P: Plugin>(i: *mut abi::Instance, lent: *const abi::Followed) -> Status {
    // SAFETY: lent for the call; the data is ours with the OK that follows.
    unsafe { told::<P>(i, || Some(Told::Event(arrival::followed(&*lent)))) }
}

unsafe extern "C" fn gap<P: Plugin>(i: *mut abi::Instance, lent: *const abi::Gap) {
    // SAFETY: lent for the call.
    unsafe { told::<P>(i, || Some(Told::Gap(arrival::gap(&*lent)))) };
}

unsafe extern "C" fn session<P: Plugin>(i: *mut abi::Instance, lent: *const abi::SessionEvent) {
    // SAFETY: lent for the call.
    unsafe { told::<P>(i, || arrival::session_event(&*lent).map(Told::Session)) };
}

unsafe extern "C" fn unpause<P: Plugin>(i: *mut abi::Instance) -> Status {
    // SAFETY: the host's promise.
    unsafe { told::<P>(i, || Some(Told::Unpause)) }
}

unsafe extern "C" fn restore<P: Plugin>(i: *mut abi::Instance, state: Str, error: *mut Buf) -> Status {
    // SAFETY: the host's promise.
    let instance = unsafe { instance::<P>(i) };
    hook(&instance.host, "restore", || {
        // SAFETY: lent for the call.
        let state = Bytes::copy_from_slice(unsafe { state.as_bytes() });
        let done = instance.configured(|_| {
            instance.restore(state);
            Ok(())
        });
        // SAFETY: the host's, to be written.
        unsafe { outcome(done, error) }
    })
}

unsafe extern "C" fn resume<P: Plugin>(pointer: *mut abi::Instance, number: abi::Request) {
    // SAFETY: the host's promise.
    let host = unsafe { &instance::<P>(pointer).host };
    hook(host, "resume", || {
        if number == 0 {
            host.flow().resume()
        } else {
            host.requests().resume(number)
        }
        Status::OK
    });
}

unsafe extern "C" fn committed<P: Plugin>(
    pointer: *mut abi::Instance,
    token: u64,
    first: u64,
    count: u64,
    cursors: *const abi::Cursor,
    cursors_len: u64,
    status: Status,
) {
    // SAFETY: the host's promise.
    let host = unsafe { &instance::<P>(pointer).host };
    hook(host, "committed", || {
        let told = if status.is_ok() {
            // SAFETY: lent for the call.
            Ok(unsafe { abi::slice(cursors, cursors_len).iter().map(|c| arrival::cursor(c)).collect() })
        } else {
            Err(status)
        };
        host.flow().committed(token, first, count, told);
        Status::OK
    });
}

unsafe extern "C" fn lease_lost<P: Plugin>(pointer: *mut abi::Instance, lease: abi::Lease) {
    // SAFETY: the host's promise.
    let host = unsafe { &instance::<P>(pointer).host };
    hook(host, "lease", || {
        host.lease_was_lost(lease);
        Status::OK
    });
}
