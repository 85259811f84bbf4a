//! The configuration, read again while the gateway runs: all of it that can be replaced is, or nothing.

use std::sync::Arc;

use serde_json::Value;

use super::house;
use super::identity::{Drafts, Identity};
use super::limits::{self, Capacity};
use crate::api::{NotReloaded, Reloaded};
use crate::config::{self, Config, Finding, Key, Loaded, Renewal, Report, Sources};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::listener::Permits;
use crate::pipeline::{self, LiveRules};
use crate::session::Budget;
use crate::tls::{Fresh, Keeper};
use crate::web::Invalid;

/// Sets the log's level.
pub type SetLevel = Box<dyn Fn(&str)>;

/// What a reload replaces, and from what.
pub(super) struct Reloader {
    /// Where the configuration comes from.
    pub(super) sources: Sources,
    /// What is in effect.
    pub(super) running: Config,
    pub(super) hub: Arc<Hub>,
    pub(super) budget: Arc<Budget>,
    pub(super) identity: Identity,
    pub(super) limits: Arc<Limits>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) permits: Arc<Permits>,
    pub(super) rules: LiveRules,
    pub(super) certificates: Arc<Keeper>,
    pub(super) set_level: SetLevel,
}

/// All that is to be in effect, made and judged.
struct Ready {
    next: Config,
    drafts: Drafts,
    certificates: Fresh,
    rules: pipeline::Rules,
}

impl Reloader {
    /// Reads the configuration and puts it into effect; tells the log how it went. Where it is broken off, nothing has
    /// changed.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, NotReloaded> {
        let outcome = self.try_reload().await;
        match &outcome {
            Ok(Reloaded { changed, needs_restart, warnings }) => {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                let (changed, needs_restart) = (changed.join(" "), needs_restart.join(" "));
                tracing::info!(changed, needs_restart, "the configuration is reloaded");
            }
            Err(NotReloaded(errors)) => {
                for Invalid { loc, msg, .. } in errors {
                    let key: Vec<_> = loc.iter().skip(1).filter_map(Value::as_str).collect();
                    tracing::error!(key = key.join("."), "the configuration is not reloaded: {msg}");
                }
            }
        }
        outcome
    }

    async fn try_reload(&mut self) -> Result<Reloaded, NotReloaded> {
        let Loaded { config, warnings } = config::load(&self.sources).map_err(of_report)?;
        let Renewal { next, mut changed, needs_restart } =
            Renewal::new(&self.running, &config).map_err(of_report)?;
        let ready = self.ready(next).await?;
        for listener in self.certificates.changed(&ready.certificates) {
            let key = Key::of("listener").then(listener).then("tls");
            if !changed.iter().any(|known| key.covers(known)) {
                changed.push(key); // its files
            }
        }
        self.put(ready);
        let keys = |keys: Vec<Key>| keys.iter().map(ToString::to_string).collect();
        Ok(Reloaded {
            changed: keys(changed),
            needs_restart: keys(needs_restart),
            warnings: warnings.iter().map(ToString::to_string).collect(),
        })
    }

    /// Makes everything of which the making can fail.
    async fn ready(&self, next: Config) -> Result<Ready, NotReloaded> {
        let drafts = self.identity.drafts(&self.running, &next).await.map_err(of)?;
        let certificates = self.certificates.read(house::tls_settings(&next)).map_err(of)?;
        let rules = pipeline::Rules::new(house::requests(&next, &drafts)).map_err(of)?;
        Ok(Ready { next, drafts, certificates, rules })
    }

    fn put(&mut self, ready: Ready) {
        let Ready { next, drafts, certificates, rules } = ready;
        self.identity.put(drafts);
        self.rules.store(Arc::new(rules));
        self.hub.set_rules(house::room_rules(&next));
        self.hub.set_memory(next.hub.history.len());
        self.budget.set_limit(next.limits.backlog_total.len());
        self.limits.set(limits::settings(&next));
        self.capacity.set(&next);
        self.permits.set(house::most(&next));
        self.certificates.put(certificates);
        if next.log.level != self.running.log.level {
            (self.set_level)(&next.log.level);
        }
        self.running = next;
    }
}

fn of_report(Report(findings): Report) -> NotReloaded {
    let errors = findings.into_iter().filter(Finding::is_error);
    NotReloaded(errors.map(|finding| invalid(finding.key.segments(), finding.to_string())).collect())
}

fn of(error: impl std::error::Error) -> NotReloaded {
    NotReloaded(vec![invalid(&[], error.to_string())])
}

fn invalid(key: &[String], msg: String) -> Invalid {
    let loc = ["config"].into_iter().chain(key.iter().map(String::as_str)).map(Value::from);
    Invalid { loc: loc.collect(), msg: msg.into(), kind: "configuration" }
}
