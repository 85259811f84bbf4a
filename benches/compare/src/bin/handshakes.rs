//! `handshakes PORT CERTIFICATE KEY`: a bare loop of rustls, on loopback.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tidegate_compare::files;
use tidegate_compare::tls::Identity;
use tidegate_compare::websocket::SWITCHED;

/// Accepts, shakes hands, answers the first request with 101, and keeps the connection; one after the other.
#[derive(Parser)]
struct Arguments {
    /// Where to listen on 127.0.0.1
    port: u16,
    /// The certificate, PEM
    certificate: PathBuf,
    /// Its key, PEM
    key: PathBuf,
}

fn serve(port: u16, config: &Arc<ServerConfig>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let mut kept = Vec::new();
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        let mut client = StreamOwned::new(session, stream);
        // Who only looks whether somebody listens is let go.
        if client.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
            client.write_all(SWITCHED.as_bytes())?;
            kept.push(client);
        }
    }
}

fn main() -> ExitCode {
    let Arguments { port, certificate, key } = Arguments::parse();
    files::raise();
    let config = Identity { certificate, key }.server().map_err(|error| error.to_string());
    match config.and_then(|config| serve(port, &config).map_err(|error| format!("port {port}: {error}"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("handshakes: {error}");
            ExitCode::FAILURE
        }
    }
}
