//! The tables.

use std::fmt::Write;

use super::Findings;
use crate::grid::Sample;
use crate::servers::{ENTRANTS, Entrant};
use crate::statistics::median;
use crate::summary::{Cell, cell, cost};

/// All that is written between the marks.
pub(super) fn report(findings: &Findings) -> String {
    let mut out = String::from("## The gateway beside other servers\n\n");
    for line in &findings.circumstances {
        let _ = writeln!(out, "- {line}");
    }
    let Findings { goes, size, seconds, .. } = findings;
    let _ = writeln!(
        out,
        "\nMedians of {goes} goes of {seconds} s, each after half a second that is not counted; {size} bytes in each event; a fresh \
         server for every run. Ratios (×) are to the floor of the same go, and may be compared between machines where \
         seconds may not. **!**: not every event came once to everybody, so that the figure is of less work. (of 2): fewer goes \
         than of the others. A KB is 1,000 bytes.\n"
    );
    let usual = findings.usual();
    usual_case(findings, usual, &mut out);
    growth(findings, &mut out);
    latency(findings, usual, &mut out);
    for (name, reason) in &findings.failed {
        let _ =
            writeln!(out, "{name} was left out after it had failed twice: {}\n", reason.replace('\n', " "));
    }
    for (picture, of) in super::pictures::NAMES {
        let _ = writeln!(out, "![{of}](plots/{picture})\n");
    }
    out.trim_end().to_owned() + "\n"
}

impl Findings {
    /// The number of connections at which all servers were measured.
    pub(super) fn usual(&self) -> usize {
        let most = |connections: &&usize| {
            self.samples.iter().filter(|sample| sample.connections == **connections).count()
        };
        self.connections.iter().max_by_key(most).copied().unwrap_or_default()
    }

    /// The servers that there are figures of.
    pub(super) fn servers(&self) -> impl Iterator<Item = (usize, &'static Entrant)> {
        let known = |name: &str| self.samples.iter().any(|sample| sample.server == name);
        ENTRANTS.iter().enumerate().filter(move |(_, entrant)| known(entrant.name))
    }
}

fn header(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "| | {} |\n|---|{}", cells.join(" | "), "---|".repeat(cells.len()));
}

/// "1.23 · 1.05×", with what is not as it should be.
fn priced(cell: &Cell<'_>, goes: usize) -> String {
    let ratio =
        median(cell.against("floor", cost)).map_or_else(String::new, |ratio| format!(" · {ratio:.2}×"));
    let wrong = if cell.samples().iter().any(|sample| sample.measured.wrong() > 0) { " **!**" } else { "" };
    let fewer = match cell.samples().len() {
        all if all == goes => String::new(),
        some => format!(" (of {some})"),
    };
    format!("{:.3}{ratio}{wrong}{fewer}", cell.median(cost))
}

fn usual_case(findings: &Findings, usual: usize, out: &mut String) {
    let _ = writeln!(
        out,
        "### {usual} connections\n\nµs of the server's processor time a delivery · ratio · thousand deliveries a second (cores \
         that the load itself took); of a client that only comes and joins, resident KB and µs of processor time.\n"
    );
    let windows = findings.windows.iter().map(|window| format!("{window} in flight"));
    header(out, &windows.chain(["KB/conn", "µs/conn", "conn/s"].map(str::to_owned)).collect::<Vec<_>>());
    for (_, entrant) in findings.servers() {
        let mut row = vec![entrant.title.to_owned()];
        let mut last = None;
        for &window in &findings.windows {
            let found = cell(&findings.samples, entrant.name, usual, Some(window));
            row.push(found.as_ref().map_or_else(String::new, |cell| {
                let own = cell.median(|sample| sample.measured.own_cpu / sample.measured.seconds);
                let rate = cell.median(|sample| sample.measured.rate() / 1e3);
                format!("{} · {rate:.0}k ({own:.2})", priced(cell, findings.goes))
            }));
            last = found.or(last);
        }
        if let Some(cell) = last {
            if cell.connected() < usual {
                row[0] += &format!(" ({} connections)", cell.connected());
            }
            row.push(format!("{:.2}", cell.median(|sample| sample.entry.memory / 1e3)));
            row.push(format!("{:.0}", cell.median(|sample| sample.entry.cpu)));
            row.push(format!("{:.0}", cell.median(|sample| sample.entry.per_second)));
        }
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out.push('\n');
}

fn growth(findings: &Findings, out: &mut String) {
    if findings.connections.len() < 2 {
        return;
    }
    let _ = writeln!(
        out,
        "### As connections grow\n\nµs of processor time a delivery · ratio to the floor with as many connections.\n"
    );
    let cases: Vec<_> = findings
        .connections
        .iter()
        .flat_map(|&connections| findings.windows.iter().map(move |&window| (connections, window)))
        .collect();
    header(
        out,
        &cases.iter().map(|(connections, window)| format!("{connections} × {window}")).collect::<Vec<_>>(),
    );
    for (_, entrant) in findings.servers() {
        let found = |&(connections, window): &(usize, u64)| {
            let found = cell(&findings.samples, entrant.name, connections, Some(window));
            let found = found.filter(|cell| cell.connected() == connections);
            found.as_ref().map_or_else(String::new, |cell| priced(cell, findings.goes))
        };
        let row: Vec<String> = cases.iter().map(found).collect();
        if row.iter().any(|cell| !cell.is_empty()) {
            let _ = writeln!(out, "| {} | {} |", entrant.title, row.join(" | "));
        }
    }
    out.push('\n');
}

/// A figure of the times in a sample.
pub(super) type Time = fn(&Sample) -> f64;

/// Times from the publisher to each member, and to the last one: their names, and milliseconds.
pub(super) const TIMES: [(&str, Time); 6] = [
    ("p50", |sample| sample.measured.crews[0].each.p50 / 1e3),
    ("p99", |sample| sample.measured.crews[0].each.p99 / 1e3),
    ("p99.9", |sample| sample.measured.crews[0].each.p999 / 1e3),
    ("last p50", |sample| sample.measured.crews[0].last.p50 / 1e3),
    ("last p99", |sample| sample.measured.crews[0].last.p99 / 1e3),
    ("late p99", |sample| sample.measured.late_p99 / 1e3),
];

fn latency(findings: &Findings, usual: usize, out: &mut String) {
    if findings.samples.iter().all(|sample| sample.window.is_some()) {
        return;
    }
    let _ = writeln!(
        out,
        "### Times at {} events a second, {usual} connections\n\nMilliseconds from when an event was due to its arrival at each \
         member, and at the last one; `late`: by how much the load itself sent behind time, which is in the others.\n",
        findings.rate
    );
    header(out, &TIMES.map(|(name, _)| name.to_owned()));
    for (_, entrant) in findings.servers() {
        if let Some(cell) = cell(&findings.samples, entrant.name, usual, None) {
            let row = TIMES.map(|(_, time)| format!("{:.2}", cell.median(time))).join(" | ");
            let _ = writeln!(out, "| {} | {row} |", entrant.title);
        }
    }
    out.push('\n');
}
