//! `tidegate.refusal/1`: a status says that an event was refused, this says why.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::cell::RefCell;

use tidegate_plugin::abi::{Host, Refusal, Status, Str};

use super::{enter, put};

pub(super) static TABLE: Refusal = Refusal { last: Some(last) };

thread_local! {
    /// Why this thread's last publish or send was refused. A text that was lent stays until the next one.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// This thread publishes anew.
pub(super) fn forget() {
    // A thread that is at its end has no more locals, and nobody who would ask.
    let _ended = LAST.try_with(|last| last.borrow_mut().clear());
}

/// This thread's publish was refused.
pub(super) fn remember(why: String) {
    let _ended = LAST.try_with(|last| last.replace(why));
}

unsafe extern "C" fn last(host: *const Host, text: *mut Str) -> Status {
    let last = |place| {
        // SAFETY: a place of the plugin's. The text is this thread's own, and the contract has the plugin use it on
        // this thread, before it publishes again.
        let put = |last: &RefCell<String>| unsafe { put(place, Str::new(&last.borrow())) };
        match LAST.try_with(|last| (!last.borrow().is_empty()).then(|| put(last))) {
            Ok(Some(status)) => status,
            Ok(None) | Err(_) => Status::NOT_FOUND,
        }
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, |_| last(text)) }
}
