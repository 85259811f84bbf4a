//! A gateway with a plain listener and one under TLS.

use std::net::SocketAddr;

use testkit::{
    Answer, Authority, Gateway, Issued, Options, Socket, TlsClient, TlsDialer, exchange_on, request,
};

/// The gateway, and who issued its certificate.
pub(crate) struct House {
    pub(crate) gateway: Gateway,
    pub(crate) authority: Authority,
}

impl House {
    /// With a certificate for `localhost`; `more` is more of the listener's `tls`.
    pub(crate) fn new(more: &str) -> Self {
        Self::with(Authority::new("test authority"), more, |options| options)
    }

    /// The same with an authority that is there already, and more settings.
    pub(crate) fn with(authority: Authority, more: &str, set: impl FnOnce(Options) -> Options) -> Self {
        let issued = authority.issue("server", &["localhost", "127.0.0.1"], |_| {});
        let options = Options::new().set(&listeners(&issued, more));
        let gateway = set(options).start(env!("CARGO_BIN_EXE_tidegate"));
        Self { gateway, authority }
    }

    /// Where TLS is spoken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.addresses()[1]
    }

    /// A client that trusts the gateway.
    pub(crate) fn dialer(&self) -> TlsDialer {
        self.authority.client().ready()
    }

    /// Opens a session under TLS.
    pub(crate) async fn connect(&self, path: &str) -> Socket<TlsClient> {
        let stream = self.dialer().dial(self.address()).await.unwrap();
        Socket::open(stream, &format!("wss://localhost{path}"), &[]).await.unwrap()
    }

    /// Asks for `path` under TLS.
    pub(crate) async fn get(&self, dialer: &TlsDialer, path: &str) -> Answer {
        let stream = dialer.dial(self.address()).await.unwrap();
        exchange_on(stream, &request("GET", path, &[], None)).await
    }

    /// How many handshakes ended so.
    pub(crate) fn result(result: &str) -> String {
        format!("tidegate_tls_handshakes_total{{result=\"{result}\"}}")
    }
}

/// The setting of both listeners.
pub(crate) fn listeners(issued: &Issued, more: &str) -> String {
    let (certificate, key) = (issued.certificate.display(), issued.key.display());
    format!(
        "listener=[{{name=\"plain\"}}, {{name=\"tls\", address=\"127.0.0.1:0\", \
         tls={{certificate=\"{certificate}\", key=\"{key}\"{more}}}}}]"
    )
}
