//! Whether a listener's TLS settings make sense together.

use std::path::Path;

use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::listener::{ClientAuth, Tls};

/// Judges the settings at `key`.
pub(super) fn settings(tls: &Tls, key: &Key, findings: &mut Findings<'_>) {
    pair(&tls.certificate, &tls.key, key, findings);
    for (i, more) in tls.more.iter().enumerate() {
        pair(&more.certificate, &more.key, &key.then("more").at(i), findings);
    }
    let message = "must be longer than no time";
    findings.require(!tls.handshake_timeout.is_zero(), key.then("handshake_timeout"), message);
    if tls.client_ca.is_some() {
        let message = "must name at least one place, such as \"cn\"";
        findings.require(!tls.client_name.is_empty(), key.then("client_name"), message);
        return;
    }
    let without = "does nothing without `client_ca`";
    if tls.client_crl.is_some() {
        findings.error(key.then("client_crl"), without);
    }
    if tls.client_auth == ClientAuth::Optional {
        findings.error(key.then("client_auth"), without);
    }
}

fn pair(certificate: &Path, private: &Path, key: &Key, findings: &mut Findings<'_>) {
    let given = |path: &Path| !path.as_os_str().is_empty();
    findings.require(given(certificate), key.then("certificate"), "must name the file of a certificate");
    findings.require(given(private), key.then("key"), "must name the file of the certificate's private key");
}
