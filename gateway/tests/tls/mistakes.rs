//! Certificates that cannot be used are refused at start, with the file and what is wrong with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use rcgen::{CertificateParams, DnType, date_time_ymd};
use testkit::{Authority, Issued};

use super::house::listeners;

fn run(command: &str, setting: &str) -> Output {
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    gateway.args([command, "--set", setting, "--set", "listener.0.address=127.0.0.1:0"]).output().unwrap()
}

/// `check` and `serve` both refuse it, and say `part`.
#[track_caller]
fn refused(setting: &str, part: &str) {
    for command in ["check", "serve"] {
        let output = run(command, setting);
        let said = String::from_utf8_lossy(if command == "check" { &output.stdout } else { &output.stderr });
        assert_eq!(output.status.code(), Some(64), "{command}: {said}");
        assert!(said.contains(part), "{command} does not say {part:?}: {said}");
    }
}

#[track_caller]
fn warned(issued: &Issued, part: &str) {
    let output = run("check", &listeners(issued, ""));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("warning") && said.contains(part), "{part:?} is not in {said}");
}

fn server(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Issued {
    authority.issue("server", &["localhost"], change)
}

#[test]
fn what_is_wrong_with_a_certificate_or_key_is_said() {
    let authority = Authority::new("test authority");
    let expired = server(&authority, |params| params.not_after = date_time_ymd(2020, 1, 1));
    refused(&listeners(&expired, ""), "server.pem has expired at 2020-01-01T00:00:00Z");
    let early = server(&authority, |params| params.not_before = date_time_ymd(2090, 1, 1));
    refused(&listeners(&early, ""), "server.pem is not valid before 2090-01-01T00:00:00Z");
    let other = authority.issue("other", &["localhost"], |_| {});
    let good = server(&authority, |_| {});
    fs::copy(&other.key, &good.key).unwrap();
    refused(&listeners(&good, ""), "server.key is not the key of the certificate in");
    fs::write(&good.key, "nothing").unwrap();
    refused(&listeners(&good, ""), "server.key holds no private key");
    fs::write(
        &good.key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    refused(&listeners(&good, ""), "server.key: the key is encrypted");
    fs::remove_file(&good.key).unwrap();
    refused(&listeners(&good, ""), "server.key cannot be read: No such file");
    fs::copy(&other.key, &good.certificate).unwrap();
    refused(&listeners(&good, ""), "server.pem holds no certificate");
    fs::write(&good.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    refused(&listeners(&good, ""), "server.pem: certificate 1 cannot be read");
}

#[test]
fn a_chain_with_a_hole_is_said_to_have_one() {
    let (authority, stranger) = (Authority::new("test authority"), Authority::new("stranger"));
    let issued = server(&authority, |_| {});
    let chain =
        fs::read_to_string(&issued.certificate).unwrap() + &fs::read_to_string(stranger.file()).unwrap();
    fs::write(&issued.certificate, chain).unwrap();
    refused(&listeners(&issued, ""), "the chain in");
    refused(&listeners(&issued, ""), "was issued by \"CN=test authority\"");
}

#[test]
fn what_is_risky_is_warned_of() {
    let authority = Authority::new("test authority");
    let issued = server(&authority, |_| {});
    fs::set_permissions(&issued.key, fs::Permissions::from_mode(0o644)).unwrap();
    warned(&issued, "server.key can be read by everyone");
    let soon = server(&authority, |params| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + now + std::time::Duration::from_secs(24 * 3600);
    });
    warned(&soon, "server.pem expires at");
    let nameless = authority.issue("server", &[], |params| {
        params.distinguished_name.push(DnType::CommonName, "localhost");
    });
    warned(&nameless, "names no host");
    let public = server(&authority, |params| {
        // Authority information access: where its issuer's certificate is.
        let extension = rcgen::CustomExtension::from_oid_content(
            &[1, 3, 6, 1, 5, 5, 7, 1, 1],
            b"\x30\x15\x30\x13\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x07http://".to_vec(),
        );
        params.custom_extensions.push(extension);
    });
    warned(&public, "holds one certificate and not that of its issuer, \"CN=test authority\"");
}

#[test]
fn settings_that_do_nothing_are_refused() {
    let authority = Authority::new("test authority");
    let issued = server(&authority, |_| {});
    refused(
        &listeners(&issued, ", client_auth=\"optional\""),
        "listener.1.tls.client_auth: does nothing without",
    );
    refused(&listeners(&issued, ", client_crl=\"x.pem\""), "listener.1.tls.client_crl: does nothing without");
    refused(
        &listeners(&issued, ", handshake_timeout=\"0s\""),
        "handshake_timeout: must be longer than no time",
    );
    let nowhere = listeners(&issued, "").replace("name=\"plain\"", "name=\"plain\", redirect=\"plain\"");
    refused(&nowhere, "listener.0.redirect: \"plain\" is not the name of another listener with `tls`");
    refused("listener=[{tls={key=\"a\"}}]", "must name the file of a certificate");
    let ocsp = format!(", ocsp=\"{}\"", issued.certificate.display());
    refused(&listeners(&issued, &ocsp), "server.pem: is no successful answer of an OCSP responder");
    let ca = issued.key.display().to_string();
    refused(&listeners(&issued, &format!(", client_ca=\"{ca}\"")), "server.key holds no certificate");
    let ca = issued.certificate.display().to_string();
    refused(
        &listeners(&issued, &format!(", client_ca=\"{ca}\", client_crl=\"{ca}\"")),
        "holds no revocation list",
    );
}
