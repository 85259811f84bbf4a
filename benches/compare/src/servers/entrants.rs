//! The table of servers.

use std::fs;
use std::io;
use std::process::Command;

use super::{Error, Server, wires};
use crate::load::Wire;
use crate::place::Place;
use crate::sample;
use crate::tls::Identity;

/// A server that can be measured.
#[derive(Debug)]
pub struct Entrant {
    /// What arguments call it.
    pub name: &'static str,
    /// What tables call it.
    pub title: &'static str,
    /// The most connections that it is measured with: the slow ones would take minutes to take more in.
    pub most: usize,
    command: fn(&Place, u16) -> io::Result<Command>,
    wire: fn() -> Wire,
}

/// All servers, in the order of the tables.
pub const ENTRANTS: &[Entrant] = &[
    Entrant {
        name: "floor",
        title: "floor (the kernel alone)",
        most: MANY,
        command: floor,
        wire: wires::bare,
    },
    Entrant { name: "tidegate", title: "Tidegate", most: MANY, command: tidegate, wire: room },
    Entrant {
        name: "tidegate-2",
        title: "Tidegate, two shards on two cores",
        most: MANY,
        command: two_shards,
        wire: room,
    },
    Entrant {
        name: "uwebsockets",
        title: "uWebSockets (C++)",
        most: MANY,
        command: |place, port| made(place, "uwebsockets", port),
        wire: wires::bare,
    },
    Entrant {
        name: "socketify",
        title: "socketify (uWebSockets below Python)",
        most: MANY,
        command: socketify,
        wire: wires::bare,
    },
    Entrant {
        name: "tungstenite",
        title: "tokio-tungstenite + broadcast",
        most: MANY,
        command: |place, port| made(place, "cargo/release/tungstenite", port),
        wire: wires::bare,
    },
    Entrant {
        name: "axum",
        title: "axum + broadcast",
        most: MANY,
        command: |place, port| made(place, "cargo/release/axum", port),
        wire: wires::bare,
    },
    Entrant { name: "nchan", title: "nchan (nginx, C)", most: MANY, command: nchan, wire: wires::bare },
    Entrant {
        name: "ws",
        title: "ws (Node)",
        most: MANY,
        command: |place, port| node(place, "ws.js", port),
        wire: wires::bare,
    },
    Entrant {
        name: "socket.io",
        title: "Socket.IO (Node)",
        most: MANY,
        command: |place, port| node(place, "socketio.js", port),
        wire: wires::socket_io,
    },
    Entrant {
        name: "fastapi",
        title: "FastAPI on uvicorn, send in a loop",
        most: FEW,
        command: |place, port| python(place, "fastapi_server.py", port),
        wire: wires::bare,
    },
    Entrant {
        name: "python-socketio",
        title: "python-socketio on uvicorn",
        most: FEW,
        command: |place, port| python(place, "socketio_server.py", port),
        wire: wires::socket_io,
    },
];

/// As many as a process may have files open on most machines, with some to spare.
const MANY: usize = 15_000;
/// As many as are let in and served within seconds by the slowest.
const FEW: usize = 300;

/// The server of that name.
pub fn entrant(name: &str) -> Option<&'static Entrant> {
    ENTRANTS.iter().find(|entrant| entrant.name == name)
}

impl Entrant {
    /// Starts one of its kind.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn start(&self, place: &Place) -> Result<Server, Error> {
        self.start_with(place, &[])
    }

    /// Starts one with further arguments.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn start_with(&self, place: &Place, arguments: &[&str]) -> Result<Server, Error> {
        let command = |port| {
            let mut command = (self.command)(place, port)?;
            command.args(arguments);
            Ok(command)
        };
        Server::start(place, self.name, command, (self.wire)(), None)
    }
}

/// The gateway with TLS.
///
/// # Errors
/// Where it does not run.
pub fn gateway_tls(place: &Place, identity: &Identity) -> Result<Server, sample::Error> {
    let command = |port| {
        let mut command = tidegate(place, port)?;
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        let tls = format!("listener.main.tls={{certificate=\"{certificate}\", key=\"{key}\"}}");
        command.args(["--set", &tls]);
        Ok(command)
    };
    Ok(Server::start(place, "tidegate-tls", command, room(), Some(identity.client()?))?)
}

/// uWebSockets, whose subscribers ask to be in.
///
/// # Errors
/// Where it does not run.
pub fn uwebsockets_asked(place: &Place) -> Result<Server, Error> {
    Server::start(place, "uwebsockets", |port| made(place, "uwebsockets", port), wires::asking(), None)
}

/// A loop of rustls that accepts, and nothing else.
///
/// # Errors
/// Where it does not run.
pub fn bare_tls(place: &Place, identity: &Identity) -> Result<Server, sample::Error> {
    let command = |port: u16| {
        let mut command = place.pinned(place.made("release/handshakes"));
        command.arg(port.to_string()).arg(&identity.certificate).arg(&identity.key);
        Ok(command)
    };
    Ok(Server::start(place, "handshakes", command, wires::bare(), Some(identity.client()?))?)
}

/// Where nothing else is said of the room.
fn room() -> Wire {
    wires::rooms("room:")
}

fn floor(place: &Place, port: u16) -> io::Result<Command> {
    let mut command = place.pinned(place.made("release/floor"));
    command.arg(port.to_string());
    Ok(command)
}

fn tidegate(place: &Place, port: u16) -> io::Result<Command> {
    gateway(place.pinned(place.made("release/tidegate")), place, port, 1)
}

/// On the server's core and the load's: a machine with two has no other.
fn two_shards(place: &Place, port: u16) -> io::Result<Command> {
    gateway(place.with_both().pinned(place.made("release/tidegate")), place, port, 2)
}

fn gateway(mut command: Command, place: &Place, port: u16, shards: usize) -> io::Result<Command> {
    command.args(["serve", "--config"]).arg(place.source("benches/compare/gateway.toml"));
    command.arg("--data").arg(place.made("compare/data"));
    command.args(["--set", &format!("shards={shards}"), "--listen", &format!("127.0.0.1:{port}")]);
    Ok(command)
}

/// A program that `benches/rivals/prepare` builds.
fn made(place: &Place, program: &str, port: u16) -> io::Result<Command> {
    let mut command = place.pinned(place.rival(program)?);
    command.arg(port.to_string());
    Ok(command)
}

fn node(place: &Place, script: &str, port: u16) -> io::Result<Command> {
    let modules = place.rival("node/node_modules")?;
    let mut command = place.pinned("node");
    command.arg(place.source("benches/rivals/node").join(script)).arg(port.to_string());
    command.env("NODE_PATH", modules);
    Ok(command)
}

fn python(place: &Place, script: &str, port: u16) -> io::Result<Command> {
    let mut command = place.pinned(place.rival("python/bin/python")?);
    command.arg(place.source("benches/rivals/python").join(script)).arg(port.to_string());
    Ok(command)
}

fn socketify(place: &Place, port: u16) -> io::Result<Command> {
    let mut command = python(place, "socketify_server.py", port)?;
    command.env("LD_LIBRARY_PATH", place.rival("libuv")?);
    Ok(command)
}

fn nchan(place: &Place, port: u16) -> io::Result<Command> {
    let folder = place.rival("nginx")?;
    let text = fs::read_to_string(place.source("benches/rivals/nchan.conf"))?;
    let text = text.replace("PORT", &port.to_string()).replace("FOLDER", &folder.to_string_lossy());
    let text = text.replace("MODULES", &folder.join("usr/lib/nginx/modules").to_string_lossy());
    let config = folder.join("nginx.conf");
    fs::write(&config, text)?;
    let mut command = place.pinned(folder.join("usr/sbin/nginx"));
    command.args(["-e", "stderr", "-p"]).arg(&folder).arg("-c").arg(&config);
    Ok(command)
}
