//! The ready file: who waits for the gateway learns from it that it is ready, and where.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

/// Writes `{"pid", "listeners": [{"name", "address"}]}` whole or not at all.
pub(super) fn write(path: &Path, addresses: &[(Arc<str>, SocketAddr)]) -> io::Result<()> {
    let listeners: Vec<_> = addresses
        .iter()
        .map(|(name, address)| json!({ "name": &**name, "address": address.to_string() }))
        .collect();
    let text = json!({ "pid": std::process::id(), "listeners": listeners }).to_string();
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}
