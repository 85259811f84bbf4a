//! The program `tidegate`: its command line.

mod cli;

/// A session takes less of this heap than of the C library's: `benches/RESULTS.md`, "Allocator".
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // For libraries that ask which cryptography there is; it fails only where one is chosen already.
    let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    cli::run()
}
