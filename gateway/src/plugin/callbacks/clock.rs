//! `tidegate.clock/1`.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::LazyLock;
use std::time::Instant;

use tidegate_plugin::abi::{Clock, Host, Now, Status};

use super::{enter, put};
use crate::frame::Timestamp;

pub(super) static TABLE: Clock = Clock { now: Some(now) };

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

unsafe extern "C" fn now(host: *const Host, place: *mut Now) -> Status {
    let time = Now { time: Timestamp::now().0, monotonic_ns: START.elapsed().as_nanos() as u64 };
    // SAFETY: the plugin's host, and a place of the plugin's.
    unsafe { enter(host, |_| put(place, time)) }
}
