//! Shard threads: each with a runtime of its own, its part of the hub, its sessions and its tower stack.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::task::{LocalSet, spawn_local};

use super::endpoints;
use super::identity::Identity;
use super::limits::Capacity;
use crate::api::Api;
use crate::config::Config;
use crate::drain::{Drain, Phase};
use crate::hub::{Hub, Shard};
use crate::limits::Limits;
use crate::listener::{Bounds, Http, Intake};
use crate::pipeline::{LiveRules, Pipelines};
use crate::router::Router;
use crate::session::{Budget, Common, Session, Wheel, admit, relieve};
use crate::web::{ConnectionInfo, Handoff, Response, Routes, redirect};

/// Threads that may work for a shard's requests aside of it at one time; others wait.
const ASIDE: usize = 2;

/// What every shard is built from.
#[derive(Clone)]
pub(super) struct Blueprint {
    pub(super) config: Arc<Config>,
    pub(super) hub: Arc<Hub>,
    pub(super) budget: Arc<Budget>,
    pub(super) api: Arc<Api>,
    pub(super) routes: Arc<Routes>,
    pub(super) rules: LiveRules,
    pub(super) redirects: Redirects,
    pub(super) identity: Arc<Identity>,
    pub(super) limits: Arc<Limits>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) endpoints: endpoints::Shared,
    pub(super) phase: Drain,
}

/// Listeners that send their clients on, by name, with the port under TLS that it is to.
pub(super) type Redirects = Arc<[(Arc<str>, u16)]>;

/// Starts a shard's thread; `accepting` are the listeners that accept on it. It ends when the phase is
/// [`Phase::Stopped`].
pub(super) fn start<A>(
    index: usize,
    blueprint: Blueprint,
    intake: Intake,
    accepting: Vec<A>,
) -> io::Result<JoinHandle<()>>
where
    A: Future<Output = io::Result<()>> + Send + 'static,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(ASIDE).build()?;
    thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
        let local = LocalSet::new();
        let mut stopped = pin!(blueprint.phase.reached(Phase::Stopped));
        let shard = Shard::<Session>::new(&blueprint.hub, index);
        let walks = Rc::clone(&shard);
        local.spawn_local(async move {
            for accept in accepting {
                spawn_local(self::accept(accept));
            }
            serve(shard, blueprint, intake).await;
        });
        // What is blocked on is polled each time that the loop comes round: after 61 tasks at most.
        let rounds = poll_fn(|cx| {
            walks.keep_pace();
            stopped.as_mut().poll(cx)
        });
        local.block_on(&runtime, rounds);
    })
}

/// Accepts to the end.
pub(super) async fn accept(accepting: impl Future<Output = io::Result<()>>) {
    if let Err(error) = accepting.await {
        tracing::error!(%error, "a listener has stopped accepting");
    }
}

async fn serve(shard: Rc<Shard<Session>>, blueprint: Blueprint, intake: Intake) {
    let Blueprint {
        config,
        hub,
        budget,
        api,
        routes,
        rules,
        identity,
        redirects,
        limits,
        capacity,
        endpoints,
        phase,
    } = blueprint;
    let revocations = Arc::clone(identity.ledger.revocations());
    let common = Common::new(
        Rc::clone(&shard),
        &budget,
        revocations,
        Arc::clone(&limits),
        config.limits.unauthenticated.timeout.get(),
        config.limits.calls_per_session as usize,
        endpoints::step(&config),
    );
    spawn_local(async move { shard.run().await });
    spawn_local(Wheel::turn(Rc::clone(&common)));
    spawn_local(relieve(Rc::clone(&common)));
    spawn_local(admit(Rc::clone(&common)));
    let bodies = endpoints.bodies.clone();
    let endpoints = endpoints::all(&config, &identity, &common, &capacity, &endpoints, &phase);
    let http = &config.http;
    let router = Rc::new(Router::new(api, routes, endpoints, bodies));
    let pipelines = Pipelines::new(&rules, &limits, hub.metrics(), hub.audit());
    let make = move |info: Arc<ConnectionInfo>, handoff: Handoff| {
        let router = Rc::clone(&router);
        let elsewhere =
            redirects.iter().find(|(listener, _)| *listener == info.listener).map(|(_, port)| *port);
        let pipeline = pipelines.of(&info.listener);
        pipeline.stack(info, move |request| {
            let (router, handoff) = (Rc::clone(&router), handoff.clone());
            async move {
                match elsewhere {
                    None => router.answer(request, handoff).await,
                    Some(port) => redirect(&request, port).unwrap_or_else(Response::from),
                }
            }
        })
    };
    let bounds = Bounds {
        head: http.head.len(),
        patience: http.head_timeout.get(),
        write_patience: http.write_timeout.get(),
        streams: http.streams,
    };
    intake.serve(Http::new(bounds), phase, make).await;
}
