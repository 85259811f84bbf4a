//! The whole contract of the plugin, asked of a real gateway from outside: in a process of its own, with the profile
//! `config/immune.toml`, on a new store, with both plugins loaded from their libraries.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod contract {
    mod alone;
    mod assignment;
    mod checks;
    mod consensus;
    mod durability;
    mod elections;
    mod electorate;
    mod events;
    mod fixture;
    mod flows;
    mod leaders;
    mod listener;
    mod lists;
    mod parallel;
    mod races;
    mod resumption;
    mod routes;
    mod status;
    mod tasks;
    mod timeouts;
    mod transitions;
    mod validation;
    mod votes;

    pub(crate) use checks::*;
    pub(crate) use fixture::*;
    pub(crate) use listener::Listener;
}

use contract::*;
