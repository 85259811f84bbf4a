//! Ctrl-C and SIGTERM.

use std::io;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// What is answered where a run was ended early: what a shell makes of SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

/// From here on the first signal sets what is answered and says so, and the second ends the process.
pub(super) fn hear(told: &'static str) -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::<AtomicBool>::default();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    drop(entered);
    let heard = Arc::clone(&stop);
    let wait = async move {
        loop {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            if heard.swap(true, Ordering::Relaxed) {
                exit(INTERRUPTED.into());
            }
            eprintln!("interrupted: {told}");
        }
    };
    thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(wait))?;
    Ok(stop)
}
