//! What crosses in both directions: status, text, buffers, events.
#![allow(unsafe_code, reason = "borrowed pointers of the other side are read here")]

use std::ffi::c_void;
use std::fmt;

/// `tg_status`: every answer across the boundary.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Status(pub i32);

impl Status {
    /// Done.
    pub const OK: Self = Self(0);
    /// Not now: try again after `resume`. From `stop`: it goes on.
    pub const BUSY: Self = Self(1);
    /// Not allowed to this plugin, or to the principal.
    pub const DENIED: Self = Self(2);
    /// Malformed, over a limit, or against a schema.
    pub const INVALID: Self = Self(3);
    /// No such key, session, request or room.
    pub const NOT_FOUND: Self = Self(4);
    /// Another revision, holder or answer was first.
    pub const CONFLICT: Self = Self(5);
    /// The time-out given has passed; it may or may not have happened.
    pub const TIMEOUT: Self = Self(6);
    /// Not started, stopped, cancelled, or answered already.
    pub const CLOSED: Self = Self(7);
    /// This host or plugin does not do that.
    pub const UNSUPPORTED: Self = Self(8);
    /// The callee's own fault.
    pub const INTERNAL: Self = Self(9);

    const NAMES: [&str; 10] = [
        "OK",
        "BUSY",
        "DENIED",
        "INVALID",
        "NOT_FOUND",
        "CONFLICT",
        "TIMEOUT",
        "CLOSED",
        "UNSUPPORTED",
        "INTERNAL",
    ];

    /// Whether this is [`Status::OK`].
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// The name in the header, or `None` for a value that it does not list.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        usize::try_from(self.0).ok().and_then(|i| Self::NAMES.get(i)).copied()
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown status {}", self.0),
        }
    }
}

/// `tg_request`: a request's number; 0 is none.
pub type Request = u64;
/// `tg_session`: a session's number; 0 is none.
pub type Session = u64;
/// `tg_lease_id`: a lease's number; 0 is none.
pub type Lease = u64;
/// `tg_metric`: a time series' number; 0 is none.
pub type Metric = u64;

/// `tg_str`: text or bytes that are lent for the call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Str {
    /// The first byte; anything where `len` is 0.
    pub ptr: *const u8,
    /// In bytes.
    pub len: u64,
}

impl Str {
    /// No text.
    pub const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// Lends `text`, which must outlive the call.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        Self::bytes(text.as_bytes())
    }

    /// Lends `bytes`, which must outlive the call.
    #[must_use]
    pub const fn bytes(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() as u64 }
    }

    /// What was lent.
    ///
    /// # Safety
    /// The other side keeps its contract: `ptr` leads to `len` bytes that stay as they are for `'a`.
    #[must_use]
    pub unsafe fn as_bytes<'a>(self) -> &'a [u8] {
        // SAFETY: the caller's promise is this function's.
        unsafe { slice(self.ptr, self.len) }
    }

    /// What was lent, as text.
    ///
    /// # Errors
    /// Where it is not UTF-8.
    ///
    /// # Safety
    /// As [`Str::as_bytes`].
    pub unsafe fn as_str<'a>(self) -> Result<&'a str, std::str::Utf8Error> {
        // SAFETY: the caller's promise is this function's.
        std::str::from_utf8(unsafe { self.as_bytes() })
    }
}

/// The slice of `len` items at `ptr`, which may be null where there are none.
///
/// # Safety
/// Where `len` is not 0, `ptr` leads to that many items that stay as they are for `'a`.
pub(crate) unsafe fn slice<'a, T>(ptr: *const T, len: u64) -> &'a [T] {
    if len == 0 || ptr.is_null() {
        return &[];
    }
    // SAFETY: `ptr` is not null, and the caller promises the rest; a length that does not fit is impossible on 64 bits.
    unsafe { std::slice::from_raw_parts(ptr, len as usize) }
}

/// `tg_buf`: bytes that are given away; the receiver calls `release(owner)` once.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Buf {
    /// The first byte; anything where `len` is 0.
    pub ptr: *const c_void,
    /// In bytes.
    pub len: u64,
    /// The giver's, for `release`; may be null.
    pub owner: *mut c_void,
    /// `None`: nothing to release.
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
}

impl Buf {
    /// No bytes, nothing to release.
    pub const EMPTY: Self =
        Self { ptr: std::ptr::null(), len: 0, owner: std::ptr::null_mut(), release: None };

    /// Bytes that never go away.
    #[must_use]
    pub const fn constant(bytes: &'static [u8]) -> Self {
        Self {
            ptr: bytes.as_ptr().cast(),
            len: bytes.len() as u64,
            owner: std::ptr::null_mut(),
            release: None,
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// The giver keeps its contract, and the buffer is not released during `'a`.
    #[must_use]
    pub unsafe fn as_bytes<'a>(&self) -> &'a [u8] {
        // SAFETY: the caller's promise is this function's.
        unsafe { slice(self.ptr.cast(), self.len) }
    }
}

/// `tg_pair`: a name and its value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Pair {
    /// The name.
    pub name: Str,
    /// Its value.
    pub value: Str,
}

/// `tg_cursor`: where an event stands in its room.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Cursor {
    /// Offsets of two epochs do not compare.
    pub epoch: Str,
    /// Grows within an epoch.
    pub offset: u64,
}

/// `tg_principal`: who asks.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Principal {
    /// Empty: anonymous.
    pub user: Str,
    /// The first role.
    pub roles: *const Str,
    /// How many roles.
    pub roles_len: u64,
    /// The first permission (scope).
    pub permissions: *const Str,
    /// How many permissions.
    pub permissions_len: u64,
}

/// `tg_event`: an event to publish.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Event {
    /// The first room.
    pub targets: *const Str,
    /// How many rooms; 0: every session that takes broadcasts.
    pub targets_len: u64,
    /// Its type, `type` in the header.
    pub kind: Str,
    /// Empty: the instance's name.
    pub source: Str,
    /// What it is about; empty: none.
    pub key: Str,
    /// Makes it idempotent; empty: none.
    pub id: Str,
    /// The first tag.
    pub tags: *const Pair,
    /// How many tags.
    pub tags_len: u64,
    /// One JSON value, given.
    pub data: Buf,
    /// Milliseconds since 1970; 0: when it is taken.
    pub time: i64,
    /// The source's own position; empty: none.
    pub origin: Str,
}
