//! Which certificate a client is shown, by the host that it names.

use std::sync::Arc;

use hashbrown::HashMap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::Pair;

/// By a host's name; where several certificates are for one, as with two kinds of keys, in the configuration's order.
type Table = HashMap<String, Vec<Arc<CertifiedKey>>>;

/// A listener's certificates.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: Table,
    /// By what stands behind `*.`: the star is exactly one level (RFC 6125, section 6.4.3).
    wildcard: Table,
    first: Option<Arc<CertifiedKey>>,
}

impl Names {
    pub(super) fn new(pairs: &[Pair]) -> Self {
        let mut names =
            Self { first: pairs.first().map(|pair| Arc::clone(&pair.certified)), ..Self::default() };
        for pair in pairs {
            for name in &pair.names {
                let (table, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wildcard, parent),
                    None => (&mut names.exact, name.as_str()),
                };
                table.entry_ref(name).or_default().push(Arc::clone(&pair.certified));
            }
        }
        names
    }

    fn find(&self, host: &str) -> Option<&[Arc<CertifiedKey>]> {
        let parent = || self.wildcard.get(host.split_once('.')?.1);
        self.exact.get(host).or_else(parent).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|host| self.find(&host.to_ascii_lowercase()));
        let candidates = named.unwrap_or_default();
        let schemes = hello.signature_schemes();
        let fits = candidates.iter().find(|certified| certified.key.choose_scheme(schemes).is_some());
        fits.or(candidates.first()).or(self.first.as_ref()).cloned()
    }
}
