//! Settings of a listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::tls::{self, Clients, NameKind, PairFiles};
use crate::units::{Network, Period};
use crate::web::Part;

/// An address that is listened on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Listener")]
pub struct Config {
    /// What it is called in logs and in the ready file.
    pub name: String,
    /// The address and port; port 0 takes a free one.
    #[schemars(with = "String")]
    pub address: SocketAddr,
    /// Names besides loopback under which anonymous rights hold (the request's `Host`, without its port); `"*"` is
    /// any. Under another name a request has no rights, because any web page could have sent it.
    pub hosts: Vec<String>,
    /// What is there; the rest answers 404, as if it did not exist. `endpoints`: the paths of `[[endpoint]]`;
    /// `plugins`: the routes of plugins; `api`: `/`, `/api/v1`, `/ws/stats`, `/ws/broadcast`, `/openapi.json`,
    /// `/asyncapi.json`, `/docs` and `/playground`;
    /// `metrics`: `/metrics` and all below it; `admin`: `/admin` and all below it. `/health` is where `api` or
    /// `metrics` are.
    pub serves: Vec<Part>,
    /// Proxies in front, which are believed who their clients are: `Forwarded` or `X-Forwarded-For`, from the
    /// right up to the first address that is not in here, and `X-Forwarded-Proto`. From others these are ignored.
    /// `X-Forwarded-Host` always is: `Host` counts, which a proxy passes on.
    pub trusted_proxies: Vec<Network>,
    /// Whether each connection begins with a header of the PROXY protocol (version 1 or 2), before TLS, that
    /// says whose it is. A connection without is closed; so is one of a peer that is not in `trusted_proxies`, where
    /// that names any.
    pub proxy_protocol: bool,
    /// For how long browsers that came under TLS use nothing else for this host (`Strict-Transport-Security`);
    /// `"0s"`: they are not told. Left out: a year in production, nothing in development.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Period>,
    /// The name of a listener with TLS, to which clients are sent on from here; nothing else is served here then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// The certificates that it speaks TLS with; left out: it speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

impl Config {
    /// Whether other machines reach it.
    pub fn is_exposed(&self) -> bool {
        !self.address.ip().to_canonical().is_loopback()
    }

    /// Whether this part is there. Where clients are sent on, nothing is.
    pub fn serves(&self, part: Part) -> bool {
        self.redirect.is_none() && self.serves.contains(&part)
    }

    /// For how long browsers are to come back by TLS alone.
    pub fn hsts(&self, environment: Environment) -> Option<Period> {
        let usual = match environment {
            Environment::Production => Period::seconds(365 * 24 * 3600),
            Environment::Development => Period::default(),
        };
        Some(self.hsts.unwrap_or(usual)).filter(|age| !age.is_zero())
    }
}

impl Default for Config {
    fn default() -> Self {
        let address = (Ipv4Addr::LOCALHOST, 8080).into();
        Self {
            name: "main".into(),
            address,
            hosts: Vec::new(),
            serves: Part::ALL.into(),
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            hsts: None,
            redirect: None,
            tls: None,
        }
    }
}

impl Config {
    /// What its TLS is made from; none where it speaks none.
    pub fn tls_settings(&self) -> Option<tls::Settings> {
        let tls = self.tls.as_ref()?;
        let pair = |certificate: &PathBuf, key: &PathBuf, ocsp: &Option<PathBuf>| PairFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            ocsp: ocsp.clone(),
        };
        let first = std::iter::once(pair(&tls.certificate, &tls.key, &tls.ocsp));
        let more = tls.more.iter().map(|more| pair(&more.certificate, &more.key, &more.ocsp));
        let clients = tls.client_ca.as_ref().map(|ca| Clients {
            ca: ca.clone(),
            crl: tls.client_crl.clone(),
            required: tls.client_auth == ClientAuth::Required,
            names: tls.client_name.iter().copied().map(NameKind::from).collect(),
        });
        Some(tls::Settings {
            listener: self.name.as_str().into(),
            pairs: first.chain(more).collect(),
            clients,
        })
    }
}

/// TLS of a listener. Its files are looked at while it runs, and read again when they have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM: the certificate, and behind it those that it was issued by, without the root. It is shown to clients that
    /// name no host, or one that no certificate is for.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// DER: the answer of its issuer's OCSP responder, which is shown with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<PathBuf>,
    /// Certificates for other hosts, shown to clients that name one of theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Certificate>,
    /// How long a handshake may take.
    pub handshake_timeout: Period,
    /// PEM: the authorities whose certificates clients may show; left out: clients are not asked for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Whether a client must show a certificate, where there is `client_ca`.
    pub client_auth: ClientAuth,
    /// PEM: the clients' certificates that are revoked. Those of an authority that has no list here are refused, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_crl: Option<PathBuf>,
    /// Where the name of a client's certificate is looked for: the first that is there.
    pub client_name: Vec<ClientName>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            ocsp: None,
            more: Vec::new(),
            handshake_timeout: Period::seconds(10),
            client_ca: None,
            client_auth: ClientAuth::Required,
            client_crl: None,
            client_name: vec![ClientName::Cn, ClientName::Uri, ClientName::Dns, ClientName::Email],
        }
    }
}

/// A certificate for hosts of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Certificate {
    /// PEM: the certificate, and behind it those that it was issued by, without the root.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// DER: the answer of its issuer's OCSP responder, which is shown with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<PathBuf>,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Who has none is refused by the handshake.
    #[default]
    Required,
    /// Who has none is let in without; a bad one is refused.
    Optional,
}

/// A place of a certificate where its bearer's name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientName {
    /// The subject's common name.
    Cn,
    /// A URI among its alternative names, as `spiffe://example.com/backend`.
    Uri,
    /// A host among them.
    Dns,
    /// An address of e-mail among them.
    Email,
}

impl From<ClientName> for NameKind {
    fn from(name: ClientName) -> Self {
        match name {
            ClientName::Cn => Self::CommonName,
            ClientName::Uri => Self::Uri,
            ClientName::Dns => Self::Dns,
            ClientName::Email => Self::Email,
        }
    }
}
