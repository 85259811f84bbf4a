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
use super::queue::{Returned, Task};
use super::shared::{Shared, State};
use super::validate;
use super::watches;

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
    pub(super) health: bool,
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
        linger(&ours);
    })?;
    Ok((Instance { shared, ended }, outcome))
}

impl Instance {
    /// Tells it to stop and waits until it has, or until the time is over and a little more.
    pub(super) async fn stop(&self, deadline: Duration) {
        self.shared.queue.stop(Instant::now() + deadline);
        let mut ended = self.ended.clone();
        let waited = tokio::time::timeout(deadline + LAST * 2, ended.wait_for(|ended| *ended)).await;
        if waited.is_err() {
            // Its thread is given up: nobody can end a hook that does not return.
            shut(&self.shared);
            self.shared.tally.left.add(1);
            let error = "a hook did not return; its thread is given up".to_owned();
            self.shared.enter(State::Failed, Some(error));
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
            if !started.is_closed() {
                shared.enter(State::Started, None);
            }
            if started.send(Ok(())).is_err() {
                // It took too long: nobody wants it any more.
                shared.queue.stop(Instant::now() + LAST);
            }
            serve(hooks, shared, door);
        }
        Err(error) => {
            shared.enter(State::Failed, Some(error.clone()));
            let _nobody_waits = started.send(Err(error));
        }
    }
}

/// Makes an instance and enters what it declares; on its hook thread, which may start it then.
pub(super) fn make(
    library: &Library,
    shared: &Arc<Shared>,
    config: &str,
    register: Register,
) -> Result<Hooks, String> {
    let hooks = Hooks::create(library, shared, config)?;
    let ready = declared(library, &hooks).and_then(|declared| {
        let abilities = Abilities {
            routes: hooks.has_routes(),
            calls: hooks.has_calls(),
            follow: hooks.has_follow(),
            health: hooks.has_health(),
        };
        register(declared, abilities)
    });
    match ready {
        Ok(()) => Ok(hooks),
        Err(error) => {
            hooks.destroy();
            Err(error)
        }
    }
}

fn begin(library: &Library, shared: &Arc<Shared>, config: &str, register: Register) -> Result<Hooks, String> {
    let hooks = make(library, shared, config, register)?;
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

fn declared(library: &Library, hooks: &Hooks) -> Result<Declared, String> {
    let mut declared = match hooks.declare()? {
        Some(json) => Declared::parse(&json, &library.manifest).map_err(|error| error.to_string())?,
        None => Declared::default(),
    };
    if let Some(json) = hooks.watches()? {
        declared.watches = watches::read(&json)?;
    }
    Ok(declared)
}

/// Runs hooks, one at a time, until the instance is told to stop and has.
fn serve(hooks: Hooks, shared: &Arc<Shared>, door: &Door) {
    let deadline = loop {
        match shared.queue.next(shared.leases.next_end()) {
            Some(Task::Stop(deadline)) => break deadline,
            Some(task) => work(&hooks, shared, door, task),
            None => {}
        }
        tell_lost(&hooks, shared);
    };
    shared.enter(State::Stopping, None);
    let mut status = hooks.stop(deadline.saturating_duration_since(Instant::now()));
    while status == Status::BUSY {
        match shared.queue.next(shared.leases.next_end().into_iter().chain([deadline]).min()) {
            Some(Task::Stopped) => status = Status::OK,
            Some(task) => work(&hooks, shared, door, task),
            None if deadline <= Instant::now() => status = Status::TIMEOUT,
            None => {}
        }
        tell_lost(&hooks, shared);
    }
    let ended = match status {
        Status::OK => end(hooks, shared, deadline.max(Instant::now()) + LAST),
        // Its threads may be in callbacks, so it cannot be destroyed.
        status => Err(leave(hooks, shared, &format!("stop answered {status}"))),
    };
    match ended {
        Ok(()) => shared.enter(State::Stopped, None),
        Err(error) => shared.enter(State::Failed, Some(error)),
    }
}

fn tell_lost(hooks: &Hooks, shared: &Shared) {
    for (lease, lost) in shared.leases.ended(Instant::now()) {
        hooks.lost(lost, lease);
    }
}

fn work(hooks: &Hooks, shared: &Arc<Shared>, door: &Door, task: Task) {
    let times = shared.tally.hook(&task);
    let begun = Instant::now();
    handle(hooks, shared, door, task);
    if let Some(times) = times {
        times.observe(begun.elapsed().as_nanos() as u64);
    }
}

fn handle(hooks: &Hooks, shared: &Arc<Shared>, door: &Door, task: Task) {
    match task {
        // Whoever waited for it may have gone while it waited.
        Task::Http(number, _) | Task::Call(number, ..) | Task::Health(number)
            if !shared.requests.deliver(number) => {}
        Task::Health(number) => refuse(shared, number, hooks.check(number)),
        Task::Http(number, request) => {
            let schema = shared.terms.get().and_then(|terms| terms.route(request.index));
            if let Some(Err(problem)) = schema.map(|schema| validate::body(schema, &request.body)) {
                return callbacks::answer(shared, number, problem.into());
            }
            let status = hooks.http(number, &request, door.route_timeout(request.index));
            refuse(shared, number, status);
        }
        Task::Call(number, index, slot, call) => {
            let schema = shared.terms.get().and_then(|terms| terms.call(index));
            if let Some(Err(flaws)) = schema.map(|schema| validate::data(schema, &call.data)) {
                return callbacks::end(shared, number, Status::INVALID, flaws);
            }
            let status = hooks.call(number, index, slot, &call, door.call_timeout(&call.name));
            refuse(shared, number, status);
        }
        Task::Cancelled(number, kind) => hooks.cancelled(number, kind),
        Task::Event(posted) => hooks.event(&posted),
        Task::Gap(gap) => hooks.gap(&gap),
        Task::Session(moment) => hooks.session(&moment),
        Task::Committed(committed) => hooks.committed(&committed),
        Task::Resume(number) => hooks.resume(number),
        Task::Release(buffers) => release(shared, &buffers),
        Task::Stop(_) | Task::Stopped => {} // it stops already
    }
}

fn release(shared: &Shared, buffers: &[Returned]) {
    let cost: usize = buffers.iter().inspect(|buffer| Hooks::release(buffer)).map(|buffer| buffer.cost).sum();
    shared.given.fetch_sub(cost, Ordering::Relaxed);
}

/// A hook that did not take its request has answered it with its status.
fn refuse(shared: &Shared, number: u64, status: Status) {
    if status != Status::OK {
        shared.failed();
        callbacks::end(shared, number, status, format!("the plugin answered {status}"));
    }
}

fn refuse_all(shared: &Shared) {
    for waiting in shared.requests.close() {
        callbacks::refuse(waiting, Status::BUSY, "the plugin has stopped".to_owned(), Bytes::new());
    }
}

/// Callbacks are answered `CLOSED` from here on, and whoever waits gets an answer.
fn shut(shared: &Shared) {
    shared.open.store(false, Ordering::Release);
    refuse_all(shared);
    shared.leases.give_up();
}

/// The end of an instance whose threads are out of every callback: what it gave is released, then it is destroyed.
fn end(hooks: Hooks, shared: &Arc<Shared>, deadline: Instant) -> Result<(), String> {
    shut(shared);
    while shared.given.load(Ordering::Relaxed) > 0 {
        match shared.queue.next(Some(deadline)) {
            Some(Task::Release(buffers)) => release(shared, &buffers),
            Some(_) => {} // no other hook is called any more
            None if Instant::now() < deadline => {}
            None => {
                let bytes = shared.given.load(Ordering::Relaxed);
                return Err(leave(hooks, shared, &format!("{bytes} bytes that it gave are still in use")));
            }
        }
    }
    hooks.destroy();
    Ok(())
}

/// Leaves an instance where it is: nothing of it is called any more but `release`.
fn leave(hooks: Hooks, shared: &Arc<Shared>, why: &str) -> String {
    shut(shared);
    drop(hooks); // which does not destroy
    shared.tally.left.add(1);
    format!("{why}: it is left where it is")
}

/// Releases what still comes back from an instance that was left; the thread ends with the last of it.
fn linger(shared: &Shared) {
    while shared.given.load(Ordering::Relaxed) > 0 {
        if let Some(Task::Release(buffers)) = shared.queue.next(None) {
            release(shared, &buffers);
        }
    }
}
