//! Keeps what the listeners speak fresh: all of it is replaced, or nothing is.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::time::MissedTickBehavior;
use x509_parser::time::ASN1Time;

use super::files::{Stamp, stamp};
use super::{NameKind, Refused, Settings, Terms};
use crate::metrics::{Certificates, Metrics};

/// How often the files are looked at: a call to the system for each.
const LOOK: Duration = Duration::from_secs(1);

/// What a listener speaks now.
#[derive(Debug)]
pub struct Live {
    settings: Settings,
    config: ArcSwap<ServerConfig>,
}

impl Live {
    /// For the next handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Where clients' certificates name their bearers.
    pub fn client_names(&self) -> &[NameKind] {
        self.settings.clients.as_ref().map_or(&[], |clients| &clients.names)
    }
}

/// What all listeners speak.
#[derive(Debug)]
pub struct Keeper {
    listeners: Vec<Arc<Live>>,
    metrics: Arc<Metrics>,
    /// What the files were like when they were read last, well or not.
    read: Mutex<Vec<Stamp>>,
    /// When the first list of revoked certificates is to be renewed, until that was told.
    lists_due: Mutex<Option<i64>>,
}

impl Keeper {
    /// Makes what the settings say.
    ///
    /// # Errors
    /// The first listener that cannot speak it.
    pub fn new(settings: Vec<Settings>, metrics: Arc<Metrics>) -> Result<Arc<Self>, Refused> {
        let read = stamps(&settings);
        let terms = settings.iter().map(load).collect::<Result<Vec<_>, Refused>>()?;
        tell(&metrics, &settings, &terms);
        let lists_due = Mutex::new(next_due(&terms));
        let live = |(settings, terms): (Settings, Terms)| {
            Arc::new(Live { settings, config: ArcSwap::new(terms.config) })
        };
        let listeners = settings.into_iter().zip(terms).map(live).collect();
        Ok(Arc::new(Self { listeners, metrics, read: Mutex::new(read), lists_due }))
    }

    /// What the listener of this name speaks; none where it speaks no TLS.
    pub fn live(&self, listener: &str) -> Option<Arc<Live>> {
        self.listeners.iter().find(|live| *live.settings.listener == *listener).cloned()
    }

    /// Reads every file again. Handshakes that begin from now on go by what was read.
    ///
    /// # Errors
    /// The first listener that could not speak it; nothing has changed then.
    pub fn reload(&self) -> Result<(), Refused> {
        let settings: Vec<Settings> = self.listeners.iter().map(|live| live.settings.clone()).collect();
        // Noted before they are read: what is written meanwhile is a change again.
        *self.read.lock() = stamps(&settings);
        let terms: Result<Vec<_>, Refused> = settings.iter().map(load).collect();
        self.metrics.tls.reloaded(terms.as_ref().err().map(ToString::to_string));
        let terms = terms?;
        tell(&self.metrics, &settings, &terms);
        *self.lists_due.lock() = next_due(&terms);
        for (live, terms) in self.listeners.iter().zip(terms) {
            live.config.store(terms.config);
        }
        Ok(())
    }

    /// Reloads whenever the files have changed and then stayed as they are for one look, as a certificate and its
    /// key are written one after the other. Ends only where there is no file to look at.
    pub async fn watch(self: Arc<Self>) {
        if self.listeners.is_empty() {
            return;
        }
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Vec::new();
        loop {
            tick.tick().await;
            let now =
                self.listeners.iter().flat_map(|live| live.settings.files()).map(|p| stamp(p)).collect();
            if now == before && now != *self.read.lock() {
                self.reload_and_log();
            }
            before = now;
            self.look_at_lists();
        }
    }

    /// Once a list of revoked certificates has had its time, other terms hold, with the same files: those who come with
    /// a ticket show their certificates again, too. Making them tells why.
    fn look_at_lists(&self) {
        let now = ASN1Time::now().timestamp();
        if self.lists_due.lock().take_if(|due| *due <= now).is_some() {
            self.reload_and_log();
        }
    }

    /// [`reload`](Self::reload), for whom nobody waits.
    pub fn reload_and_log(&self) {
        match self.reload() {
            Ok(()) if self.listeners.is_empty() => {}
            Ok(()) => tracing::info!("certificates are read again; new connections get them"),
            Err(error) => {
                tracing::error!(%error, "certificates are not replaced; those before stay in effect")
            }
        }
    }
}

/// The first list that is still to come due; those that are overdue have been warned of.
fn next_due(terms: &[Terms]) -> Option<i64> {
    let now = ASN1Time::now().timestamp();
    terms.iter().filter_map(|terms| terms.lists_due).filter(|due| now < *due).min()
}

fn load(settings: &Settings) -> Result<Terms, Refused> {
    Terms::load(settings).map_err(|source| Refused { listener: Arc::clone(&settings.listener), source })
}

fn stamps(settings: &[Settings]) -> Vec<Stamp> {
    settings.iter().flat_map(Settings::files).map(|path| stamp(path)).collect()
}

/// Tells metrics and log what is in effect.
fn tell(metrics: &Metrics, settings: &[Settings], terms: &[Terms]) {
    let certificates = |(settings, terms): (&Settings, &Terms)| Certificates {
        listener: Arc::clone(&settings.listener),
        names: terms.names.clone(),
        not_after: terms.not_after,
    };
    metrics.tls.set_certificates(settings.iter().zip(terms).map(certificates).collect());
    for (settings, terms) in settings.iter().zip(terms) {
        for warning in &terms.warnings {
            tracing::warn!(listener = %settings.listener, "{warning}");
        }
    }
}
