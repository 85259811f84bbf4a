//! TLS behind a balancer, and what browsers are told of TLS.

use testkit::{Answer, Authority, Gateway, Options, TlsDialer, exchange_on, request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::house::listeners;

/// TLS at the second listener, with `more` settings of that listener.
fn start(authority: &Authority, more: &str, set: impl FnOnce(Options) -> Options) -> Gateway {
    let issued = authority.issue("server", &["localhost"], |_| {});
    let both = listeners(&issued, "").replace("name=\"tls\"", &format!("name=\"tls\"{more}"));
    set(Options::new().set(&both)).start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn ask(gateway: &Gateway, dialer: &TlsDialer, before: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(gateway.addresses()[1]).await?;
    stream.write_all(before).await?;
    let stream = dialer.shake(stream).await?;
    Ok(exchange_on(stream, &request("GET", "/ws/stats", &[], None)).await)
}

#[tokio::test]
async fn the_balancers_header_comes_before_the_handshake() {
    let authority = Authority::new("test authority");
    let gateway = start(&authority, ", proxy_protocol=true", |options| {
        options.set("limits.exempt=[]").set("limits.requests={ per_address = \"1/day\", burst = 0 }")
    });
    let dialer = authority.client().ready();
    let line = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 1 443\r\n").into_bytes();
    for (client, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429)] {
        assert_eq!(ask(&gateway, &dialer, &line(client)).await.unwrap().status, status, "{client}");
    }
    assert!(ask(&gateway, &dialer, b"").await.is_err());
    gateway.reaches("tidegate_connections_closed_total{reason=\"proxy_protocol\"}", 1.0).await;
}

#[tokio::test]
async fn browsers_are_told_to_keep_to_tls_where_it_is_meant() {
    let authority = Authority::new("test authority");
    let said = async |gateway: &Gateway| {
        let answer = ask(gateway, &authority.client().ready(), b"").await.unwrap();
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        answer.header("strict-transport-security").map(str::to_owned)
    };
    let year = start(&authority, ", hsts=\"365d\"", |options| options);
    assert_eq!(said(&year).await.as_deref(), Some("max-age=31536000"));
    assert_eq!(year.get("/").await.header("strict-transport-security"), None, "not without TLS");
    let usual = start(&authority, "", |options| options);
    assert_eq!(said(&usual).await, None, "a developer's certificate is nothing to keep to");
    let production = start(&authority, "", |options| {
        options
            .set("environment=production")
            .set("auth.default.anonymous=false")
            .set("api.auth=default")
            .set("auth.default.secret=\"8f2c1b7e9d3a4f5061728394a5b6c7d8e9f0a1b2c3d4e5f6\"")
    });
    assert_eq!(said(&production).await.as_deref(), Some("max-age=31536000"));
}
