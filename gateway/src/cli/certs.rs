//! `tidegate certs`: an authority for this machine, and certificates that it issues.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

mod issue;
mod store;

use issue::{Authority, BadCertificate, Lifetime};
use store::{Files, StoreError};

/// The options of `certs`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The folder to write to
    #[arg(short, long, value_name = "DIRECTORY", default_value = "certs")]
    out: PathBuf,
    /// A host that the gateway's certificate is for, a name or an address; may be given more than once
    #[arg(long = "host", value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    hosts: Vec<String>,
    /// How many days the certificates are valid; the authority is for ten years
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Make a client's certificate with this name, too; may be given more than once
    #[arg(long = "client", value_name = "NAME")]
    clients: Vec<String>,
    /// Replace certificates that are there; the authority stays, so that who trusts it needs nothing new
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidegate certs                                        for localhost, 127.0.0.1 and ::1, in certs/
  tidegate certs --host gateway.test --host 10.0.0.7    for other hosts
  tidegate certs --client alice                         a client's certificate, from the same authority

The authority (ca.pem, ca.key) is made where there is none. It is for development: whoever has ca.key can pretend to be
any host to those who trust ca.pem. Without --force nothing that is there is written over.";

/// Why certificates were not made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    #[error("a client's name goes into the name of a file: letters, digits and . _ @ - only, found {0:?}")]
    Name(String),
}

/// Makes what is asked for, and says what it is good for.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match make(arguments) {
        Ok(told) => {
            print!("{told}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn make(arguments: &Arguments) -> Result<String, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let wrong = |name: &&String| name.is_empty() || !name.chars().all(plain) || name.starts_with('.');
    if let Some(name) = arguments.clients.iter().find(wrong) {
        return Err(Failure::Name(name.clone()));
    }
    let mut files = Files::new(&arguments.out, arguments.force);
    let authority = match files.read("ca")? {
        Some((certificate, key)) => Authority::from_pem(&certificate, &key)?,
        None => {
            let authority = Authority::new()?;
            files.add("ca", authority.certificate(), authority.key());
            authority
        }
    };
    let lifetime = Lifetime::days(arguments.days);
    // A client's certificate alone leaves the gateway's as it is.
    let server = arguments.clients.is_empty() || !files.has("server");
    if server {
        let (certificate, key) = authority.server(&arguments.hosts, lifetime)?;
        files.add("server", certificate, key);
    }
    for name in &arguments.clients {
        let (certificate, key) = authority.client(name, lifetime)?;
        files.add(&format!("client-{name}"), certificate, key);
    }
    let written = files.write()?;
    Ok(told(arguments, &written))
}

/// What was made, and how it is used.
fn told(arguments: &Arguments, written: &[PathBuf]) -> String {
    let out = &arguments.out;
    let path = |name: &str| out.join(name).display().to_string();
    let written: String = written.iter().map(|file| format!("wrote {}\n", file.display())).collect();
    let (ca, certificate, key) = (path("ca.pem"), path("server.pem"), path("server.key"));
    let host = arguments.hosts.first().map_or("localhost", String::as_str);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut told = format!(
        "{written}
Serve:    tidegate serve --listen 127.0.0.1:8443 \\
            --set 'listener.0.tls={{certificate=\"{certificate}\", key=\"{key}\"}}'
Try:      curl --cacert {ca} https://{host}:8443/health/live
          tidegate listen wss://{host}:8443/ws --ca {ca}
Browser:  import {ca} as an authority in its settings, under certificates. Keep {} to yourself.
",
        path("ca.key")
    );
    if let Some(name) = arguments.clients.first() {
        told.push_str(&client(out, name, &ca, &host));
    }
    told
}

fn client(out: &Path, name: &str, ca: &str, host: &str) -> String {
    let path = |kind: &str| out.join(format!("client-{name}.{kind}")).display().to_string();
    format!(
        "Clients:  add client_ca=\"{ca}\" to the listener's tls, then
          curl --cacert {ca} --cert {} --key {} https://{host}:8443/health/live
",
        path("pem"),
        path("key")
    )
}
