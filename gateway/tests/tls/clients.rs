//! Clients that show certificates.

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

#[tokio::test]
async fn who_is_revoked_stays_out_with_a_ticket_too() {
    let clients = Authority::new("clients' authority");
    let list = clients.folder().join("revoked.pem");
    let revoke = |serials: &[u64]| {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        std::fs::write(&list, params.signed_by(clients.issuer()).unwrap().pem().unwrap()).unwrap();
    };
    revoke(&[7]);
    let more = format!(", client_ca=\"{}\", client_crl=\"{}\"", clients.file().display(), list.display());
    let house = House::new(&more);
    let dial = |identity| house.authority.client().identity(identity).ready();
    let (alice, bob) = (dial(&client(&clients, "alice", 1)), dial(&client(&clients, "bob", 7)));
    let status = async |dialer: &TlsDialer| ask(&house, dialer).await.map(|answer| answer.status);
    assert_eq!(status(&bob).await, None);
    assert_eq!(status(&alice).await, Some(200));
    assert_eq!(status(&alice).await, Some(200));
    assert_eq!(house.gateway.metric("tidegate_tls_resumed_total").await, 1.0);
    revoke(&[1, 7]);
    house.gateway.signal(testkit::Signal::HUP);
    house.gateway.reaches("tidegate_tls_reloads_total{result=\"ok\"}", 1.0).await;
    assert_eq!(status(&alice).await, None, "her ticket opens nothing any more");
}
