//! The table of servers.

use std::io;
use std::process::Command;

use super::{Error, Server, wires};
use crate::load::Wire;
use crate::place::Place;

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
    Entrant { name: "floor", title: "floor (the kernel alone)", most: 15_000, command: floor, wire: wires::bare },
    Entrant { name: "tidegate", title: "Tidegate", most: 15_000, command: tidegate, wire: wires::rooms },
];

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

fn floor(place: &Place, port: u16) -> io::Result<Command> {
    let mut command = place.pinned(place.made("release/floor"));
    command.arg(port.to_string());
    Ok(command)
}

fn tidegate(place: &Place, port: u16) -> io::Result<Command> {
    let mut command = place.pinned(place.made("release/tidegate"));
    command.args(["serve", "--config"]).arg(place.source("benches/compare/gateway.toml"));
    command.arg("--data").arg(place.made("compare/data"));
    command.args(["--set", "shards=1", "--listen", &format!("127.0.0.1:{port}")]);
    Ok(command)
}
