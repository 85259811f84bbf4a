//! Who a client is, by the certificate that it has shown.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::web::ClientCertificate;

/// Where a certificate may name its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The subject's common name.
    CommonName,
    /// A URI among the subject's alternative names, as SPIFFE has it.
    Uri,
    /// A host among them.
    Dns,
    /// An address of e-mail among them.
    Email,
}

/// Why a certificate that a handshake has let through does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// It has ended since it was verified, which was when the session that is resumed began.
    #[error("the client's certificate has expired")]
    Expired,
    /// It cannot be read again.
    #[error("the client's certificate cannot be read")]
    Unreadable,
}

/// What a verified certificate says of its bearer: the first name of the first kind that is there.
///
/// # Errors
/// [`Unverified`].
pub fn client(certificate: &CertificateDer<'_>, kinds: &[NameKind]) -> Result<ClientCertificate, Unverified> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Unverified::Unreadable)?;
    if !certificate.validity().is_valid() {
        return Err(Unverified::Expired);
    }
    let name = kinds.iter().find_map(|kind| name(&certificate, *kind)).filter(|name| is_plain(name));
    let validity = certificate.validity();
    Ok(ClientCertificate {
        name: name.map(Into::into),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        subject: certificate.subject().to_string().into(),
    })
}

fn name<'a>(certificate: &'a X509Certificate<'_>, kind: NameKind) -> Option<&'a str> {
    if kind == NameKind::CommonName {
        return certificate.subject().iter_common_name().next()?.as_str().ok();
    }
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    names.iter().find_map(|name| match (kind, name) {
        (NameKind::Uri, GeneralName::URI(name))
        | (NameKind::Dns, GeneralName::DNSName(name))
        | (NameKind::Email, GeneralName::RFC822Name(name)) => Some(*name),
        _ => None,
    })
}

/// Whether it may be a user's name: it goes into rooms' names and logs.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}
