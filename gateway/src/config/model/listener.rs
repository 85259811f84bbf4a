//! Settings of a listener.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address that is listened on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Listener")]
pub struct Config {
    /// What it is called in logs and in the ready file.
    pub name: String,
    /// The address and port; port 0 takes a free one.
    #[schemars(with = "String")]
    pub address: SocketAddr,
    /// Names besides loopback under which anonymous rights hold (the request's `Host`, without its port); `"*"` is
    /// any. Under another name a request has no rights, because any web page could have sent it.
    pub hosts: Vec<String>,
}

impl Config {
    /// Whether other machines reach it.
    pub fn is_exposed(&self) -> bool {
        !self.address.ip().to_canonical().is_loopback()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { name: "main".into(), address: (Ipv4Addr::LOCALHOST, 8080).into(), hosts: Vec::new() }
    }
}
