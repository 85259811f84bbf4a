//! Where requests and events come in for a plugin: the same door whichever of its instances runs behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures_util::stream;
use hashbrown::HashMap;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use parking_lot::RwLock;
use tidegate_plugin::abi::Status;
use tokio::sync::{mpsc, oneshot};

use super::callbacks;
use super::queue::Task;
use super::requests::{HttpAnswer, Waiting};
use super::shared::{Shared, State};
use crate::frame::Posted;
use crate::hub::Follow;
use crate::hub::calls::{Answer, Call, CallError, Callee};
use crate::hub::moments::{Moment, Watcher};
use crate::web::{Answering, BoxError, CallSpec, PluginRequest, Refusal, Response, RouteSpec, Serve};

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

/// Somebody waits for an answer, until this is dropped: then the plugin is told, unless it has answered.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.cancel(self.number);
    }
}

impl HttpAnswer {
    /// As it goes to the client; `reader` goes with a body that is still being written.
    fn into_response(self, reader: Reader) -> Response {
        let (status, headers, pieces) = match self {
            Self::Whole(response) => return response,
            Self::Pieces(status, headers, pieces) => (status, headers, pieces),
        };
        let body = stream::unfold((pieces, reader), |(mut pieces, reader)| async move {
            let piece = pieces.recv().await?;
            Some((piece.map(Frame::data).map_err(BoxError::from), (pieces, reader)))
        });
        let mut response = http::Response::new(StreamBody::new(body).boxed_unsync());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
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
        let Some(number) = shared.requests.insert(Waiting::Http(client)) else {
            return Box::pin(async { Err(Refusal::Unavailable(name)) });
        };
        let reader = Reader { shared, number };
        if reader.shared.queue.offer(Task::Http(number, Box::new(request))).is_err() {
            return Box::pin(async { Err(Refusal::Busy(name)) });
        }
        Box::pin(async move {
            let answered = tokio::time::timeout(timeout, answer).await;
            match answered {
                Ok(Ok(answer)) => Ok(answer.into_response(reader)),
                Ok(Err(_)) => Err(Refusal::Failed(name)),
                Err(_) => {
                    reader.shared.failed();
                    Err(Refusal::TimedOut(name))
                }
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
        let waiting = Waiting::Call(answers.clone(), last);
        let number = shared.requests.insert(waiting).ok_or_else(unavailable)?;
        let slot = shared.services.hub.directory().find(&call.session);
        let name = Arc::clone(&call.name);
        if shared.queue.offer(Task::Call(number, number_of_call, slot, Box::new(call))).is_err() {
            drop(shared.requests.take(number));
            return Err(CallError::Busy(name));
        }
        let control = shared.services.control.clone();
        control.spawn(watch(shared, number, timeout, answers));
        Ok(())
    }
}

/// Ends a call whose caller is gone, or whose answer has not moved on for as long as it may take.
async fn watch(shared: Arc<Shared>, number: u64, timeout: Duration, answers: mpsc::Sender<Answer>) {
    let mut until = Instant::now() + timeout;
    while tokio::time::timeout_at(until.into(), answers.closed()).await.is_err() {
        let Some(moved) = shared.requests.moved(number) else { return };
        until = moved + timeout;
        if until > Instant::now() {
            continue;
        }
        if let Some(waiting) = shared.cancel(number) {
            shared.failed();
            let message = "The plugin did not answer in time".to_owned();
            callbacks::refuse(waiting, Status::TIMEOUT, message, Bytes::new());
        }
        return;
    }
    shared.cancel(number);
}

impl Watcher for Door {
    fn told(&self, moment: &Arc<Moment>) {
        let Some(shared) = &*self.behind.load() else { return };
        let task = Task::Session(Arc::clone(moment));
        if !moment.change.begins() {
            shared.queue.owe(task);
        } else if shared.queue.offer(task).is_err() {
            shared.tally.unwatched.add(1);
        }
    }
}

impl Follow for Door {
    fn offer(&self, posted: &Arc<Posted>) {
        if let Some(shared) = self.behind.load().as_ref() {
            shared.queue.follow(posted);
        }
    }
}
