//! Requests that are not answered yet, so that what the host says of one reaches whoever handles it.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::watch;

use super::lock;
use crate::abi::Request;
use crate::request::Signal;

/// The requests by their numbers.
#[derive(Default)]
pub(crate) struct Requests(Mutex<HashMap<Request, watch::Sender<Signal>>>);

impl Requests {
    /// A request came: what is said of it from here on is seen by the receiver.
    pub(crate) fn open(&self, request: Request) -> watch::Receiver<Signal> {
        let (sender, receiver) = watch::channel(Signal::default());
        lock(&self.0).insert(request, sender);
        receiver
    }

    /// It was answered.
    pub(crate) fn close(&self, request: Request) {
        lock(&self.0).remove(&request);
    }

    /// Nobody waits for it any more.
    pub(crate) fn cancel(&self, request: Request) {
        self.signal(request, |signal| signal.cancelled = true);
    }

    /// Its stream takes more.
    pub(crate) fn resume(&self, request: Request) {
        self.signal(request, |signal| signal.resumed += 1);
    }

    fn signal(&self, request: Request, change: impl FnOnce(&mut Signal)) {
        if let Some(sender) = lock(&self.0).get(&request) {
            sender.send_modify(change);
        }
    }
}
