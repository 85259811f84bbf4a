//! A certificate with its key, judged before it is shown to anybody.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_AUTHORITY_INFO_ACCESS;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::files::{self, malformed};
use super::{PairFiles, TlsError};

/// How long before its end a certificate is warned of.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// A certificate that can be shown.
pub(super) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    /// The hosts that it is for, in lower case; `*.` in front is a whole level of them.
    pub(super) names: Vec<String>,
    /// When it ends, in seconds since 1970.
    pub(super) not_after: i64,
    /// What is right and worth a look.
    pub(super) warnings: Vec<String>,
}

impl Pair {
    /// Reads and judges it.
    pub(super) fn load(files: &PairFiles, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let path = &files.certificate;
        let chain = files::certificates(path)?;
        let parsed = chain
            .iter()
            .enumerate()
            .map(|(i, der)| parse(path, i, der))
            .collect::<Result<Vec<_>, TlsError>>()?;
        judge(path, &parsed)?;
        let leaf = &parsed[0];
        let (names, not_after) = (names(leaf), leaf.validity().not_after.timestamp());
        let mut warnings = risks(path, &parsed);
        if names.is_empty() {
            let message =
                format!("the certificate in {} names no host: no client will accept it", path.display());
            warnings.push(message);
        }
        if files::is_public(&files.key) {
            warnings
                .push(format!("{} can be read by everyone on this machine: chmod 600", files.key.display()));
        }
        let certified = certify(files, chain, provider)?;
        Ok(Self { certified: Arc::new(certified), names, not_after, warnings })
    }
}

fn certify(
    files: &PairFiles,
    chain: Vec<CertificateDer<'static>>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let key = files::key(&files.key)?;
    let mut certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() }
        }
        Error::InvalidCertificate(error) => malformed(&files.certificate, format!("cannot be used: {error}")),
        error => malformed(&files.key, format!("the key cannot be used: {error}")),
    })?;
    certified.ocsp = files.ocsp.as_deref().map(staple).transpose()?;
    Ok(certified)
}

/// An answer of an OCSP responder's, which says itself that it is one (RFC 6960, section 4.2.1). Whether it is about
/// this certificate, and in time, is for the client to judge: without one it would ask for another.
fn staple(path: &Path) -> Result<Vec<u8>, TlsError> {
    let der = files::bytes(path)?;
    let status = match der.as_slice() {
        [0x30, length, rest @ ..] if *length < 0x80 => Some(rest),
        [0x30, length, rest @ ..] => rest.get(usize::from(length & 0x7f)..),
        _ => None,
    };
    match status {
        Some([0x0a, 1, 0, ..]) => Ok(der),
        _ => Err(malformed(path, "is no successful answer of an OCSP responder, in DER")),
    }
}

fn parse<'a>(
    path: &Path,
    index: usize,
    der: &'a CertificateDer<'static>,
) -> Result<X509Certificate<'a>, TlsError> {
    let parsed = X509Certificate::from_der(der).map(|(_, certificate)| certificate);
    parsed.map_err(|error| malformed(path, format!("certificate {} cannot be read: {error}", index + 1)))
}

/// Its time, and whether each certificate is followed by its issuer's.
fn judge(path: &Path, chain: &[X509Certificate<'_>]) -> Result<(), TlsError> {
    let now = ASN1Time::now();
    for (index, certificate) in chain.iter().enumerate() {
        let validity = certificate.validity();
        if now > validity.not_after {
            return Err(TlsError::Expired { path: path.to_owned(), at: time(validity.not_after) });
        }
        if now < validity.not_before {
            return Err(TlsError::NotYetValid { path: path.to_owned(), at: time(validity.not_before) });
        }
        let issuer = certificate.issuer();
        if chain.get(index + 1).is_some_and(|next| next.subject().as_raw() != issuer.as_raw()) {
            return Err(TlsError::Chain {
                path: path.to_owned(),
                number: index + 1,
                subject: certificate.subject().to_string(),
                issuer: issuer.to_string(),
            });
        }
    }
    Ok(())
}

fn risks(path: &Path, chain: &[X509Certificate<'_>]) -> Vec<String> {
    let mut risks = Vec::new();
    let first = chain.iter().map(|certificate| certificate.validity().not_after).min();
    if let Some(end) = first.filter(|end| (*end - ASN1Time::now()).is_none_or(|left| left < SOON)) {
        risks.push(format!("the certificate in {} expires at {}", path.display(), time(end)));
    }
    // Who issues for the public says where its own certificate is, because clients do not have it.
    let [leaf] = chain else { return risks };
    let self_signed = leaf.issuer().as_raw() == leaf.subject().as_raw();
    if !self_signed && matches!(leaf.get_extension_unique(&OID_PKIX_AUTHORITY_INFO_ACCESS), Ok(Some(_))) {
        risks.push(format!(
            "{} holds one certificate and not that of its issuer, \"{}\": clients that do not know it will refuse",
            path.display(),
            leaf.issuer()
        ));
    }
    risks
}

/// The hosts of the subject's alternative names; the common name has not counted for years (RFC 9525).
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extensions = certificate.extensions().iter().map(|extension| extension.parsed_extension());
    let names = extensions.filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string());
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string());
    v4().or_else(v6)
}

/// A certificate's time as logs and answers write one.
fn time(at: ASN1Time) -> String {
    let since = Duration::from_secs(at.timestamp().max(0).unsigned_abs());
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}
