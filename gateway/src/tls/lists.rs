//! Lists of revoked certificates. One that its authority has not renewed in time says nothing of who was revoked since,
//! so that from then on nobody is let in by it.

use std::path::Path;

use rustls::pki_types::CertificateRevocationListDer;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;

use super::TlsError;
use super::files::{self, malformed};

/// The lists of a file.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) lists: Vec<CertificateRevocationListDer<'static>>,
    /// When the first of them is to be renewed, in seconds since 1970; none says so: never.
    pub(super) due: Option<i64>,
}

impl Lists {
    /// Reads them.
    pub(super) fn load(path: &Path) -> Result<Self, TlsError> {
        let lists = files::revocations(path)?;
        let mut due = None;
        for (index, list) in lists.iter().enumerate() {
            let (_, list) = CertificateRevocationList::from_der(list)
                .map_err(|_| malformed(path, format!("revocation list {} cannot be read", index + 1)))?;
            let next = list.next_update().map(|at| at.timestamp());
            due = due.into_iter().chain(next).min();
        }
        Ok(Self { lists, due })
    }

    /// That a list has had its time, where one has.
    pub(super) fn overdue(&self) -> Option<String> {
        let due = self.due.filter(|due| *due <= ASN1Time::now().timestamp())?;
        let at = ASN1Time::from_timestamp(due).map_or_else(|_| due.to_string(), |at| at.to_string());
        Some(format!(
            "the list of revoked certificates (client_crl) was to be renewed by {at}: clients' certificates are refused \
             until it is"
        ))
    }
}
