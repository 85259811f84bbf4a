//! A service under TLS.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use testkit::{Authority, Issued};

use crate::{ask, start};

/// A server that answers each connection once.
fn serve(issued: &Issued) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(&issued.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&issued.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket.unwrap());
            // A client that does not trust us is gone.
            let Ok(_) = stream.read(&mut [0; 16 * 1024]) else { continue };
            let body = r#"{"content": "secretly"}"#;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _gone = stream.write_all((head + body).as_bytes()).and_then(|()| stream.flush());
        }
    });
    address
}

#[test]
fn it_is_trusted_where_the_settings_say_so_and_for_its_own_name_alone() {
    let authority = Authority::new("ours");
    let address = serve(&authority.issue("server", &["localhost"], |_| {}));
    let settings = |host: &str, ca: bool| {
        let mut http = json!({"url": format!("https://{host}:{}/", address.port())});
        if ca {
            http["ca_file"] = json!(authority.file());
        }
        json!({"backend": "http", "http": http, "retries": {"most": 0}})
    };
    let host = start(settings("localhost", true));
    assert_eq!(ask(&host, "hi").data["content"], "secretly");
    host.stop();
    for wrong in [settings("localhost", false), settings("127.0.0.1", true)] {
        let host = start(wrong);
        let answer = ask(&host, "hi");
        assert_eq!(answer.message, "The assistant cannot answer: its back end cannot be reached");
        assert!(host.log().iter().any(|line| line.message.contains("certificate")), "{:?}", host.log());
        host.stop();
    }
}
