//! The program `tidegate`: its command line.

mod cli;

fn main() -> std::process::ExitCode {
    // For libraries that ask which cryptography there is; it fails only where one is chosen already.
    let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    cli::run()
}
