//! The instance's own thread: a current-thread runtime that takes the work in order.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, timeout_at};

use super::answer::Responder;
use super::contain::{Panicked, catch, contain};
use super::instance::End;
use crate::call::Call;
use crate::command::Command;
use crate::event::{FollowedEvent, Gap};
use crate::host::{lock, publish};
use crate::http::HttpRequest;
use crate::request::SessionEvent;
use crate::{Error, Host, Plugin, Result};

/// What a hook hands over.
pub(super) enum Work {
    /// To be answered, beside others.
    Request(Request, Responder),
    /// To be handled to its end before what comes after it.
    Told(Told),
    /// To end within that time.
    Stop(Duration),
}

/// What is answered.
pub(super) enum Request {
    Http(HttpRequest),
    Call(Call),
    Health,
    Pause,
}

/// What is only told.
pub(super) enum Told {
    Event(FollowedEvent),
    Gap(Gap),
    Session(SessionEvent),
    Unpause,
}

/// The thread. Whatever happens in it, at its end nobody of ours is in a callback, and `stop` knows.
pub(super) fn run<P: Plugin>(
    host: Host,
    config: P::Config,
    work: UnboundedReceiver<Work>,
    ready: SyncSender<Result<()>>,
    end: &Mutex<End>,
) {
    if let Err(panic) = catch(|| live::<P>(&host, config, work, ready)) {
        host.bridge().panicked("the plugin's thread", &panic);
    }
    host.bridge().close();
    let asked = std::mem::replace(&mut *lock(end), End::Over) == End::Asked;
    if asked {
        host.bridge().stopped();
    }
}

/// From start to stop.
fn live<P: Plugin>(
    host: &Host,
    config: P::Config,
    work: UnboundedReceiver<Work>,
    ready: SyncSender<Result<()>>,
) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error.into()))),
    };
    host.set_runtime(runtime.handle().clone());
    let tasks = LocalSet::new();
    let deadline = tasks.block_on(&runtime, async {
        let start = publish::STARTING.scope((), P::start(host.clone(), config));
        let started = contain(host, "start", start).await;
        match started {
            Ok(Ok(plugin)) => {
                drop(ready.send(Ok(())));
                serve(Rc::new(plugin), host, work).await
            }
            Ok(Err(error)) => {
                drop(ready.send(Err(error)));
                Instant::now()
            }
            // Dropped without a word: `start` knows what that means.
            Err(Panicked) => Instant::now(),
        }
    });
    // What the plugin has spawned and left running goes here, while callbacks still answer it.
    drop(tasks);
    runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
}

/// A command, from its beginning to its end. What the plugin has spawned and left running goes with it.
pub(super) fn command<P: Plugin>(host: &Host, config: P::Config, command: Command) -> Result<()> {
    let runtime = runtime()?;
    let tasks = LocalSet::new();
    let done = tasks.block_on(&runtime, contain(host, "command", P::command(config, command)));
    drop(tasks);
    runtime.shutdown_background();
    done.unwrap_or_else(|Panicked| Err(Error::internal("it panicked")))
}

/// A runtime with timers and, but under Miri, which has no network, sockets.
fn runtime() -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    if cfg!(miri) {
        builder.enable_time()
    } else {
        builder.enable_all()
    };
    builder.build()
}

/// Takes the work in order, until it is to stop; answers by when.
async fn serve<P: Plugin>(plugin: Rc<P>, host: &Host, mut queue: UnboundedReceiver<Work>) -> Instant {
    let mut running = JoinSet::new();
    let patience = loop {
        tokio::select! {
            biased;
            work = queue.recv() => match work {
                Some(Work::Request(request, responder)) => {
                    running.spawn_local(answer(plugin.clone(), host.clone(), request, responder));
                    if P::ORDERED {
                        while running.join_next().await.is_some() {}
                    }
                }
                Some(Work::Told(told)) => tell(&*plugin, host, told).await,
                Some(Work::Stop(patience)) => break patience,
                None => break Duration::ZERO,
            },
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    };
    finish(&*plugin, host, queue, running, patience).await
}

/// Ends what is running, then the plugin; each gets its share of the time, the rest is for what blocks.
async fn finish<P: Plugin>(
    plugin: &P,
    host: &Host,
    mut queue: UnboundedReceiver<Work>,
    mut running: JoinSet<()>,
    patience: Duration,
) -> Instant {
    let asked = Instant::now();
    queue.close();
    while let Some(work) = queue.recv().await {
        if let Work::Request(_, responder) = work {
            responder.turn_away();
        }
    }
    let answers = async { while running.join_next().await.is_some() {} };
    if timeout_at(asked + patience * 6 / 10, answers).await.is_err() {
        host.log().warn("stop: requests were given up that took too long");
    }
    drop(running);
    match timeout_at(asked + patience * 9 / 10, contain(host, "stop", plugin.stop())).await {
        Ok(Ok(Err(error))) => host.log().error(format_args!("stop: {error}")),
        Ok(_) => {}
        Err(_) => host.log().warn("stop: given up, it took too long"),
    }
    asked + patience
}

/// Has the plugin answer a request.
async fn answer<P: Plugin>(plugin: Rc<P>, host: Host, request: Request, responder: Responder) {
    match request {
        Request::Http(request) => {
            let place = format!("{} {}", request.method, request.path);
            responder.http(&place, contain(&host, &place, plugin.http(request)).await).await;
        }
        Request::Call(call) => {
            let place = format!("call '{}'", call.name);
            responder.call(&place, contain(&host, &place, plugin.call(call)).await).await;
        }
        Request::Health => {
            let json = async {
                Ok(Bytes::from(serde_json::to_vec(&plugin.health().await?).map_err(Error::internal)?))
            };
            responder.bytes("health", contain(&host, "health", json).await).await;
        }
        Request::Pause => {
            responder.bytes("pause", contain(&host, "pause", plugin.pause()).await).await;
        }
    }
}

/// Tells the plugin something, and waits until it has taken it in.
async fn tell<P: Plugin>(plugin: &P, host: &Host, told: Told) {
    let (place, outcome) = match told {
        Told::Event(event) => ("follow", contain(host, "follow", plugin.follow(event)).await),
        Told::Gap(gap) => ("gap", contain(host, "gap", plugin.gap(gap)).await),
        Told::Session(event) => ("watch", contain(host, "watch", plugin.watch(event)).await),
        Told::Unpause => ("unpause", contain(host, "unpause", plugin.unpause()).await),
    };
    if let Ok(Err(error)) = outcome {
        host.log().error(format_args!("{place}: {error}"));
    }
}
