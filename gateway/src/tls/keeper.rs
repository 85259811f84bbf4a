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

/// A listener's TLS, which may be replaced.
#[derive(Debug)]
pub struct Live {
    listener: Arc<str>,
    now: ArcSwap<Spoken>,
}

/// What a listener speaks.
#[derive(Debug)]
pub struct Spoken {
    settings: Settings,
    /// What handshakes go by.
    pub config: Arc<ServerConfig>,
}

impl Live {
    /// For the next handshake.
    pub fn now(&self) -> Arc<Spoken> {
        self.now.load_full()
    }
}

impl Spoken {
    /// Where clients' certificates name their bearers.
    pub fn client_names(&self) -> &[NameKind] {
        self.settings.clients.as_ref().map_or(&[], |clients| &clients.names)
    }
}

/// What listeners are to speak, all of it read.
#[derive(Debug)]
pub struct Fresh {
    settings: Vec<Settings>,
    terms: Vec<Terms>,
    read: Vec<Stamp>,
}

impl Fresh {
    /// Reads every file.
    ///
    /// # Errors
    /// The first listener that could not speak it.
    pub fn read(settings: Vec<Settings>) -> Result<Self, Refused> {
        // Noted before they are read: what is written meanwhile is a change again.
        let read = stamps(&settings);
        let terms = settings.iter().map(load).collect::<Result<_, _>>()?;
        Ok(Self { settings, terms, read })
    }

    fn spoken(self) -> impl Iterator<Item = Spoken> {
        let of = |(settings, terms): (Settings, Terms)| Spoken { settings, config: terms.config };
        self.settings.into_iter().zip(self.terms).map(of)
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
        let mut fresh = Fresh::read(settings)?;
        tell(&metrics, &fresh);
        let read = Mutex::new(std::mem::take(&mut fresh.read));
        let lists_due = Mutex::new(next_due(&fresh.terms));
        let live = |spoken: Spoken| {
            let listener = Arc::clone(&spoken.settings.listener);
            Arc::new(Live { listener, now: ArcSwap::from_pointee(spoken) })
        };
        Ok(Arc::new(Self { listeners: fresh.spoken().map(live).collect(), metrics, read, lists_due }))
    }

    /// What the listener of this name speaks; none where it speaks no TLS.
    pub fn live(&self, listener: &str) -> Option<Arc<Live>> {
        self.listeners.iter().find(|live| *live.listener == *listener).cloned()
    }

    /// Reads every file again. Handshakes that begin from now on go by what was read.
    ///
    /// # Errors
    /// The first listener that could not speak it; nothing has changed then.
    pub fn reload(&self) -> Result<(), Refused> {
        let settings: Vec<Settings> = self.listeners.iter().map(|live| live.now().settings.clone()).collect();
        // Looked at once, whether well or not.
        *self.read.lock() = stamps(&settings);
        let fresh = self.read(settings)?;
        self.put(fresh);
        Ok(())
    }

    /// Reads what the listeners are to speak by these settings. Nothing changes yet.
    ///
    /// # Errors
    /// As [`reload`](Self::reload).
    pub fn read(&self, settings: Vec<Settings>) -> Result<Fresh, Refused> {
        let fresh = Fresh::read(settings);
        self.metrics.tls.reloaded(fresh.as_ref().err().map(ToString::to_string));
        fresh
    }

    /// The listeners whose files are others than those that were read last.
    pub fn changed<'a>(&self, fresh: &'a Fresh) -> Vec<&'a str> {
        let (read, mut at) = (self.read.lock(), 0);
        let mut changed = Vec::new();
        for settings in &fresh.settings {
            let files = at..at + settings.files().count();
            at = files.end;
            if read.get(files.clone()) != fresh.read.get(files) {
                changed.push(&*settings.listener);
            }
        }
        changed
    }

    /// Handshakes that begin from now on go by `fresh`; a listener that is not in it speaks on as before.
    pub fn put(&self, mut fresh: Fresh) {
        tell(&self.metrics, &fresh);
        *self.lists_due.lock() = next_due(&fresh.terms);
        *self.read.lock() = std::mem::take(&mut fresh.read);
        for spoken in fresh.spoken() {
            if let Some(live) = self.live(&spoken.settings.listener) {
                live.now.store(Arc::new(spoken));
            }
        }
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
            let now = self.listeners.iter().flat_map(|live| stamps([&live.now().settings])).collect();
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

fn stamps<'a>(settings: impl IntoIterator<Item = &'a Settings>) -> Vec<Stamp> {
    settings.into_iter().flat_map(Settings::files).map(|path| stamp(path)).collect()
}

/// Tells metrics and log what is in effect.
fn tell(metrics: &Metrics, fresh: &Fresh) {
    let Fresh { settings, terms, .. } = fresh;
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
