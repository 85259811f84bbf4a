//! How far a run is, on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate::load::{Progress, Step};

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(2);
/// What the bar's length is counted in.
const WHOLE: u64 = 1000;

/// Shows it.
pub(super) enum Watcher {
    Silent,
    Lines { step: Option<Step>, told: Instant },
    Bar { bar: ProgressBar, step: Option<Step> },
}

impl Watcher {
    pub(super) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Silent;
        }
        if !stderr().is_terminal() {
            return Self::Lines { step: None, told: Instant::now() };
        }
        let bar = ProgressBar::with_draw_target(Some(WHOLE), ProgressDrawTarget::stderr());
        // A template that cannot be read would leave the bar's own.
        if let Ok(style) = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {elapsed_precise} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self::Bar { bar, step: None }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        let name = name(progress.step);
        match self {
            Self::Silent => {}
            Self::Lines { step, told } => {
                let new = step.replace(progress.step) != Some(progress.step);
                if new || told.elapsed() >= EVERY {
                    *told = Instant::now();
                    eprintln!("{name} {:.0} %: {}", progress.done * 100.0, rates(progress));
                }
            }
            Self::Bar { bar, step } => {
                if step.replace(progress.step) != Some(progress.step) {
                    bar.reset_elapsed();
                    bar.set_prefix(name);
                }
                bar.set_position((progress.done * WHOLE as f64) as u64);
                bar.set_message(rates(progress));
            }
        }
    }

    /// Makes room for the report.
    pub(super) fn finish(&mut self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Connecting => "connecting",
        Step::WarmingUp => "warming up",
        Step::Measuring => "measuring",
        Step::Draining => "draining",
    }
}

fn rates(progress: &Progress) -> String {
    let per_s = |count: u64| count as f64 / progress.since.as_secs_f64();
    let sum = &progress.sum;
    if progress.step == Step::Connecting {
        let (ready, refused) = (sum.subscribers + sum.publishers, sum.refused);
        return format!("{ready} ready, {:.0} connections/s, {refused} refused", per_s(progress.settled));
    }
    let (published, delivered) = (per_s(progress.published), per_s(progress.deliveries));
    format!("{} subscribers, {published:.0} events/s, {delivered:.0} deliveries/s", sum.subscribers)
}
