//! Clients that show certificates.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rcgen::{
    CertificateRevocationListParams, ExtendedKeyUsagePurpose, KeyIdMethod, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::version::{TLS12, TLS13};
use testkit::{Answer, Authority, Issued, TlsDialer};

use super::house::House;

/// A gateway that asks its clients for certificates of an authority of their own.
fn house(more: &str) -> (House, Authority) {
    let clients = Authority::new("clients' authority");
    let more = format!(", client_ca=\"{}\"{more}", clients.file().display());
    let house =
        House::with(Authority::new("test authority"), &more, |options| options.set("log.level=debug"));
    (house, clients)
}

fn client(authority: &Authority, name: &str, serial: u64) -> Issued {
    authority.issue(name, &[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from(serial));
    })
}

/// Asks for something; a refusal of TLS 1.3 comes behind the client's own handshake.
async fn ask(house: &House, dialer: &TlsDialer) -> Option<Answer> {
    let stream = dialer.dial(house.address()).await.ok()?;
    let answer = testkit::exchange_on(stream, &testkit::request("GET", "/health/live", &[], None)).await;
    (answer.status != 0).then_some(answer)
}

#[tokio::test]
async fn a_required_certificate_lets_in_who_shows_one_and_nobody_else() {
    let (house, clients) = house("");
    let alice = client(&clients, "alice", 1);
    let stranger = client(&Authority::new("clients' authority"), "alice", 1);
    for version in [&TLS12, &TLS13] {
        let dial = || house.authority.client().version(version);
        assert_eq!(ask(&house, &dial().ready()).await.map(|a| a.status), None, "without one");
        assert_eq!(
            ask(&house, &dial().identity(&stranger).ready()).await.map(|a| a.status),
            None,
            "a stranger's"
        );
        assert_eq!(ask(&house, &dial().identity(&alice).ready()).await.map(|a| a.status), Some(200));
    }
    house.gateway.reaches(&House::result("client_certificate"), 4.0).await;
    assert!(house.gateway.log().contains("CN=alice"), "the access log knows who it was");
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing_but_not_wrong() {
    let (house, clients) = house(", client_auth=\"optional\"");
    let alice = client(&clients, "alice", 1);
    let expired = clients.issue("bob", &[], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let status = async |dialer: TlsDialer| ask(&house, &dialer).await.map(|answer| answer.status);
    let dial = || house.authority.client();
    assert_eq!(status(dial().ready()).await, Some(200));
    assert_eq!(status(dial().identity(&alice).ready()).await, Some(200));
    assert_eq!(status(dial().identity(&expired).ready()).await, None);
}

/// A time that is far off, in seconds since 1970.
const FAR: u64 = 4_000_000_000;

/// The authority's list of whom it has revoked, which holds until `due`.
fn revoke(authority: &Authority, serials: &[u64], due: u64) {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(1970, 1, 1) + Duration::from_secs(due),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(authority.issuer()).unwrap().pem().unwrap();
    std::fs::write(authority.folder().join("revoked.pem"), list).unwrap();
}

/// The settings of a listener that goes by it.
fn listed(authority: &Authority) -> String {
    let list = authority.folder().join("revoked.pem");
    format!(", client_ca=\"{}\", client_crl=\"{}\"", authority.file().display(), list.display())
}

#[tokio::test]
async fn a_list_that_was_not_renewed_in_time_lets_nobody_in() {
    let clients = Authority::new("clients' authority");
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3;
    revoke(&clients, &[7], due);
    let house = House::new(&listed(&clients));
    let alice = client(&clients, "alice", 1);
    let status = async || {
        let dialer = house.authority.client().identity(&alice).ready();
        ask(&house, &dialer).await.map(|answer| answer.status)
    };
    assert_eq!(status().await, Some(200));
    let deadline = Instant::now() + Duration::from_secs(20);
    while status().await.is_some() || !house.gateway.log().contains("was to be renewed by") {
        assert!(Instant::now() < deadline, "it has had its time\n{}", house.gateway.log());
    }
    revoke(&clients, &[7], FAR);
    house.gateway.signal(testkit::Signal::HUP);
    house.gateway.reaches("tidegate_tls_reloads_total{result=\"ok\"}", 2.0).await;
    assert_eq!(status().await, Some(200), "and has it again");
}

#[tokio::test]
async fn who_is_revoked_stays_out_with_a_ticket_too() {
    let clients = Authority::new("clients' authority");
    revoke(&clients, &[7], FAR);
    let house = House::new(&listed(&clients));
    let dial = |identity| house.authority.client().identity(identity).ready();
    let (alice, bob) = (dial(&client(&clients, "alice", 1)), dial(&client(&clients, "bob", 7)));
    let status = async |dialer: &TlsDialer| ask(&house, dialer).await.map(|answer| answer.status);
    assert_eq!(status(&bob).await, None);
    assert_eq!(status(&alice).await, Some(200));
    assert_eq!(status(&alice).await, Some(200));
    house.gateway.reaches("tidegate_tls_resumed_total", 1.0).await;
    revoke(&clients, &[1, 7], FAR);
    house.gateway.signal(testkit::Signal::HUP);
    house.gateway.reaches("tidegate_tls_reloads_total{result=\"ok\"}", 1.0).await;
    assert_eq!(status(&alice).await, None, "her ticket opens nothing any more");
}
