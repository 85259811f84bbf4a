//! The house, built from the bottom up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::identity::{Identity, Profiles};
use super::limits::Capacity;
use super::memory::GiveBack;
use super::reload::Reloader;
use super::shards::{self, Blueprint, Redirects};
use super::{Launch, StartError, endpoints, face, gauges, limits, playground, plugins};
use crate::api::{Api, Documents, Reloads};
use crate::audit::{Audit, Deed};
use crate::bus::Channel;
use crate::config::model::{self, room};
use crate::config::{self, Config, Environment};
use crate::drain::Drain;
use crate::history::Keep;
use crate::history::log::{self, Fsync};
use crate::hub::{self, Caching, Hub, Rule, Rules, Slow, Who};
use crate::limits::Limits;
use crate::listener::{Balancers, Listener, Most, Permits, Tls, lanes};
use crate::metrics::{Metrics, Views};
use crate::pipeline::{self, Begins, EndpointRules, ListenerRules, Origins, Sizes, hsts};
use crate::plugin::Plugins;
use crate::router::Bodies;
use crate::session::Budget;
use crate::store::{Durability, Embedded, Store};
use crate::tls::{self, Keeper};
use crate::web::{Located, Parts};

/// How often rooms whose time has passed are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// Everything that runs.
pub(super) struct House {
    pub(super) config: Arc<Config>,
    pub(super) hub: Arc<Hub>,
    pub(super) plugins: Arc<Plugins>,
    pub(super) permits: Arc<Permits>,
    pub(super) phase: Drain,
    /// What the listeners speak TLS with.
    pub(super) certificates: Arc<Keeper>,
    pub(super) shards: Vec<std::thread::JoinHandle<()>>,
    addresses: Vec<(Arc<str>, SocketAddr)>,
    _sweeper: JoinHandle<()>,
}

impl House {
    /// Builds what a checked configuration says, and starts serving. Whoever asks for a reload is sent to `reloads`.
    pub(super) async fn build(launch: Launch, reloads: Reloads) -> Result<(Self, Reloader), StartError> {
        let Launch { config, sources, set_level, .. } = launch;
        raise_file_limit(config.limits.connections);
        let count = shard_count(&config);
        let metrics = Metrics::new(count);
        // First of what can fail for the operator's fault: nothing has begun yet.
        let certificates = Keeper::new(tls_settings(&config), Arc::clone(&metrics))?;
        let audit = Audit::open(&config.audit.file, &metrics)?;
        let (wires, forms) = endpoints::Wires::of(&config, &metrics);
        let rules = Rules::new(room_rules(&config));
        let hub = Hub::new(hub_config(&config, count), rules, forms, Arc::clone(&metrics));
        let hub = open_log(&config, hub.with_memory(config.hub.history.len()))?;
        let hub = Arc::new(hub.with_audit(Arc::clone(&audit)));
        hub.types().declare(endpoints::event_types(&config).iter().map(String::as_str));
        let phase = Drain::default();
        let routes = plugins::routes(&config);
        let store = open_store(&config)?;
        let identity = Identity::build(&config, Arc::clone(&store))?;
        let limits = limits::open(&config, &metrics).await?;
        if let Some(url) = &config.bus.redis {
            Channel::new(url.expose(), &config.bus.channel)?.forward(&hub).await;
        }
        let (plugins, health) = plugins::start(&config, &hub, store, &routes, &phase).await?;
        let views = Arc::<Views>::default();
        let listeners = bind(&config, &certificates, &metrics)?;
        let addresses: Vec<_> = listeners.iter().map(|l| (Arc::clone(l.name()), l.address())).collect();
        let api = Arc::new(Api {
            hub: Arc::clone(&hub),
            drain: phase.clone(),
            plugins: Arc::clone(&plugins) as _,
            ledger: Arc::clone(&identity.ledger),
            limits: Arc::clone(&limits),
            health,
            views: Arc::clone(&views),
            face: face::face(&config, &addresses),
            documents: Documents::default(),
            playground: playground::playground(&config),
            reloads,
            production: config.environment == Environment::Production,
            heartbeat: config.endpoint.first().map_or(Duration::ZERO, |e| e.heartbeat.interval.get()),
        });
        tokio::spawn(gauges::sample(api.sources(), views));
        let rules = pipeline::Rules::new(requests(&config, &identity))?.live();
        let permits = Permits::new(most(&config));
        let capacity = Arc::new(Capacity::new(&config, hub.metrics()));
        let budget = Budget::new(config.limits.backlog_total.len(), &metrics);
        let (lanes, intakes) = lanes(count);
        let reloader = Reloader {
            sources,
            running: config.clone(),
            hub: Arc::clone(&hub),
            budget: Arc::clone(&budget),
            identity: identity.clone(),
            limits: Arc::clone(&limits),
            capacity: Arc::clone(&capacity),
            permits: Arc::clone(&permits),
            rules: Arc::clone(&rules),
            certificates: Arc::clone(&certificates),
            set_level,
        };
        let config = Arc::new(config);
        let blueprint = Blueprint {
            config: Arc::clone(&config),
            hub: Arc::clone(&hub),
            budget,
            api,
            routes,
            rules,
            redirects: redirects(&config, &addresses),
            identity: Arc::new(identity),
            limits: Arc::clone(&limits),
            capacity,
            endpoints: endpoints::Shared {
                wires,
                lines: Arc::default(),
                bodies: Bodies::new(
                    config.http.body.len(),
                    config.http.bodies.len(),
                    config.http.body_timeout.get(),
                ),
            },
            phase: phase.clone(),
        };
        let mut shards = Vec::new();
        let mut accepting = Some(
            listeners
                .into_iter()
                .map(|listener| {
                    listener.accept(lanes.clone(), Arc::clone(&permits), Arc::clone(&metrics), phase.clone())
                })
                .collect::<Vec<_>>(),
        );
        for (index, intake) in intakes.into_iter().enumerate() {
            // With one shard connections are accepted there: nothing crosses a thread.
            let here = if count == 1 { accepting.take() } else { None };
            shards.push(shards::start(index, blueprint.clone(), intake, here.unwrap_or_default())?);
        }
        drop(lanes);
        for accept in accepting.into_iter().flatten() {
            tokio::spawn(shards::accept(accept));
        }
        tokio::spawn(Arc::clone(&certificates).watch());
        let teller = Arc::clone(&hub);
        tokio::spawn(async move { teller.tell_members().await });
        let sweeper = tokio::spawn(sweep(Arc::clone(&hub), limits));
        let spacious = Arc::clone(&hub);
        tokio::spawn(async move { spacious.make_space().await });
        if !config.metrics.publish.is_zero() {
            tokio::spawn(gauges::publish(Arc::clone(&hub), config.metrics.publish.get()));
        }
        audit.record(Deed::Started, |entry| entry);
        let house =
            Self { config, hub, plugins, permits, phase, certificates, shards, addresses, _sweeper: sweeper };
        Ok((house, reloader))
    }

    /// Where it listens, in the order of the configuration.
    pub(super) fn addresses(&self) -> &[(Arc<str>, SocketAddr)] {
        &self.addresses
    }
}

/// The hub with its log of durable rooms. What was found there that is not as it should be is told.
fn open_log(config: &Config, hub: Hub) -> Result<Hub, StartError> {
    let settings = log::Settings::new(config.data.dir.join("rooms"));
    let (opened, found) = hub::open_log(settings)?;
    for notice in opened.notices() {
        tracing::warn!("the log of rooms: {notice}");
    }
    Ok(hub.with_log(opened, found)?)
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let durability = match config.data.fsync {
        model::store::Fsync::Always => Durability::Always,
        model::store::Fsync::Interval => Durability::Interval,
        model::store::Fsync::Os => Durability::Os,
    };
    Ok(Arc::new(Embedded::open(&config.data.dir.join("store"), durability)?))
}

fn shard_count(config: &Config) -> usize {
    match config.shards {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => usize::from(count),
    }
}

fn hub_config(config: &Config, shards: usize) -> hub::Config {
    let rooms_per_session = config.limits.rooms_per_session as usize;
    hub::Config { shards, mailbox: config.hub.mailbox.len(), rooms_per_session }
}

/// The rules for rooms.
pub(super) fn room_rules(config: &Config) -> impl Iterator<Item = Rule> {
    let who = |access: &room::Access| match access {
        room::Access::Anyone => Who::Anyone,
        room::Access::Authenticated => Who::Authenticated,
        room::Access::Owner => Who::Owner,
        room::Access::Role(role) => Who::Role(role.as_str().into()),
        room::Access::Claim(claim) => Who::Claim(claim.as_str().into()),
        room::Access::Nobody => Who::Nobody,
    };
    let slow = |slow: room::Slow| match slow {
        room::Slow::Disconnect => Slow::Disconnect,
        room::Slow::DropOldest => Slow::DropOldest,
        room::Slow::Latest => Slow::Latest,
        room::Slow::CatchUp => Slow::CatchUp,
    };
    config.room.iter().map(move |rule| Rule {
        prefix: rule.prefix.clone(),
        class: 0,
        join: who(&rule.join),
        publish: who(&rule.publish),
        presence: who(&rule.presence),
        keep: Keep { size: rule.history.size as usize, ttl: rule.history.ttl.get() },
        durable: (rule.history.durable && rule.history.size > 0).then_some(match rule.history.fsync {
            room::Fsync::Always => Fsync::Always,
            room::Fsync::Interval => Fsync::Interval,
            room::Fsync::Os => Fsync::Os,
        }),
        cache: match rule.cache {
            room::Cache::None => Caching::None,
            room::Cache::Last => Caching::Last,
            room::Cache::LastPerKey => Caching::LastPerKey,
        },
        join_leave: rule.join_leave,
        inbox: rule.inbox,
        slow: slow(rule.slow),
        slow_choice: rule.slow_choice.iter().copied().map(slow).collect(),
        max_members: rule.max_members as usize,
    })
}

/// What requests are judged by before they are routed.
pub(super) fn requests(config: &Config, identity: &impl Profiles) -> pipeline::Config {
    let endpoint = |endpoint: &model::session::Config| {
        let rules = EndpointRules {
            path: endpoint.path.clone(),
            profile: identity.profile(&endpoint.auth),
            forgives: endpoint.dialect == model::session::Dialect::Topics,
            origins: Origins::new(endpoint.origins.iter().cloned()),
            begins: begins(endpoint),
        };
        (endpoint.location(), rules)
    };
    let listener = |listener: &model::listener::Config| ListenerRules {
        name: listener.name.as_str().into(),
        hosts: listener.hosts.clone(),
        trusted_proxies: listener.trusted_proxies.clone(),
        // Who only sends on does so from wherever.
        serves: if listener.redirect.is_some() { Parts::default() } else { Parts::new(&listener.serves) },
        hsts: listener.hsts(config.environment).map(|age| hsts(age.get())),
    };
    let http = &config.http;
    pipeline::Config {
        origins: Origins::new(config.cors.origins.iter().cloned()),
        credentials: config.cors.credentials,
        profile: identity.profile(&config.api.auth),
        api_keys: identity.api_keys(),
        endpoints: Located::new(config.endpoint.iter().map(endpoint)),
        sizes: Sizes { target: http.target.len(), header: http.header.len(), body: http.body.len() },
        answer_timeout: http.answer_timeout.get(),
        listeners: config.listener.iter().map(listener).collect(),
    }
}

fn begins(endpoint: &model::session::Config) -> Begins {
    match endpoint.transport {
        model::session::Transport::WebSocket => Begins::Upgrade,
        model::session::Transport::EngineIo => Begins::Polls,
        model::session::Transport::Sse => Begins::Request,
        model::session::Transport::Poll => Begins::Never,
    }
}

/// What the listeners with TLS speak.
pub(super) fn tls_settings(config: &Config) -> Vec<tls::Settings> {
    config.listener.iter().filter_map(model::listener::Config::tls_settings).collect()
}

/// The ports that redirecting listeners send to, as they are really listened on.
fn redirects(config: &Config, addresses: &[(Arc<str>, SocketAddr)]) -> Redirects {
    let port = |name: &str| addresses.iter().find(|(known, _)| **known == *name).map(|(_, at)| at.port());
    let redirects = config
        .listener
        .iter()
        .filter_map(|listener| Some((listener.name.as_str().into(), port(listener.redirect.as_deref()?)?)));
    redirects.collect()
}

fn bind(config: &Config, certificates: &Keeper, metrics: &Arc<Metrics>) -> Result<Vec<Listener>, StartError> {
    let bind = |listener: &model::listener::Config| {
        let bound = Listener::bind(&listener.name, listener.address).map_err(|source| {
            StartError::Listen { name: listener.name.clone(), address: listener.address, source }
        })?;
        let live = listener.tls.as_ref().zip(certificates.live(&listener.name));
        let balancers =
            listener.proxy_protocol.then(|| Balancers(listener.trusted_proxies.as_slice().into()));
        Ok(bound.behind(balancers).with_tls(live.map(|(tls, live)| Tls {
            live,
            patience: tls.handshake_timeout.get(),
            metrics: Arc::clone(metrics),
        })))
    };
    config.listener.iter().map(bind).collect()
}

/// How many connections there may be.
pub(super) fn most(config: &Config) -> Most {
    let limits = &config.limits;
    Most {
        connections: limits.connections as usize,
        per_address: limits.connections_per_address as usize,
        exempt: limits.exempt.clone(),
    }
}

/// Raises the process' limit of open files to what it may have.
fn raise_file_limit(connections: u32) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    if let Some(warning) = config::too_few_files(connections) {
        tracing::warn!("limits.connections: {warning}");
    }
}

async fn sweep(hub: Arc<Hub>, limits: Arc<Limits>) {
    let mut tick = tokio::time::interval(SWEEP);
    let mut memory = GiveBack::default();
    loop {
        tick.tick().await;
        hub.sweep();
        limits.forget_quiet();
        memory.look(hub.metrics());
    }
}
