//! What an operator does by hand: `tidegate plugin db-listener init|test`.

use std::rc::Rc;
use std::time::Duration;

use tidegate_plugin::{Command, Error, Result};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::check;
use crate::rules::{Made, Plans, Rules};
use crate::settings::Settings;
use crate::source::{Batch, Failure, Feed, Listen, Purpose, Source, Stage, Table};

/// How long a dry run takes where nothing else is said.
const USUAL: Duration = Duration::from_secs(10);

/// Carries out a command.
///
/// # Errors
/// Why it failed; `INVALID` where the arguments are wrong.
pub async fn run(settings: &Settings, command: &Command) -> Result<()> {
    check(settings)?;
    let rules = Rc::new(Rules::read(settings)?);
    if !settings.source.is_given() {
        return Err(Error::conflict("source.url: there is no database"));
    }
    match command.name.as_str() {
        "init" => init(settings, &rules, command).await,
        "test" => test(settings, rules, command).await,
        name => Err(Error::unsupported(format!("no such command: {name}"))),
    }
}

/// Prints what the database lacks, and has it made where that is wanted.
async fn init(settings: &Settings, rules: &Rules, command: &Command) -> Result<()> {
    let is_applied = match command.arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--apply"] => true,
        ["--apply", other, ..] | [other, ..] => {
            return Err(Error::invalid(format!("'{other}': only --apply may follow")));
        }
    };
    let source = Source::new(settings, rules, "init", Purpose::Listen);
    for remark in fit(rules, source.look().await.map_err(told)?)? {
        command.print_line(format_args!("-- {remark}"))?;
    }
    let statements = source.init().await.map_err(told)?;
    for statement in &statements {
        command.print_line(format_args!("{statement};"))?;
    }
    if statements.is_empty() {
        return command.print_line("-- the database has all that it needs");
    }
    if is_applied {
        source.apply(&statements).await.map_err(told)?;
        command.print_line("-- done")?;
    }
    Ok(())
}

/// Checks the rules, and prints what they make of the changes that come from now on.
async fn test(settings: &Settings, rules: Rc<Rules>, command: &Command) -> Result<()> {
    let limits = Limits::read(&command.arguments)?;
    let source = Source::new(settings, &rules, "test", Purpose::Try);
    tokio::select! {
        tried = try_out(&source, rules, command, &limits) => tried,
        () = command.interrupted() => Ok(()),
    }
}

async fn try_out(source: &Source, rules: Rc<Rules>, command: &Command, limits: &Limits) -> Result<()> {
    let remarks = fit(&rules, source.prepare().await.map_err(told)?)?;
    command.print_line("// the rules fit the tables")?;
    for remark in remarks {
        command.print_line(format_args!("// {remark}"))?;
    }
    show(source, rules, command, limits).await
}

/// Whether the rules fit the tables, where these are known; what is not told though they do.
fn fit(rules: &Rules, tables: Option<Vec<Table>>) -> Result<Vec<String>> {
    let Some(tables) = tables else { return Ok(Vec::new()) };
    match rules.check(&tables) {
        wrong if wrong.is_empty() => Ok(rules.remarks(&tables)),
        wrong => Err(Error::conflict(wrong.join("\n"))),
    }
}

/// How long a dry run takes: whichever is reached first.
struct Limits {
    time: Duration,
    count: usize,
}

impl Limits {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut limits = Self { time: USUAL, count: usize::MAX };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(Error::invalid(format!("{}: a value is missing", pair[0])));
            };
            match name.as_str() {
                "--for" => {
                    let time = humantime::parse_duration(value);
                    limits.time =
                        time.map_err(|error| Error::invalid(format!("--for '{value}': {error}")))?;
                }
                "--count" => {
                    let count = value.parse();
                    limits.count =
                        count.map_err(|error| Error::invalid(format!("--count '{value}': {error}")))?;
                }
                _ => return Err(Error::invalid(format!("'{name}' is neither --for nor --count"))),
            }
        }
        Ok(limits)
    }
}

/// Prints events until there are enough, the time is over, or the source ends. Nothing is confirmed, so nothing is taken.
async fn show(source: &Source, rules: Rc<Rules>, command: &Command, limits: &Limits) -> Result<()> {
    let (sender, mut batches) = mpsc::channel::<Batch>(16);
    let (_confirm, confirmed) = watch::channel(None);
    let mut plans = Plans::new(rules, source.origin());
    let (ended, over) = (source.run(None, Feed { batches: sender, confirmed }), sleep(limits.time));
    tokio::pin!(ended, over);
    let (mut left, mut reads) = (limits.count, false);
    while left > 0 {
        let batch = tokio::select! {
            biased;
            () = &mut over => break,
            _reading = source.passes(Stage::Waiting), if !reads => None,
            Some(batch) = batches.recv() => Some(batch),
            failure = &mut ended => return Err(told(failure)),
        };
        if !std::mem::replace(&mut reads, true) {
            command.print_line("// changes are awaited")?;
        }
        let (mut made, mut missing) = (Vec::new(), Vec::new());
        for change in batch.iter().flat_map(|batch| &batch.changes) {
            plans.apply(change, &mut made, &mut missing);
        }
        for what in missing {
            command.print_line(format_args!("// {what}"))?;
        }
        let lines: Vec<_> = made.iter().flatten().take(left).map(Made::line).collect();
        left -= lines.len();
        lines.into_iter().try_for_each(|line| command.print_line(line))?;
    }
    match reads || left == 0 {
        true => Ok(()),
        false => Err(Error::timeout(format!(
            "the database has not begun to tell changes within {:?}: is a transaction open?",
            limits.time
        ))),
    }
}

fn told(failure: Failure) -> Error {
    Error::conflict(failure.to_string())
}
