//! db-listener: changes of a database become events, with no change to the application that writes.
//!
//! In the order of flow: a [`source`] reads a database's [`change`]s and hands them over in batches; the [`pump`] makes events
//! of them by the operator's [`rules`], publishes them, and confirms to the source what has become safe. [`settings`] is what the
//! operator says; [`calls`] answers clients by queries; [`commands`] is what `tidegate plugin db-listener` does.

pub mod change;
mod exact;
pub mod source;
pub mod rules;
pub mod pump;
pub mod calls;
pub mod commands;
mod names;
pub mod settings;

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tidegate_plugin::{
    Bytes, Call, Command, Declared, Health, Host, Log, Manifest, Plugin, Reply, Result, SessionEvent,
    WatchKind, Watches, manifest,
};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{interval, timeout};

use calls::Calls;
use pump::{Meters, Phase, Pulse, Pump, Wish};
use rules::Rules;
use settings::Settings;
use source::{Listen, Purpose, Source, Standing};

/// How long a start waits for the database: one that is down is tried again after that.
const START: Duration = Duration::from_secs(3);
/// How often the source is asked how it is.
const LOOK: Duration = Duration::from_secs(1);

/// All that can be said of settings without a database.
///
/// # Errors
/// What is wrong, with its place: of each wrong rule the first thing, and else the first of all.
pub fn check(settings: &Settings) -> Result<()> {
    settings.check()?;
    Rules::read(settings)?;
    Calls::check(settings)
}

/// An instance of the plugin.
#[derive(Debug)]
pub struct Listener {
    /// What listens; nothing where there is no database.
    listening: Option<Listening>,
    calls: Calls,
}

/// A pump, and what one needs to know of it.
#[derive(Debug)]
struct Listening {
    source: Rc<Source>,
    pulse: Rc<Pulse>,
    /// Whether it is to listen.
    wish: watch::Sender<bool>,
    rules: Rc<Rules>,
    /// Bytes that the database may keep for us before we say so.
    wal_alarm: u64,
}

impl Plugin for Listener {
    type Config = Settings;

    const CHECKPOINT: bool = true;

    fn manifest() -> Manifest {
        manifest!("manifest.json")
    }

    fn declare(settings: &Settings) -> Result<Declared> {
        check(settings)?;
        let (events, calls) = (Rules::declared(settings), Calls::declared(settings));
        Ok(Declared { events, calls, ..Declared::default() })
    }

    fn watches(settings: &Settings) -> Watches {
        let kinds = if Calls::count_sessions(settings) {
            vec![WatchKind::Open, WatchKind::Close]
        } else {
            Vec::new()
        };
        Watches { kinds, ..Watches::default() }
    }

    async fn command(settings: Settings, command: Command) -> Result<()> {
        commands::run(&settings, &command).await
    }

    async fn start(host: Host, settings: Settings) -> Result<Self> {
        let calls = Calls::read(&settings, host.clone())?;
        let listening =
            if settings.source.is_given() { Some(Listening::begin(&host, &settings).await?) } else { None };
        Ok(Self { listening, calls })
    }

    async fn stop(&self) -> Result<()> {
        self.pause().await.map(drop)
    }

    async fn call(&self, call: Call) -> Result<Reply> {
        let source = self.listening.as_ref().map(|listening| &*listening.source);
        self.calls.answer(&call, source).await
    }

    async fn watch(&self, event: SessionEvent) -> Result<()> {
        self.calls.usage.note(event);
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        Ok(self.listening.as_ref().map_or_else(Health::healthy, Listening::health))
    }

    async fn pause(&self) -> Result<Bytes> {
        if let Some(listening) = &self.listening {
            listening.wish.send_replace(false);
            listening.pulse.until(|phase| *phase == Phase::Resting).await;
        }
        Ok(Bytes::new())
    }

    async fn unpause(&self) -> Result<()> {
        if let Some(listening) = &self.listening {
            listening.wish.send_replace(true);
        }
        Ok(())
    }
}

impl Listening {
    /// Begins to listen, and waits for some time until that is so: what is written once the gateway is ready is told.
    async fn begin(host: &Host, settings: &Settings) -> Result<Self> {
        let rules = Rc::new(Rules::read(settings)?);
        let source = Rc::new(Source::new(settings, &rules, host.name(), Purpose::Listen));
        let (pulse, meters) = (Rc::<Pulse>::default(), Rc::new(Meters::open(host.metrics())?));
        let (wish, wished) = Wish::new();
        let pump = Pump {
            host: host.clone(),
            source: Rc::clone(&source),
            rules: Rc::clone(&rules),
            pulse: Rc::clone(&pulse),
            meters: Rc::clone(&meters),
            max_event: settings.max_event,
        };
        spawn_local(pump.run(wished));
        spawn_local(look(Rc::clone(&source), Rc::clone(&rules), meters, host.log()));
        if timeout(START, pulse.until(|phase| *phase != Phase::Connecting)).await.is_err() {
            host.log().warn("the database does not answer yet: it is waited for");
        }
        Ok(Self { source, pulse, wish, rules, wal_alarm: settings.source.wal_alarm })
    }

    fn health(&self) -> Health {
        let standing = self.source.standing();
        let notes = notes(&standing, &self.rules);
        let phase = self.pulse.phase();
        let delay = self.pulse.delay().map(|delay| delay.as_millis());
        let details = json!({
            "state": phase.name(), "reason": phase.reason(), "delay_ms": delay, "lag_bytes": standing.lag_bytes,
            "held_bytes": standing.held_bytes, "notes": notes,
        });
        let holds_much = self.wal_alarm > 0 && standing.held_bytes.is_some_and(|held| held > self.wal_alarm);
        match phase {
            Phase::Failing(_) | Phase::Connecting => Health::unhealthy(details),
            _ if holds_much || !notes.is_empty() => Health::degraded(details),
            Phase::Listening | Phase::Waiting | Phase::Resting => Health { details, ..Health::healthy() },
        }
    }
}

/// What an operator should know, though it goes on: what the source says, and what became of the tables since the start, until that is
/// right again.
fn notes(standing: &Standing, rules: &Rules) -> Vec<String> {
    let tables = standing.tables.iter();
    let drifted = tables.flat_map(|tables| rules.check(tables).into_iter().chain(rules.remarks(tables)));
    standing.notes.iter().cloned().chain(drifted).collect()
}

/// Shows how the source is, again and again, and has the log tell what an operator should know.
async fn look(source: Rc<Source>, rules: Rc<Rules>, meters: Rc<Meters>, log: Log) {
    let (mut ticks, mut noted) = (interval(LOOK), Vec::new());
    loop {
        ticks.tick().await;
        let standing = source.standing();
        let bytes = |bytes: Option<u64>| bytes.map_or(0, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        meters.lag.set(bytes(standing.lag_bytes));
        meters.held.set(bytes(standing.held_bytes));
        let notes = notes(&standing, &rules);
        notes.iter().filter(|note| !noted.contains(*note)).for_each(|note| log.warn(note));
        noted = notes;
    }
}

tidegate_plugin::export!(Listener);

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    #[test]
    fn settings_that_the_manifest_refuses_are_told_with_their_values_and_counted_as_ours_are() {
        let manifest: serde_json::Value = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        let schema = tidegate_plugin::schema::Schema::compile(Some(&manifest["config"])).unwrap();
        let said = |on: serde_json::Value| {
            let flaw = schema.flaw(&json!({"rule": [{"table": "t", "event": "e", "on": on}]}));
            flaw.map(|flaw| flaw.to_string()).unwrap_or_default()
        };
        let word = said(json!("updates"));
        assert!(
            word.starts_with("rule.0.on: ") && word.contains("insert|update|delete|truncate|any"),
            "{word}"
        );
        let list = said(json!(["insert", "updates"]));
        assert!(list.starts_with("rule.0.on.1: ") && list.contains("insert|update|"), "{list}");
        assert_eq!((said(json!("any")), said(json!(["insert", "update"]))), (String::new(), String::new()));
        assert!(!said(json!([])).is_empty());
    }

    #[test]
    fn two_calls_have_two_names() {
        let said = |calls: serde_json::Value| {
            let settings = from_value(json!({"source": {"url": "x"}, "call": calls})).unwrap();
            check(&settings).map_or_else(|error| error.to_string(), |()| "well".into())
        };
        let call = |name: &str| json!({"name": name, "query": "select 1"});
        assert_eq!(said(json!([call("a"), call("b")])), "well");
        let twice = said(json!([call("a"), call("b"), call("a")]));
        assert!(twice.contains("call.2 (a): name: another call has it already"), "{twice}");
    }
}
