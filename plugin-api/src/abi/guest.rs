//! The plugin's side: the exported constant and the extensions that a host asks for.
#![allow(unsafe_code, reason = "says that a constant is one")]

use std::ffi::c_void;

use super::data::{Buf, Cursor, Pair, Principal, Request, Session, Status, Str};
use super::host::Host;

/// `tg_instance`: what a plugin keeps of one instance; only ever behind a pointer.
#[derive(Debug)]
#[repr(C)]
pub struct Instance {
    _opaque: [u8; 0],
}

/// `tg_plugin`: the exported constant.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Plugin {
    /// [`MAJOR`](super::MAJOR) of the header that it was built against.
    pub abi_major: u32,
    /// [`MINOR`](super::MINOR) of it.
    pub abi_minor: u32,
    /// The size of this struct in it.
    pub size: u64,
    /// JSON; holds as long as the library.
    pub manifest: Str,
    /// Makes an instance. `[hook thread]`
    pub create: Option<
        unsafe extern "C" fn(
            host: *const Host,
            instance_name: Str,
            config_json: Str,
            instance: *mut *mut Instance,
            error: *mut Buf,
        ) -> Status,
    >,
    /// Starts it. `[hook thread] [blocks]`
    pub start: Option<unsafe extern "C" fn(instance: *mut Instance, error: *mut Buf) -> Status>,
    /// Stops it: `OK`, or `BUSY` and `stopped` later. `[hook thread]`
    pub stop: Option<unsafe extern "C" fn(instance: *mut Instance, deadline_ms: u64) -> Status>,
    /// Ends it. `[hook thread] [blocks]`
    pub destroy: Option<unsafe extern "C" fn(instance: *mut Instance)>,
    /// Its extension `id`, or null. `[hook thread]`
    pub extension: Option<unsafe extern "C" fn(instance: *mut Instance, id: Str) -> *const c_void>,
}

// SAFETY: it is a constant, and so is the text that it leads to; what reads that is unsafe for itself.
unsafe impl Send for Plugin {}
// SAFETY: as above.
unsafe impl Sync for Plugin {}

/// `tg_declare`: what an instance adds to the manifest.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Declare {
    /// Gives `{"events", "follows", "calls"}` as JSON. `[hook thread]`, between `create` and `start`
    pub declare:
        Option<unsafe extern "C" fn(instance: *mut Instance, json: *mut Buf, error: *mut Buf) -> Status>,
}

/// `tg_http_request`: a request to one of the manifest's routes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpRequest {
    /// Its number.
    pub request: Request,
    /// Index in the manifest's `routes`.
    pub route: u32,
    /// 0.
    pub reserved: u32,
    /// The method.
    pub method: Str,
    /// As it came, without the query.
    pub path: Str,
    /// As it came, without the `?`.
    pub query: Str,
    /// The first of the path's parameters, percent-decoded.
    pub params: *const Pair,
    /// How many.
    pub params_len: u64,
    /// The first header, names in lower case.
    pub headers: *const Pair,
    /// How many.
    pub headers_len: u64,
    /// Who asks.
    pub principal: Principal,
    /// The answer's `x-request-id`.
    pub request_id: Str,
    /// The client's address.
    pub address: Str,
    /// Until the host answers 504 itself.
    pub timeout_ms: u64,
    /// The whole body, given.
    pub body: Buf,
}

/// `tg_http`: routes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Http {
    /// Takes a request; the answer comes through [`Reply`](super::Reply). `[hook thread]`
    pub request: Option<unsafe extern "C" fn(instance: *mut Instance, request: *const HttpRequest) -> Status>,
    /// Nobody waits for the answer any more. `[hook thread]`
    pub cancelled: Option<unsafe extern "C" fn(instance: *mut Instance, request: Request)>,
}

/// In [`Call::flags`]: the caller takes a streamed answer.
pub const CALL_STREAMS: u32 = 1;

/// `tg_call`: a client's request by a declared name.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Call {
    /// Its number.
    pub request: Request,
    /// Index in the manifest's `calls`, those of `declare` following.
    pub call: u32,
    /// [`CALL_STREAMS`].
    pub flags: u32,
    /// The name called.
    pub name: Str,
    /// 0: not from a session.
    pub session: Session,
    /// The session's name for people; empty: none.
    pub connection_id: Str,
    /// The request's `room`; empty: none.
    pub room: Str,
    /// Who asks.
    pub principal: Principal,
    /// Until the host answers with an error itself.
    pub timeout_ms: u64,
    /// One JSON value, given.
    pub data: Buf,
}

/// `tg_calls`: calls of clients.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Calls {
    /// As [`Http::request`]. `[hook thread]`
    pub call: Option<unsafe extern "C" fn(instance: *mut Instance, call: *const Call) -> Status>,
    /// As [`Http::cancelled`]. `[hook thread]`
    pub cancelled: Option<unsafe extern "C" fn(instance: *mut Instance, request: Request)>,
}

/// `tg_followed`: an event of a followed room.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Followed {
    /// Empty: published to everyone.
    pub room: Str,
    /// Its type, `type` in the header.
    pub kind: Str,
    /// Who published it.
    pub source: Str,
    /// Empty: none.
    pub key: Str,
    /// Empty: none.
    pub id: Str,
    /// The first tag.
    pub tags: *const Pair,
    /// How many tags.
    pub tags_len: u64,
    /// Milliseconds since 1970.
    pub time: i64,
    /// Where it stands in its room.
    pub cursor: Cursor,
    /// One JSON value, given.
    pub data: Buf,
}

/// `tg_gap`: events of a room that were not handed over.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Gap {
    /// The room.
    pub room: Str,
    /// How many; 0: not known.
    pub count: u64,
    /// The last that was handed over; offset 0: none.
    pub after: Cursor,
    /// The last that was not.
    pub until: Cursor,
}

/// `tg_follow`: events of followed rooms.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Follow {
    /// The next event. `[hook thread]`
    pub event: Option<unsafe extern "C" fn(instance: *mut Instance, event: *const Followed) -> Status>,
    /// Some were left out. `[hook thread]`
    pub gap: Option<unsafe extern "C" fn(instance: *mut Instance, gap: *const Gap)>,
}

/// [`SessionEvent::kind`]: a session is there.
pub const WATCH_OPEN: u32 = 1;
/// [`SessionEvent::kind`]: it joined a room.
pub const WATCH_JOIN: u32 = 2;
/// [`SessionEvent::kind`]: it left a room.
pub const WATCH_LEAVE: u32 = 3;
/// [`SessionEvent::kind`]: it is gone.
pub const WATCH_CLOSE: u32 = 4;

/// `tg_session_event`: something in the life of a session.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SessionEvent {
    /// `WATCH_…`; one that is not known is ignored.
    pub kind: u32,
    /// The close code, or 0.
    pub code: u32,
    /// The session.
    pub session: Session,
    /// Its name for people.
    pub connection_id: Str,
    /// The path of its endpoint.
    pub endpoint: Str,
    /// The room joined or left, else empty.
    pub room: Str,
    /// Why it closed, else empty.
    pub reason: Str,
    /// Whose session it is.
    pub principal: Principal,
    /// Milliseconds since 1970.
    pub time: i64,
}

/// `tg_watch`: life of sessions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Watch {
    /// Gives what is asked for, as JSON. `[hook thread]`, between `create` and `start`
    pub select:
        Option<unsafe extern "C" fn(instance: *mut Instance, json: *mut Buf, error: *mut Buf) -> Status>,
    /// The next of them. `[hook thread]`
    pub session: Option<unsafe extern "C" fn(instance: *mut Instance, event: *const SessionEvent)>,
}

/// `tg_flow`: what comes after a publish.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Flow {
    /// Try again what was `BUSY`: 0 for publish and sessions, else that request's stream. `[hook thread]`
    pub resume: Option<unsafe extern "C" fn(instance: *mut Instance, request: Request)>,
    /// Events of a batch are safe, or lost. `[hook thread]`
    pub committed: Option<
        unsafe extern "C" fn(
            instance: *mut Instance,
            token: u64,
            first: u64,
            count: u64,
            cursors: *const Cursor,
            cursors_len: u64,
            status: Status,
        ),
    >,
}

/// `tg_health`: how the plugin is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Health {
    /// Asks; the answer comes through [`Reply::finish`](super::Reply::finish). `[hook thread]`
    pub check: Option<unsafe extern "C" fn(instance: *mut Instance, request: Request) -> Status>,
}

/// `tg_checkpoint`: handing state to a successor.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Checkpoint {
    /// Rest, and give the state through [`Reply::finish`](super::Reply::finish). `[hook thread]`
    pub pause: Option<unsafe extern "C" fn(instance: *mut Instance, request: Request) -> Status>,
    /// Go on. `[hook thread]`
    pub unpause: Option<unsafe extern "C" fn(instance: *mut Instance) -> Status>,
    /// Takes the state, between `create` and `start`. `[hook thread]`
    pub restore: Option<unsafe extern "C" fn(instance: *mut Instance, state: Str, error: *mut Buf) -> Status>,
}

/// `tg_command`: a command of an operator's at a terminal.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Command {
    /// Index in the manifest's `commands`.
    pub command: u32,
    /// 0.
    pub reserved: u32,
    /// Its name.
    pub name: Str,
    /// The first of what was typed behind the name.
    pub arguments: *const Str,
    /// How many.
    pub arguments_len: u64,
    /// For the two callbacks, which hold until `run` returns.
    pub context: *mut c_void,
    /// Writes to standard output. `[any thread]`
    pub print: Option<unsafe extern "C" fn(context: *mut c_void, text: Str) -> Status>,
    /// 1 once the operator wants it to end. `[any thread]`
    pub interrupted: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
}

/// `tg_commands`: commands of operators.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Commands {
    /// Carries one out, in the place of `start`. `[hook thread] [blocks]`
    pub run: Option<
        unsafe extern "C" fn(instance: *mut Instance, command: *const Command, error: *mut Buf) -> Status,
    >,
}
