//! What others make of the documents: public validators of both, and schemathesis, which tries out what `/openapi.json`
//! says. `scripts/test-tools` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testkit::Gateway;

use crate::{options, start};

/// The scripts that Python and Node.js run.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// A folder that `scripts/test-tools` has filled.
fn tools(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join(name);
    assert!(folder.exists(), "{} is missing: run scripts/test-tools", folder.display());
    folder
}

/// Runs a tool to its end, which is to be a good one.
fn run(command: &mut Command) {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: run scripts/test-tools"));
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}\n{out}\n{err}");
}

fn url(gateway: &Gateway, path: &str) -> String {
    format!("http://{}{path}", gateway.address())
}

#[test]
fn openapi_is_valid_for_its_public_validator() {
    let endpoints = r#"endpoint=[{path="/events",transport="sse"},{path="/poll",transport="poll"}]"#;
    let gateway = start(options().set(endpoints));
    let script = Path::new(SCRIPTS).join("python/openapi.py");
    run(Command::new(tools("python").join("bin/python")).arg(script).arg(url(&gateway, "/openapi.json")));
}

#[test]
fn asyncapi_is_valid_for_its_public_parser() {
    let endpoints = r#"endpoint=[{path="/ws"},{path="/second"},{path="/echo-test",dialect="echo"},
        {path="/topics",dialect="topics"},{path="/stream",dialect="stream"},{path="/chat",dialect="envelope"}]"#;
    let gateway = start(options().set(endpoints));
    let script = Path::new(SCRIPTS).join("node/asyncapi.mjs");
    run(Command::new("node")
        .env("TOOLS", tools("asyncapi"))
        .arg(script)
        .arg(url(&gateway, "/asyncapi.json")));
}

/// Examples, the edges of every schema, random requests good and bad, and sequences of them; each answer is held to
/// what the document says of it. The seed is fixed, so that a failure comes again.
#[test]
fn the_gateway_does_what_openapi_says() {
    let gateway = start(options());
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(tools("python").join("bin/schemathesis"))
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(Path::new(SCRIPTS).join("python/schemathesis.toml"))
        .args(["run", &url(&gateway, "/openapi.json"), "--checks", "all", "--phases"])
        .args(["examples,coverage,fuzzing,stateful", "--max-examples", "20", "--seed", "1"])
        .args(["--continue-on-failure", "--no-color", "--request-timeout", "10"]));
}
