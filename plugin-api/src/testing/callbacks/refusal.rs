//! Events that are refused, and why.
#![allow(unsafe_code, reason = "the plugin's calls enter here")]

use std::cell::RefCell;

use serde_json::Value;

use super::started;
use crate::abi::{self, Status, Str};
use crate::testing::state::State;

pub(super) static TABLE: abi::Refusal = abi::Refusal { last: Some(last) };

thread_local! {
    /// Why this thread's last publish or send was refused.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// This thread publishes anew.
pub(super) fn forget() {
    LAST.with_borrow_mut(String::clear);
}

/// The data of an event, judged by its type's schema as the gateway does; what is wrong is remembered.
pub(super) fn judge(state: &State, kind: &str, data: &[u8]) -> Result<Value, Status> {
    let judged = match state.types.get(kind) {
        None => Err("its type is not declared".to_owned()),
        Some(schema) => match serde_json::from_slice(data) {
            Err(error) => Err(format!("its data is no JSON: {error}")),
            Ok(value) => schema.flaw(&value).map_or(Ok(value), |flaw| Err(flaw.to_string())),
        },
    };
    judged.map_err(|why| {
        LAST.set(format!("event '{kind}': {why}"));
        Status::INVALID
    })
}

unsafe extern "C" fn last(host: *const abi::Host, out: *mut Str) -> Status {
    // SAFETY: the plugin's promise; the text is this thread's own, and used before it publishes again.
    unsafe {
        started(host, |_| {
            LAST.with_borrow(|last| {
                if last.is_empty() {
                    return Status::NOT_FOUND;
                }
                out.write(Str::new(last));
                Status::OK
            })
        })
    }
}
