//! `tidegate certs`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use testkit::{Gateway, Options};

fn certs(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("certs").arg("--out").arg(folder).args(arguments).output().unwrap()
}

fn serve(folder: &Path, more: &str) -> Gateway {
    let file = |name: &str| folder.join(name).display().to_string();
    let tls = format!("tls={{certificate=\"{}\", key=\"{}\"{more}}}", file("server.pem"), file("server.key"));
    Options::new().set(&format!("listener=[{{{tls}}}]")).start(env!("CARGO_BIN_EXE_tidegate"))
}

/// `tidegate listen` on the gateway; its output after a ping was sent.
fn listen(gateway: &Gateway, folder: &Path, more: &[&str]) -> Output {
    let url = format!("wss://localhost:{}/ws", gateway.address().port());
    let script = "(echo '{\"action\":\"ping\"}'; sleep 1) | timeout -s INT 2 \"$0\" listen \"$@\"";
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_tidegate")).arg(url).arg("--json");
    command.arg("--ca").arg(folder.join("ca.pem")).args(more).output().unwrap()
}

#[test]
fn what_it_makes_is_served_and_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("certs");
    let made = certs(&out, &[]);
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && told.contains("curl --cacert"), "{told}");
    for key in ["ca.key", "server.key"] {
        assert_eq!(fs::metadata(out.join(key)).unwrap().mode() & 0o777, 0o600, "{key}");
    }
    let gateway = serve(&out, "");
    let heard = String::from_utf8(listen(&gateway, &out, &[]).stdout).unwrap();
    assert!(heard.contains("\"connected\"") && heard.contains("pong"), "{heard}");
}

#[test]
fn a_client_is_known_by_the_certificate_that_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert!(certs(out, &[]).status.success());
    let server = fs::read(out.join("server.pem")).unwrap();
    assert!(certs(out, &["--client", "alice"]).status.success());
    assert_eq!(fs::read(out.join("server.pem")).unwrap(), server, "only what is asked for is made");
    let gateway = serve(out, &format!(", client_ca=\"{}\"", out.join("ca.pem").display()));
    let refused = listen(&gateway, out, &[]);
    assert!(!refused.status.success(), "no certificate: {}", String::from_utf8_lossy(&refused.stdout));
    let file = |name: &str| out.join(name).display().to_string();
    let (certificate, key) = (file("client-alice.pem"), file("client-alice.key"));
    let heard = listen(&gateway, out, &["--cert", &certificate, "--key", &key]);
    assert!(String::from_utf8_lossy(&heard.stdout).contains("pong"), "{heard:?}");
}

#[test]
fn nothing_is_written_over_unless_it_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert!(certs(out, &["--client", "a"]).status.success());
    let read = |name: &str| fs::read(out.join(name)).unwrap();
    let (ca, server) = (read("ca.pem"), read("server.pem"));
    for arguments in [&[][..], &["--client", "a"], &["--host", "b.test"]] {
        let refused = certs(out, arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is there already; --force replaces it"));
    }
    assert_eq!(read("server.pem"), server);
    assert!(certs(out, &["--force", "--host", "b.test"]).status.success());
    assert_ne!(read("server.pem"), server);
    assert_eq!(read("ca.pem"), ca, "who trusts the authority needs nothing new");
    assert_eq!(certs(out, &["--client", "../x"]).status.code(), Some(1));
    fs::remove_file(out.join("ca.key")).unwrap();
    let half = certs(out, &["--force"]);
    assert!(String::from_utf8_lossy(&half.stderr).contains("ca.key is not"), "{half:?}");
}
