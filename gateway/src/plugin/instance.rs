//! A running instance: its hook thread, from `create` to `destroy`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tidegate_plugin::abi::Status;
use tokio::sync::{oneshot, watch};

use super::callbacks;
use super::door::Door;
use super::hooks::Hooks;
use super::library::Library;
use super::manifest::Declared;
use super::queue::Task;
use super::shared::{Shared, State};

/// After its deadline a stopped instance has so long to give back what it holds.
const LAST: Duration = Duration::from_secs(1);

/// Enters what an instance declares into the gateway, before it starts.
pub(super) type Register = Box<dyn FnOnce(Declared, Abilities) -> Result<(), String> + Send>;

/// Which kinds of hooks an instance has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Abilities {
    pub(super) routes: bool,
    pub(super) calls: bool,
    pub(super) follow: bool,
}

/// An instance whose hook thread runs.
pub(super) struct Instance {
    pub(super) shared: Arc<Shared>,
    /// True once the thread has ended.
    ended: watch::Receiver<bool>,
}

/// Starts an instance; the receiver tells when `start` has returned, and how.
pub(super) fn start(
    library: Arc<Library>,
    shared: Arc<Shared>,
    door: Arc<Door>,
    config: String,
    register: Register,
) -> std::io::Result<(Instance, oneshot::Receiver<Result<(), String>>)> {
    let (started, outcome) = oneshot::channel();
    let (end, ended) = watch::channel(false);
    let ours = Arc::clone(&shared);
    thread::Builder::new().name(format!("plugin-{}", shared.name)).spawn(move || {
        run(&library, &ours, &door, &config, register, started);
        let _nobody_waits = end.send(true);
    })?;
    Ok((Instance { shared, ended }, outcome))
}

impl Instance {
    /// Tells it to stop and waits until it has, or until the time is over and a little more.
    pub(super) async fn stop(&self, deadline: Duration) {
        self.shared.queue.owe(Task::Stop(deadline));
        let mut ended = self.ended.clone();
        let waited = tokio::time::timeout(deadline + LAST * 2, ended.wait_for(|ended| *ended)).await;
        if waited.is_err() {
            // Its thread is given up: nobody can end a hook that does not return.
            self.shared.open.store(false, Ordering::Release);
            self.shared
                .enter(State::Failed, Some("a hook did not return; its thread is given up".to_owned()));
            refuse_all(&self.shared);
        }
    }
}

fn run(
    library: &Library,
    shared: &Arc<Shared>,
    door: &Arc<Door>,
    config: &str,
    register: Register,
    started: oneshot::Sender<Result<(), String>>,
) {
    match begin(library, shared, config, register) {
        Ok(hooks) => {
            shared.enter(State::Started, None);
            let _nobody_waits = started.send(Ok(()));
            serve(hooks, shared, door);
        }
        Err(error) => {
            shared.enter(State::Failed, Some(error.clone()));
            let _nobody_waits = started.send(Err(error));
        }
    }
}

fn begin(library: &Library, shared: &Arc<Shared>, config: &str, register: Register) -> Result<Hooks, String> {
    let hooks = Hooks::create(library, shared, config)?;
    let ready = declared(&hooks).and_then(|declared| {
        let abilities =
            Abilities { routes: hooks.has_routes(), calls: hooks.has_calls(), follow: hooks.has_follow() };
        register(declared, abilities)
    });
    if let Err(error) = ready {
        hooks.destroy();
        return Err(error);
    }
    shared.open.store(true, Ordering::Release);
    match hooks.start() {
        Ok(()) => Ok(hooks),
        Err(error) => {
            // Why it did not start says more than that it did not end.
            let _ended = end(hooks, shared, Instant::now() + LAST);
            Err(error)
        }
    }
}

fn declared(hooks: &Hooks) -> Result<Declared, String> {
    if let Some(json) = hooks.watches()? {
        let asked: serde_json::Value =
            serde_json::from_slice(&json).map_err(|error| format!("select: {error}"))?;
        if asked["kinds"].as_array().is_some_and(|kinds| !kinds.is_empty()) {
            return Err("it watches sessions, which this gateway does not offer yet".to_owned());
        }
    }
    match hooks.declare()? {
        Some(json) => Declared::parse(&json).map_err(|error| error.to_string()),
        None => Ok(Declared::default()),
    }
}

/// Runs hooks, one at a time, until the instance is told to stop and has.
fn serve(hooks: Hooks, shared: &Arc<Shared>, door: &Door) {
    let time = loop {
        match shared.queue.next(None) {
            Some(Task::Stop(time)) => break time,
            Some(task) => work(&hooks, shared, door, task),
            None => {}
        }
    };
    shared.enter(State::Stopping, None);
    let deadline = Instant::now() + time;
    let mut status = hooks.stop(time);
    while status == Status::BUSY {
        match shared.queue.next(Some(deadline)) {
            Some(Task::Stopped) => status = Status::OK,
            Some(task) => work(&hooks, shared, door, task),
            None => status = Status::TIMEOUT,
        }
    }
    let error = (status != Status::OK).then(|| format!("stop answered {status}"));
    let ended = end(hooks, shared, deadline.max(Instant::now()) + LAST);
    match error.or(ended.err()) {
        None => shared.enter(State::Stopped, None),
        Some(error) => shared.enter(State::Failed, Some(error)),
    }
}

fn work(hooks: &Hooks, shared: &Arc<Shared>, door: &Door, task: Task) {
    match task {
        Task::Http(number, request) => {
            let status = hooks.http(number, &request, door.route_timeout(request.index));
            refuse(shared, number, status);
        }
        Task::Call(number, index, slot, call) => {
            let status = hooks.call(number, index, slot, &call, door.call_timeout(&call.name));
            refuse(shared, number, status);
        }
        Task::Cancelled(number, kind) => hooks.cancelled(number, kind),
        Task::Event(posted) => hooks.event(&posted),
        Task::Gap(gap) => hooks.gap(&gap),
        Task::Committed(committed) => hooks.committed(&committed),
        Task::Resume(number) => hooks.resume(number),
        Task::Release(owner, cost) => {
            Hooks::release(&owner);
            shared.given.fetch_sub(cost, Ordering::Relaxed);
        }
        Task::Stop(_) | Task::Stopped => {} // it stops already
    }
}

/// A hook that did not take its request has answered it with its status.
fn refuse(shared: &Shared, number: u64, status: Status) {
    if status != Status::OK
        && let Ok(waiting) = shared.requests.take(number)
    {
        callbacks::refuse(waiting, status, format!("the plugin answered {status}"), Bytes::new());
    }
}

fn refuse_all(shared: &Shared) {
    for waiting in shared.requests.drain() {
        callbacks::refuse(waiting, Status::BUSY, "the plugin has stopped".to_owned(), Bytes::new());
    }
}

/// The end of an instance whose threads are out of every callback: what it gave is released, then it is destroyed.
/// One that does not get so far is left where it is.
fn end(hooks: Hooks, shared: &Arc<Shared>, deadline: Instant) -> Result<(), String> {
    shared.open.store(false, Ordering::Release);
    refuse_all(shared);
    while shared.given.load(Ordering::Relaxed) > 0 {
        match shared.queue.next(Some(deadline)) {
            Some(Task::Release(owner, cost)) => {
                Hooks::release(&owner);
                shared.given.fetch_sub(cost, Ordering::Relaxed);
            }
            Some(_) => {} // no hook is called any more
            None => {
                hooks.abandon();
                let bytes = shared.given.load(Ordering::Relaxed);
                return Err(format!("{bytes} bytes that it gave are still in use: it is not destroyed"));
            }
        }
    }
    hooks.destroy();
    Ok(())
}
