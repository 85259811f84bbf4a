//! What the authority issues.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The authority's own life.
const TEN_YEARS: u32 = 3650;
/// Clocks differ: a certificate is valid from a little before it is made.
const EARLIER: Duration = Duration::from_secs(3600);

/// A certificate and its key, PEM both.
type Pair = (String, String);

/// Why a certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadCertificate {
    /// The authority's files hold something else.
    #[error("ca.pem and ca.key are no authority: {0}")]
    Authority(rcgen::Error),
    /// Of a name that no certificate can have, for example.
    #[error("the certificate cannot be made: {0}")]
    Issue(#[from] rcgen::Error),
}

/// How long a certificate is valid.
#[derive(Clone, Copy)]
pub(super) struct Lifetime {
    from: Duration,
    to: Duration,
}

impl Lifetime {
    /// From now on, so many days.
    pub(super) fn days(days: u32) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let from = now.saturating_sub(EARLIER);
        Self { from, to: from + DAY * days }
    }

    fn apply(self, params: &mut CertificateParams) {
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + self.from;
        params.not_after = epoch + self.to;
    }
}

/// Issues certificates for development.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// A new one.
    pub(super) fn new() -> Result<Self, BadCertificate> {
        let mut params = named("Tidegate development authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Lifetime::days(TEN_YEARS).apply(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// One that was made before.
    pub(super) fn from_pem(certificate: &str, key: &str) -> Result<Self, BadCertificate> {
        let key = KeyPair::from_pem(key).map_err(BadCertificate::Authority)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(BadCertificate::Authority)?;
        Ok(Self { issuer, certificate: certificate.to_owned() })
    }

    pub(super) fn certificate(&self) -> String {
        self.certificate.clone()
    }

    pub(super) fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// For the gateway, under these hosts.
    pub(super) fn server(&self, hosts: &[String], lifetime: Lifetime) -> Result<Pair, BadCertificate> {
        let mut params = named(hosts.first().map_or("localhost", String::as_str));
        params.subject_alt_names = CertificateParams::new(hosts.to_vec())?.subject_alt_names;
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth, lifetime)
    }

    /// For a client of this name.
    pub(super) fn client(&self, name: &str, lifetime: Lifetime) -> Result<Pair, BadCertificate> {
        self.issue(named(name), ExtendedKeyUsagePurpose::ClientAuth, lifetime)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        purpose: ExtendedKeyUsagePurpose,
        lifetime: Lifetime,
    ) -> Result<Pair, BadCertificate> {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        lifetime.apply(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Tidegate development");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
