//! `floor PORT`: the least that a fan-out server can do, on loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use clap::Parser;
use tidegate_compare::{files, floor};

/// Sends what one publishes (GET /pub…) to all others, with one send() per subscriber and read, and does nothing else.
#[derive(Parser)]
struct Arguments {
    /// Where to listen on 127.0.0.1
    port: u16,
}

fn main() -> ExitCode {
    files::raise();
    let address = (Ipv4Addr::LOCALHOST, Arguments::parse().port);
    let error = match TcpListener::bind(address).and_then(|listener| floor::serve(&listener)) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    eprintln!("floor: port {}: {error}", address.1);
    ExitCode::FAILURE
}
