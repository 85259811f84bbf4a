//! Where requests and events come in for a plugin: the same door whichever of its instances runs behind it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::RwLock;
use tidegate_plugin::abi::Status;
use tokio::sync::oneshot;

use super::callbacks;
use super::manifest::{CallSpec, RouteSpec};
use super::queue::{Kind, Task};
use super::requests::Waiting;
use super::shared::{Shared, State};
use crate::frame::Posted;
use crate::hub::Follow;
use crate::hub::calls::{Call, CallError, Callee};
use crate::web::{Answering, PluginRequest, Refusal, Serve};

/// Where neither the route nor the call says how long it may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// See the module's documentation.
pub(super) struct Door {
    name: Arc<str>,
    /// The instance that runs, if one does.
    pub(super) behind: ArcSwapOption<Shared>,
    routes: Box<[Duration]>,
    /// By name: the call's number, and how long it may take.
    calls: RwLock<HashMap<Box<str>, (u32, Duration)>>,
}

impl Door {
    pub(super) fn new(name: Arc<str>, routes: &[RouteSpec]) -> Arc<Self> {
        let routes = routes.iter().map(|route| Duration::from_millis(route.timeout_ms)).collect();
        Arc::new(Self { name, behind: ArcSwapOption::empty(), routes, calls: RwLock::default() })
    }

    /// The calls that come through here, in the order of their numbers.
    pub(super) fn set_calls<'a>(&self, calls: impl Iterator<Item = &'a CallSpec>) {
        let entry = |(number, call): (usize, &CallSpec)| {
            (call.name.as_str().into(), (number as u32, Duration::from_millis(call.timeout_ms)))
        };
        *self.calls.write() = calls.enumerate().map(entry).collect();
    }

    pub(super) fn route_timeout(&self, index: u32) -> Duration {
        self.routes.get(index as usize).copied().unwrap_or(TIMEOUT)
    }

    pub(super) fn call_timeout(&self, name: &str) -> Duration {
        self.calls.read().get(name).map_or(TIMEOUT, |(_, timeout)| *timeout)
    }

    fn started(&self) -> Option<Arc<Shared>> {
        self.behind.load_full().filter(|shared| shared.state() == State::Started)
    }
}

/// A request on its way: when nobody waits for it any more, the plugin is told.
struct Open {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        // What has its answer is no longer among the requests, and a stream that goes on belongs to its reader.
        let waits = self.shared.requests.with(self.number, |waiting| matches!(waiting, Waiting::Http(_)));
        if waits == Ok(true) && self.shared.requests.take(self.number).is_ok() {
            self.shared.queue.owe(Task::Cancelled(self.number, Kind::Http));
        }
    }
}

impl Serve for Door {
    fn serve(&self, request: PluginRequest) -> Answering {
        let name = Arc::clone(&self.name);
        let Some(shared) = self.started() else {
            return Box::pin(async { Err(Refusal::Unavailable(name)) });
        };
        let timeout = self.route_timeout(request.index);
        let (client, answer) = oneshot::channel();
        let number = shared.requests.insert(Waiting::Http(client));
        let open = Open { shared, number };
        if open.shared.queue.offer(Task::Http(number, Box::new(request))).is_err() {
            drop(open.shared.requests.take(number));
            return Box::pin(async { Err(Refusal::Busy(name)) });
        }
        Box::pin(async move {
            let answered = tokio::time::timeout(timeout, answer).await;
            drop(open);
            match answered {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(Refusal::Failed(name)),
                Err(_) => Err(Refusal::TimedOut(name)),
            }
        })
    }
}

impl Callee for Door {
    fn call(&self, call: Call) -> Result<(), CallError> {
        let unavailable = || CallError::Unavailable(Arc::clone(&call.name));
        let shared = self.started().ok_or_else(unavailable)?;
        let (number_of_call, timeout) = *self.calls.read().get(&*call.name).ok_or_else(unavailable)?;
        // A place for the end is kept, however slow the reader of the parts is.
        let last =
            call.answers.clone().try_reserve_owned().map_err(|_| CallError::Busy(Arc::clone(&call.name)))?;
        let answers = call.answers.clone();
        let number = shared.requests.insert(Waiting::Call(answers.clone(), last));
        let slot = shared.services.hub.directory().find(&call.session);
        let name = Arc::clone(&call.name);
        if shared.queue.offer(Task::Call(number, number_of_call, slot, Box::new(call))).is_err() {
            drop(shared.requests.take(number));
            return Err(CallError::Busy(name));
        }
        let control = shared.services.control.clone();
        control.spawn(async move {
            let in_time = tokio::time::timeout(timeout, answers.closed()).await.is_ok();
            if let Ok(waiting) = shared.requests.take(number) {
                if !in_time {
                    let message = "The plugin did not answer in time".to_owned();
                    callbacks::refuse(waiting, Status::TIMEOUT, message, Bytes::new());
                }
                shared.queue.owe(Task::Cancelled(number, Kind::Call));
            }
        });
        Ok(())
    }
}

impl Follow for Door {
    fn offer(&self, posted: &Arc<Posted>) {
        if let Some(shared) = self.behind.load().as_ref() {
            shared.queue.follow(posted);
        }
    }
}
