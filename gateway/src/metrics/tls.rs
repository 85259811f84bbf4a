//! What is counted and known of TLS.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Total;
use super::family::{Family, Kind};
use crate::frame::Timestamp;

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Well.
    Done,
    /// It took too long.
    TimedOut,
    /// The client went away.
    Closed,
    /// The client's bytes are no TLS.
    Malformed,
    /// There is no version, cipher or protocol that both speak.
    Incompatible,
    /// The client showed no certificate, or one that does not count.
    ClientCertificate,
    /// The client refused ours.
    Alert,
    /// Our own fault.
    Failed,
}

/// By [`Handshake`], their words in `result`.
const RESULTS: [&str; 8] =
    ["ok", "timeout", "closed", "malformed", "incompatible", "client_certificate", "alert", "failed"];

/// A listener's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The hosts that they are for.
    pub names: Vec<String>,
    /// When the first of them ends, in seconds since 1970.
    pub not_after: i64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Tls {
    handshakes: [Total; RESULTS.len()],
    /// Handshakes that went on with an earlier session.
    pub resumed: Total,
    /// Certificates that were replaced.
    pub reloads: Total,
    /// Certificates that could not be, and stayed.
    pub failed_reloads: Total,
    certificates: Mutex<Vec<Certificates>>,
    error: Mutex<Option<String>>,
}

impl Tls {
    /// Counts a handshake.
    pub fn count(&self, end: Handshake) {
        self.handshakes[end as usize].add(1);
    }

    /// The certificates were read again; with an error, they are still those before.
    pub fn reloaded(&self, error: Option<String>) {
        if error.is_some() { &self.failed_reloads } else { &self.reloads }.add(1);
        *self.error.lock() = error;
    }

    /// These are in effect now.
    pub fn set_certificates(&self, certificates: Vec<Certificates>) {
        *self.certificates.lock() = certificates;
    }

    /// Those in effect, by listener; none where no listener speaks TLS.
    pub fn certificates(&self) -> Vec<Certificates> {
        self.certificates.lock().clone()
    }

    /// Why the last attempt to replace them failed, if it did.
    pub fn error(&self) -> Option<String> {
        self.error.lock().clone()
    }

    /// What the page shows of it; nothing where no listener speaks TLS.
    pub(super) fn families(&self) -> Vec<Family> {
        let certificates = self.certificates();
        if certificates.is_empty() {
            return Vec::new();
        }
        let counter = |name: &'static str, help| Family::new(Kind::Counter, name, help);
        let mut handshakes = counter("tidegate_tls_handshakes", "TLS handshakes, by how they ended.");
        let results = RESULTS.into_iter().zip(&self.handshakes);
        results.for_each(|(result, count)| handshakes.push([("result", result.into())], count.get() as f64));
        let resumed = "TLS handshakes that went on with an earlier session.";
        let reloads =
            counter("tidegate_tls_reloads", "Certificates read again, by whether they were replaced.")
                .with([("result", "ok".into())], self.reloads.get() as f64)
                .with([("result", "failed".into())], self.failed_reloads.get() as f64);
        let name = "tidegate_tls_certificate_expiry_seconds";
        let mut expiry =
            Family::new(Kind::Gauge, name, "Time until the first certificate of a listener ends.");
        let now = Timestamp::now().0 / 1000;
        for Certificates { listener, not_after, .. } in certificates {
            expiry.push([("listener", listener)], (not_after - now) as f64);
        }
        vec![
            handshakes,
            Family::counter("tidegate_tls_resumed", resumed, self.resumed.get()),
            reloads,
            expiry,
        ]
    }
}
