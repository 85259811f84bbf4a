//! The parts whose health is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::drain::{Drain, Phase};
use crate::frame::{Event, Timestamp};
use crate::health::{Change, Checking, Health, Part, Report, Status, Tell};
use crate::hub::Hub;
use crate::hub::own::HealthChanged;
use crate::metrics::Metrics;
use crate::plugin::Plugins;
use crate::store::{Expect, Op, Outcome, Store, StoreError};
use crate::web::{HealthStatus, PluginAdmin};

/// A mailbox that is so full, in per cent, makes the hub degraded.
const FULL: usize = 90;
/// A shard whose loop has not turned for so long, in milliseconds, makes the hub degraded, and then unhealthy; it
/// turns four times a second.
const SLOW: u64 = 1000;
const STUCK: u64 = 10_000;
/// So long before its end, in seconds, a certificate makes TLS degraded: two weeks.
const SOON: i64 = 14 * 24 * 3600;
/// For how long the store may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where the store's check writes: a name that no plugin's instance can have.
const SPACE: &str = "health check";
const KEY: &str = "last";

/// All parts of the gateway.
pub(super) fn health(
    hub: &Arc<Hub>,
    plugins: &Arc<Plugins>,
    store: Arc<dyn Store>,
    phase: &Drain,
) -> Arc<Health> {
    let mut parts: Vec<(Arc<str>, bool, Arc<dyn Part>)> = vec![
        ("api".into(), true, Arc::new(ApiPart(phase.clone()))),
        ("hub".into(), true, Arc::new(HubPart(Arc::clone(hub)))),
        ("store".into(), true, Arc::new(StorePart { store, asking: Arc::default() })),
    ];
    if !hub.metrics().tls.certificates().is_empty() {
        parts.push(("tls".into(), false, Arc::new(TlsPart(Arc::clone(hub.metrics())))));
    }
    if hub.metrics().limit_store.get().is_some() {
        parts.push(("limits".into(), false, Arc::new(LimitsPart(Arc::clone(hub.metrics())))));
    }
    if hub.metrics().bus.link.get().is_some() {
        parts.push(("bus".into(), false, Arc::new(BusPart(Arc::clone(hub.metrics())))));
    }
    if hub.rules().keep_in_log() {
        parts.push(("rooms".into(), false, Arc::new(LogPart(Arc::clone(hub)))));
    }
    for info in plugins.list() {
        let taken = parts.iter().any(|(name, ..)| *name == info.name);
        let name = if taken { format!("plugin:{}", info.name).into() } else { Arc::clone(&info.name) };
        let part = PluginPart { name: info.name, plugins: Arc::clone(plugins) };
        parts.push((name, info.critical, Arc::new(part)));
    }
    Health::new(parts, tell(Arc::clone(hub)))
}

/// Publishes changes to the room `system`.
fn tell(hub: Arc<Hub>) -> Tell {
    Box::new(move |change: &Change| {
        let Some(kind) = hub.types().find("health_changed") else { return };
        let (old_status, new_status) = (change.old_status.name(), change.new_status.name());
        let data = HealthChanged { component: &change.component, old_status, new_status };
        let (data, source) = (json!(data).to_string().into(), "gateway".into());
        let event = Event::new(kind, data, source, Timestamp::now());
        if let Err(error) = hub.publish(&["system"], &event) {
            tracing::warn!(%error, "health_changed was not published");
        }
    })
}

fn details<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Whether requests are served.
struct ApiPart(Drain);

impl Part for ApiPart {
    fn look(&self) -> Option<Report> {
        let phase = self.0.phase();
        let (status, reason) = match phase {
            Phase::Serving => (Status::Healthy, ""),
            _ => (Status::Degraded, "draining"),
        };
        Some(Report { status, details: details([("phase", phase.name().into())]), reason: reason.into() })
    }
}

/// Whether events move.
struct HubPart(Arc<Hub>);

impl Part for HubPart {
    fn look(&self) -> Option<Report> {
        let (bytes, limit) = self.0.fullest_mailbox();
        let silent = self.0.metrics().shards().filter_map(|shard| shard.silent_for()).max().unwrap_or(0);
        let (status, reason) = match () {
            () if silent >= STUCK => (Status::Unhealthy, format!("a shard has not turned for {silent} ms")),
            () if silent >= SLOW => (Status::Degraded, format!("a shard has not turned for {silent} ms")),
            () if bytes * 100 >= limit * FULL => (Status::Degraded, "a mailbox is almost full".to_owned()),
            () => (Status::Healthy, String::new()),
        };
        let details = details([
            ("fullest_mailbox_bytes", bytes.into()),
            ("limit_bytes", limit.into()),
            ("slowest_shard_ms", silent.into()),
        ]);
        Some(Report { status, details, reason })
    }
}

/// Whether certificates are fresh.
struct TlsPart(Arc<Metrics>);

impl Part for TlsPart {
    fn look(&self) -> Option<Report> {
        let certificates = self.0.tls.certificates();
        let listeners: Map<String, Value> = certificates
            .iter()
            .map(|of| {
                let expires_at = Timestamp(of.not_after * 1000).to_string();
                (of.listener.to_string(), json!({ "expires_at": expires_at, "names": of.names }))
            })
            .collect();
        let (now, error) = (Timestamp::now().0 / 1000, self.0.tls.error());
        let ends = certificates.iter().find(|of| of.not_after - now < SOON);
        let (status, reason) = match (&error, ends) {
            (Some(_), _) => (Status::Degraded, "certificates could not be replaced".to_owned()),
            (None, Some(of)) => (
                Status::Degraded,
                format!("a certificate of listener '{}' ends soon, or has ended", of.listener),
            ),
            (None, None) => (Status::Healthy, String::new()),
        };
        let details = details([("listeners", listeners.into()), ("last_error", json!(error))]);
        Some(Report { status, details, reason })
    }
}

/// Whether durable rooms take events.
struct LogPart(Arc<Hub>);

impl Part for LogPart {
    fn look(&self) -> Option<Report> {
        let log = self.0.log()?;
        let (status, reason) = match &log.error {
            None => (Status::Healthy, String::new()),
            Some(error) => (Status::Degraded, format!("durable rooms take no events: {error}")),
        };
        let details = details([
            ("segments", log.segments.into()),
            ("bytes", log.bytes.into()),
            ("waiting_bytes", log.waiting.into()),
        ]);
        Some(Report { status, details, reason })
    }
}

/// Whether limits hold over all nodes.
struct LimitsPart(Arc<Metrics>);

impl Part for LimitsPart {
    fn look(&self) -> Option<Report> {
        let up = self.0.limit_store.get()?;
        let (status, reason) = match up {
            true => (Status::Healthy, ""),
            false => (Status::Degraded, "Redis is gone: each node counts for itself what limits allow"),
        };
        Some(Report { status, details: details([("store_up", up.into())]), reason: reason.into() })
    }
}

/// Whether events of other processes come.
struct BusPart(Arc<Metrics>);

impl Part for BusPart {
    fn look(&self) -> Option<Report> {
        let up = self.0.bus.link.get()?;
        let (status, reason) = match up {
            true => (Status::Healthy, ""),
            false => (Status::Degraded, "Redis is gone: events of other processes are not forwarded"),
        };
        let messages: Map<String, Value> =
            self.0.bus.messages.all().map(|(outcome, count)| (outcome.to_owned(), count.into())).collect();
        let details = details([("redis_up", up.into()), ("messages", messages.into())]);
        Some(Report { status, details, reason: reason.into() })
    }
}

/// Whether what is written can be read back.
struct StorePart {
    store: Arc<dyn Store>,
    /// A check runs, on its own thread: one that does not come back must not become many.
    asking: Arc<AtomicBool>,
}

/// Given back when the check's thread has done with it, however that ends.
struct Asking(Arc<AtomicBool>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Part for StorePart {
    fn look(&self) -> Option<Report> {
        None
    }

    fn check(self: Arc<Self>) -> Checking {
        Box::pin(async move {
            if self.asking.swap(true, Ordering::AcqRel) {
                return Report::unhealthy("the store has not answered the check before");
            }
            let asking = Asking(Arc::clone(&self.asking));
            let asked = tokio::task::spawn_blocking(move || {
                let _until_it_returns = asking;
                round_trip(&*self.store)
            });
            match asked.await {
                Ok(Ok(took)) => Report::healthy(details([("round_trip_ms", json!(took.as_millis() as u64))])),
                Ok(Err(error)) => Report::unhealthy(error.to_string()),
                Err(error) => Report::unhealthy(format!("its check failed: {error}")),
            }
        })
    }
}

/// Writes what was not there before, and reads it back.
fn round_trip(store: &dyn Store) -> Result<Duration, StoreError> {
    let begun = Instant::now();
    let value = uuid::Uuid::new_v4();
    let put = Op::Put { space: SPACE, key: KEY, value: value.as_bytes(), expect: Expect::Any, ttl: None };
    let outcomes = store.run(&[put, Op::Get { space: SPACE, key: KEY }], begun + PATIENCE)?;
    match outcomes.last() {
        Some(Outcome::Found(entry)) if *entry.value == value.as_bytes()[..] => Ok(begun.elapsed()),
        _ => Err(StoreError::Failed("what was written was not read back".to_owned())),
    }
}

/// Whether a plugin runs, and what it says of itself.
struct PluginPart {
    name: Arc<str>,
    plugins: Arc<Plugins>,
}

impl Part for PluginPart {
    fn look(&self) -> Option<Report> {
        let info = self.plugins.info(&self.name)?;
        let said = info.health.as_ref().filter(|_| info.state == "started");
        let status = match info.status() {
            HealthStatus::Healthy => Status::Healthy,
            HealthStatus::Degraded => Status::Degraded,
            HealthStatus::Unhealthy => Status::Unhealthy,
        };
        let reason = match said {
            _ if status == Status::Healthy => String::new(),
            Some(_) => format!("plugin '{}' says that it is {}", self.name, status.name()),
            None => format!("plugin '{}' is {}", self.name, info.state),
        };
        let details = details([
            ("state", info.state.into()),
            ("last_error", json!(info.last_error)),
            ("plugin", json!(said.map(|said| &said.details))),
        ]);
        Some(Report { status, details, reason })
    }

    fn check(self: Arc<Self>) -> Checking {
        Box::pin(async move {
            self.plugins.ask(&self.name).await;
            self.look().unwrap_or_else(|| Report::unhealthy("it is not configured"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::store::{Durability, Embedded};

    /// Takes what is written and forgets it.
    struct Forgetful;

    impl Store for Forgetful {
        fn run(&self, ops: &[Op<'_>], _: Instant) -> Result<Vec<Outcome>, StoreError> {
            Ok(ops.iter().map(|_| Outcome::Missing).collect())
        }
    }

    /// Does not come back before the other end is gone.
    struct Stuck(parking_lot::Mutex<mpsc::Receiver<()>>);

    impl Store for Stuck {
        fn run(&self, _: &[Op<'_>], _: Instant) -> Result<Vec<Outcome>, StoreError> {
            let _gone = self.0.lock().recv();
            Err(StoreError::Timeout)
        }
    }

    fn part(store: impl Store + 'static) -> Arc<StorePart> {
        Arc::new(StorePart { store: Arc::new(store), asking: Arc::default() })
    }

    #[tokio::test]
    async fn a_store_that_keeps_what_is_written_is_healthy_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = part(Embedded::open(folder.path(), Durability::Os).unwrap());
        for _ in 0..2 {
            assert_eq!(Arc::clone(&store).check().await.status, Status::Healthy);
        }
        let report = part(Forgetful).check().await;
        assert_eq!(report.reason, "the store failed: what was written was not read back");
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_asked_once() {
        let (other_end, waits) = mpsc::channel();
        let store = part(Stuck(parking_lot::Mutex::new(waits)));
        let first = tokio::spawn(Arc::clone(&store).check());
        while !store.asking.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        let report = Arc::clone(&store).check().await;
        assert_eq!(report.reason, "the store has not answered the check before");
        drop(other_end);
        assert_eq!(first.await.unwrap().reason, "the store did not answer in time");
        assert!(!store.asking.load(Ordering::Acquire));
    }
}
