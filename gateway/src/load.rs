//! The load tester: many subscribers and some publishers against a gateway, and an account of each event.
//!
//! It is a client, and uses nothing of the gateway that it may be run against: what both had wrong would not show. Each
//! thread is one loop over epoll (`worker.rs`); per delivery it follows the frame, finds the event by its mark, compares
//! its payload, and looks up its stream's place in the subscriber's account, without decoding anything.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;

mod clock;
pub mod dialect;
mod frames;
mod handshake;
mod layout;
mod ledger;
mod marker;
mod plan;
mod report;
mod run;
mod server;
mod shared;
mod stream;
mod tally;
mod target;
mod threshold;
mod worker;

pub use layout::Spread;
pub use marker::MARK;
pub use plan::{BadPlan, Pace, Plan};
pub use report::Report;
pub use shared::Sum;
pub use target::{BadTarget, Target};
pub use threshold::{BadThreshold, Threshold, names};

use run::Run;
use shared::Shared;

/// Files besides connections: threads' own, what is read in `/proc`, the standard ones.
const FILES: u64 = 64;

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan is none.
    #[error(transparent)]
    Plan(#[from] BadPlan),
    /// The limit of open files.
    #[error(
        "{asked} connections need as many open files; this process may have {possible} (ulimit -Hn is {limit}). Fewer \
         connections will do, or a higher hard limit"
    )]
    Files {
        /// Subscribers and publishers.
        asked: u64,
        /// As many as there may be.
        possible: u64,
        /// The hard limit.
        limit: u64,
    },
    /// TLS without its terms, or for a host that no certificate can name.
    #[error("TLS cannot be spoken with {0}")]
    Tls(String),
    /// Nobody can be reached.
    #[error("cannot connect to {url}: {reasons}")]
    Nobody {
        /// Without its query.
        url: String,
        /// Why, each with how often.
        reasons: String,
    },
    /// The system refuses something.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
    /// Histograms of one form can be made and added: this is a fault of this program.
    #[error("figures cannot be added up: {0}")]
    Figures(String),
}

/// Where a run is, for who watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connections are made.
    Connecting,
    /// Events are published, and do not count yet.
    WarmingUp,
    /// They count.
    Measuring,
    /// What is on its way is waited for.
    Draining,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// Of it, 0 to 1.
    pub done: f64,
    /// Since the last of these.
    pub since: Duration,
    /// So far.
    pub sum: Sum,
    /// Of `sum`, since the last of these.
    pub settled: u64,
    /// As `settled`.
    pub deliveries: u64,
    /// As `settled`.
    pub published: u64,
}

/// Runs a plan to its end, or until `stop` is set: then what is on its way is waited for, and what was measured until then
/// is reported. `watch` is told how far it is, some times a second.
///
/// # Errors
/// [`Error`].
pub fn run(mut plan: Plan, watch: &mut dyn FnMut(Progress), stop: &AtomicBool) -> Result<Report, Error> {
    let begun = SystemTime::now();
    plan.judge()?;
    plan.target.reach(plan.patience);
    raise_limit(&plan)?;
    let tls = match plan.target.secure {
        false => None,
        true => Some(terms(&plan)?),
    };
    // Two runs at a time at one gateway differ in it, nearly always.
    let number = clock::now() as u32 ^ std::process::id().rotate_left(12);
    let shared = Shared::new(plan, number, tls)?;
    let figures = || tally::Tally::new().map_err(|error| Error::Figures(error.to_string()));
    let workers = (0..shared.live.len())
        .map(|thread| Ok(worker::Worker::new(&shared, thread, figures()?)?))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut total = figures()?;
    let run = Run::new(&shared, watch, stop);
    thread::scope(|scope| {
        let threads: Vec<_> = workers.into_iter().map(|worker| scope.spawn(|| worker.run())).collect();
        let observed = run.conduct(&|| threads.iter().any(|thread| thread.is_finished()));
        shared.enter(shared::Phase::Closing);
        for thread in threads {
            // A panic of a thread is a fault of this program and ends it as such.
            let tally = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            total.add(tally).map_err(|error| Error::Figures(error.to_string()))?;
        }
        match observed {
            Some(observed) => Ok(Report::new(&shared.plan, begun, total, observed)),
            None => Err(nobody(&shared.plan, &total.failures)),
        }
    })
}

fn nobody(plan: &Plan, failures: &tally::Reasons) -> Error {
    let reasons: Vec<String> = failures.iter().map(|(reason, times)| format!("{times} × {reason}")).collect();
    Error::Nobody { url: plan.target.to_string(), reasons: reasons.join(", ") }
}

/// Each connection is a file. The soft limit is this process' own to raise.
fn raise_limit(plan: &Plan) -> Result<(), Error> {
    let asked = u64::from(plan.connections) + u64::from(plan.publishers);
    let needed = asked + FILES + 4 * u64::from(plan.threads);
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < needed) {
        let limit = limit.maximum.unwrap_or_default();
        return Err(Error::Files { asked, possible: limit.saturating_sub(needed - asked), limit });
    }
    if limit.current.is_some_and(|soft| soft < needed) {
        let raised = Rlimit { current: Some(needed), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).map_err(io::Error::from)?;
    }
    Ok(())
}

fn terms(plan: &Plan) -> Result<(Arc<rustls::ClientConfig>, ServerName<'static>), Error> {
    let host = &plan.target.host;
    let name = match host.parse::<IpAddr>() {
        Ok(address) => Some(ServerName::from(address)),
        Err(_) => ServerName::try_from(host.clone()).ok(),
    };
    plan.tls.clone().zip(name).ok_or_else(|| Error::Tls(host.clone()))
}
