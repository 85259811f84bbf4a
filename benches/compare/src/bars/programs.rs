//! Bars that programs show by themselves: they end with 0 only where it is so.

use std::ffi::OsString;
use std::process::{Command, ExitStatus, Stdio};

use super::{Figure, Limit, Settings, Verdict};
use crate::place::Place;
use crate::sample::Error;

/// Cargo as the one who builds has it, in the repository, on the cores of a place.
pub(super) fn cargo(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.pinned(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments).current_dir(&place.root);
    command
}

/// How a command ends and what it prints, which is passed on.
pub(super) fn run(what: &str, mut command: Command) -> Result<(ExitStatus, String), Error> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Error::Other(format!("{what}: {error}")))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{printed}");
    Ok((output.status, printed))
}

/// The same of one that shows something, and ends with 0 where it is so.
pub(super) fn show(what: &str, command: Command, verdict: &mut Verdict) -> Result<String, Error> {
    let (status, printed) = run(what, command)?;
    let failures = vec![f64::from(u8::from(!status.success()))];
    verdict.hold(Figure::new(what, failures, Limit::Each(0.0), " failures").note(status.to_string()));
    Ok(printed)
}

pub(super) fn zero_copy(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    for test in ["zero_copy", "plugin_copy"] {
        let arguments = ["test", "-p", "tidegate-benches", "--test", test];
        show(
            &format!("`cargo {}`", arguments.join(" ")),
            cargo(&settings.place.with_both(), &arguments),
            verdict,
        )?;
    }
    Ok(())
}

pub(super) fn claims(settings: &Settings, verdict: &mut Verdict) -> Result<(), Error> {
    let place = &settings.place;
    let program = place.made("release/tidegate");
    let on = |cores: &str| format!("taskset -c {cores} {}", program.display());
    let mut command = place.with_both().pinned(place.source("benches/claims"));
    command.current_dir(&place.root).env("TIDEGATE", on(&place.server_cores));
    command.env("LOAD", format!("{} load", on(&place.own_core.to_string())));
    let printed = show("`make claims`", command, verdict)?;
    verdict.shown = printed.replace(&*place.root.to_string_lossy(), ".");
    Ok(())
}
