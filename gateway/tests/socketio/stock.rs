//! The stock clients of Socket.IO, as they come from npm and PyPI: plain, and under TLS. `scripts/test-tools` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Authority, Gateway};

use super::recovery::keeping;
use super::{gateway, now, token};

/// The scripts that Python and Node.js run.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

fn tools() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools")
}

/// Runs a script to its end, which is to be a good one.
fn run(command: &mut Command, gateway: &Gateway, scheme: &str) {
    command.env("GATEWAY", format!("{scheme}://localhost:{}", gateway.address().port()));
    command.env("TOKEN", token("u1", now() + 600)).env("TOOLS", tools());
    let ended = command.output().expect("a program is missing: run scripts/test-tools");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{command:?}\n{out}\n{err}\n{}", gateway.log());
}

fn node(script: &str, gateway: &Gateway, scheme: &str, authority: Option<&Authority>) {
    let mut node = Command::new("node");
    if let Some(authority) = authority {
        node.env("NODE_EXTRA_CA_CERTS", authority.file());
    }
    run(node.arg(Path::new(SCRIPTS).join("node").join(script)), gateway, scheme);
}

#[test]
fn the_client_for_browsers_and_node_works_unmodified() {
    node("socketio.mjs", &gateway(&[]), "http", None);
}

#[test]
fn it_goes_on_where_it_was_when_it_loses_its_connection() {
    node("socketio_recovery.mjs", &keeping(&[]), "http", None);
}

#[test]
fn it_works_under_tls_too() {
    let authority = Authority::new("stock clients");
    let issued = authority.issue("server", &["localhost"], |_| {});
    let (certificate, key) = (issued.certificate.display(), issued.key.display());
    let listener = format!(
        r#"listener=[{{name="main", address="127.0.0.1:0", tls={{certificate="{certificate}", key="{key}"}}}}]"#
    );
    node("socketio.mjs", &gateway(&[&listener]), "https", Some(&authority));
}

#[test]
fn the_clients_for_python_work_unmodified() {
    let gateway = gateway(&[]);
    let mut python = Command::new(tools().join("python/bin/python"));
    run(python.arg(Path::new(SCRIPTS).join("python/socketio_stock.py")), &gateway, "http");
}
