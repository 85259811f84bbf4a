//! The host's side: what an instance sees of it, and the extensions that a plugin asks for.

use std::ffi::c_void;

use super::data::{Buf, Event, Lease, Metric, Pair, Request, Session, Status, Str};
use super::guest::Instance;

/// `tg_host`: the host as one instance sees it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Host {
    /// [`MAJOR`](super::MAJOR) of the host.
    pub abi_major: u32,
    /// [`MINOR`](super::MINOR) of the host.
    pub abi_minor: u32,
    /// The size of this struct in the host.
    pub size: u64,
    /// The host's own; may be null.
    pub context: *mut c_void,
    /// For logs.
    pub product: Str,
    /// For logs.
    pub version: Str,
    /// Its extension `id`, or null. `[any thread] [after create]`
    pub extension: Option<unsafe extern "C" fn(host: *const Host, id: Str) -> *const c_void>,
    /// Ends a `stop` that answered `BUSY`. `[any thread]`
    pub stopped: Option<unsafe extern "C" fn(host: *const Host)>,
}

/// `tg_publish`: publishing.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Publish {
    /// Takes a batch in order, up to the first event that is refused. `[any thread] [after start]`
    pub publish: Option<
        unsafe extern "C" fn(
            host: *const Host,
            events: *const Event,
            count: u64,
            token: u64,
            taken: *mut u64,
        ) -> Status,
    >,
}

/// `tg_refusal`: why an event was refused.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Refusal {
    /// Why this thread's last publish or send was. `[any thread] [after start]`
    pub last: Option<unsafe extern "C" fn(host: *const Host, text: *mut Str) -> Status>,
}

/// `tg_reply`: answers. All are `[any thread] [after start]`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Reply {
    /// The whole answer to an HTTP request.
    pub respond: Option<
        unsafe extern "C" fn(
            host: *const Host,
            request: Request,
            status: u32,
            headers: *const Pair,
            headers_len: u64,
            body: Buf,
        ) -> Status,
    >,
    /// The head of an HTTP answer that is streamed.
    pub head: Option<
        unsafe extern "C" fn(
            host: *const Host,
            request: Request,
            status: u32,
            headers: *const Pair,
            headers_len: u64,
        ) -> Status,
    >,
    /// The next piece of a streamed answer.
    pub chunk: Option<unsafe extern "C" fn(host: *const Host, request: Request, data: Buf) -> Status>,
    /// The end.
    pub finish:
        Option<unsafe extern "C" fn(host: *const Host, request: Request, message: Str, data: Buf) -> Status>,
    /// The end, as an error.
    pub fail: Option<
        unsafe extern "C" fn(
            host: *const Host,
            request: Request,
            status: Status,
            message: Str,
            data: Buf,
        ) -> Status,
    >,
}

/// `tg_sessions`: commands to sessions. All are `[any thread] [after start]`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Sessions {
    /// An event to one session.
    pub send:
        Option<unsafe extern "C" fn(host: *const Host, session: Session, event: *const Event) -> Status>,
    /// Joins it to a room.
    pub join: Option<unsafe extern "C" fn(host: *const Host, session: Session, room: Str) -> Status>,
    /// Takes it out of a room.
    pub leave: Option<unsafe extern "C" fn(host: *const Host, session: Session, room: Str) -> Status>,
    /// Closes it.
    pub close:
        Option<unsafe extern "C" fn(host: *const Host, session: Session, code: u32, reason: Str) -> Status>,
    /// The session of a connection id.
    pub find:
        Option<unsafe extern "C" fn(host: *const Host, connection_id: Str, session: *mut Session) -> Status>,
    /// The sessions of a user.
    pub of_user: Option<
        unsafe extern "C" fn(
            host: *const Host,
            user: Str,
            sessions: *mut Session,
            capacity: u64,
            count: *mut u64,
        ) -> Status,
    >,
    /// What is known of it, as JSON.
    pub info: Option<unsafe extern "C" fn(host: *const Host, session: Session, json: *mut Buf) -> Status>,
}

/// [`StoreOp::kind`]: read one value.
pub const STORE_GET: u32 = 1;
/// [`StoreOp::kind`]: write one value.
pub const STORE_PUT: u32 = 2;
/// [`StoreOp::kind`]: remove one value.
pub const STORE_DELETE: u32 = 3;
/// [`StoreOp::kind`]: read several values by key order.
pub const STORE_LIST: u32 = 4;

/// [`StoreOp::expect`]: whatever is there.
pub const EXPECT_ANY: u32 = 0;
/// [`StoreOp::expect`]: nothing is there.
pub const EXPECT_ABSENT: u32 = 1;
/// [`StoreOp::expect`]: exactly that revision is there.
pub const EXPECT_REVISION: u32 = 2;

/// `tg_store_op`: one operation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StoreOp {
    /// `STORE_…`.
    pub kind: u32,
    /// `EXPECT_…`.
    pub expect: u32,
    /// Empty: the instance's own part.
    pub plugin: Str,
    /// The key, or the prefix of a list.
    pub key: Str,
    /// List: only keys after this one.
    pub after: Str,
    /// Put: the value.
    pub value: Str,
    /// With [`EXPECT_REVISION`].
    pub revision: u64,
    /// Put: 0 for ever.
    pub ttl_ms: u64,
    /// List: how many at most.
    pub limit: u64,
}

/// `tg_store_entry`: a value that is kept.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StoreEntry {
    /// Its key.
    pub key: Str,
    /// Its bytes.
    pub value: Str,
    /// Changes with each put.
    pub revision: u64,
}

/// `tg_store_result`: what came of one operation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StoreResult {
    /// Of this operation.
    pub status: Status,
    /// List: 1 where the limit cut it.
    pub more: u32,
    /// Put: the new one; conflict: the one that is there.
    pub revision: u64,
    /// The first entry.
    pub entries: *const StoreEntry,
    /// How many.
    pub entries_len: u64,
    /// The host's, for `release`; may be null.
    pub owner: *mut c_void,
    /// `None`: nothing to release.
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
}

/// `tg_store`: the key-value store.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Store {
    /// Runs operations in order, each for itself. `[any thread] [after start] [blocks]`
    pub run: Option<
        unsafe extern "C" fn(
            host: *const Host,
            ops: *const StoreOp,
            count: u64,
            results: *mut StoreResult,
            timeout_ms: u64,
        ) -> Status,
    >,
}

/// `tg_grant`: a lease that is held.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Grant {
    /// The lease.
    pub lease: Lease,
    /// Only grows for its name.
    pub number: u64,
    /// From before the call.
    pub valid_ms: u64,
}

/// The hook that tells of a lost lease. `[hook thread]`
pub type LeaseLost = Option<unsafe extern "C" fn(instance: *mut Instance, lease: Lease)>;

/// `tg_lease`: leases. All are `[any thread] [after start] [blocks]`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Leases {
    /// Takes a name, waiting for it.
    pub acquire: Option<
        unsafe extern "C" fn(
            host: *const Host,
            name: Str,
            ttl_ms: u64,
            timeout_ms: u64,
            lost: LeaseLost,
            grant: *mut Grant,
        ) -> Status,
    >,
    /// Another time to live.
    pub renew: Option<
        unsafe extern "C" fn(host: *const Host, lease: Lease, timeout_ms: u64, grant: *mut Grant) -> Status,
    >,
    /// Gives it up.
    pub release: Option<unsafe extern "C" fn(host: *const Host, lease: Lease, timeout_ms: u64) -> Status>,
}

/// The finest lines.
pub const LOG_TRACE: u32 = 1;
/// For those who look for a fault.
pub const LOG_DEBUG: u32 = 2;
/// What an operator wants to read.
pub const LOG_INFO: u32 = 3;
/// What an operator should look at.
pub const LOG_WARN: u32 = 4;
/// What an operator must look at.
pub const LOG_ERROR: u32 = 5;

/// `tg_log`: the log. All are `[any thread] [after create]`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Log {
    /// 1 where lines of that level are written.
    pub enabled: Option<unsafe extern "C" fn(host: *const Host, level: u32) -> u32>,
    /// A line.
    pub write: Option<
        unsafe extern "C" fn(
            host: *const Host,
            level: u32,
            message: Str,
            fields: *const Pair,
            fields_len: u64,
        ) -> Status,
    >,
    /// A panic that the plugin caught: logged and counted.
    pub panicked: Option<unsafe extern "C" fn(host: *const Host, place: Str, message: Str) -> Status>,
}

/// [`MetricSpec::kind`]: only grows.
pub const METRIC_COUNTER: u32 = 1;
/// [`MetricSpec::kind`]: goes up and down.
pub const METRIC_GAUGE: u32 = 2;
/// [`MetricSpec::kind`]: how often which size was seen.
pub const METRIC_HISTOGRAM: u32 = 3;

/// `tg_metric_spec`: a time series.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MetricSpec {
    /// `METRIC_…`.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// Without the kind's suffix.
    pub name: Str,
    /// For people.
    pub help: Str,
    /// The first label.
    pub labels: *const Pair,
    /// How many labels.
    pub labels_len: u64,
    /// How many make one of what is shown; not 0.
    pub per_unit: u64,
    /// The first upper bound.
    pub buckets: *const i64,
    /// How many bounds; 0: the host's for durations.
    pub buckets_len: u64,
}

/// `tg_metrics`: metrics. All are `[any thread] [after start]`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Metrics {
    /// The number of a series.
    pub open: Option<
        unsafe extern "C" fn(host: *const Host, spec: *const MetricSpec, metric: *mut Metric) -> Status,
    >,
    /// Adds, sets or observes.
    pub record: Option<unsafe extern "C" fn(host: *const Host, metric: Metric, value: i64) -> Status>,
}

/// `tg_now`: the time.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Now {
    /// Milliseconds since 1970.
    pub time: i64,
    /// Nanoseconds since some start.
    pub monotonic_ns: u64,
}

/// `tg_clock`: the clock.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Clock {
    /// The time as the host counts it. `[any thread] [after start]`
    pub now: Option<unsafe extern "C" fn(host: *const Host, now: *mut Now) -> Status>,
}
