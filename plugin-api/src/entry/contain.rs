//! Panics end here: one that left the library would end the process.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::Host;
use crate::abi::Status;

/// Runs `f`; a panic is its text.
pub(super) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    // Unwind safety: what a panic may have left half done is the plugin's own state, of which the host is told.
    catch_unwind(AssertUnwindSafe(f)).map_err(text)
}

/// Runs a hook; a panic is told to the host and answered as an internal error.
pub(super) fn hook(host: &Host, place: &str, f: impl FnOnce() -> Status) -> Status {
    catch(f).unwrap_or_else(|panic| {
        host.bridge().panicked(place, &panic);
        Status::INTERNAL
    })
}

/// Something panicked, and the host knows.
#[derive(Debug)]
pub(super) struct Panicked;

/// Runs the plugin's code to its end; a panic is told to the host.
pub(super) async fn contain<T>(
    host: &Host,
    place: &str,
    code: impl Future<Output = T>,
) -> Result<T, Panicked> {
    let mut code = pin!(code);
    let outcome = poll_fn(|context| match catch(|| code.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    outcome.await.map_err(|panic| {
        host.bridge().panicked(place, &panic);
        Panicked
    })
}

/// The text of a panic.
pub(super) fn text(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or("a panic without a text").to_owned(),
    }
}
