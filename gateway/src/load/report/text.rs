//! A report for people.

use std::collections::BTreeMap;
use std::fmt;

use super::{Integrity, Report, Times};
use crate::load::threshold::micros;
use crate::load::worker::DIALLING;

/// Connections from which on the memory of one is more than what the first ones cost once.
const MANY: u64 = 1000;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.asked(f)?;
        self.connections(f)?;
        self.events(f)?;
        self.integrity(f)?;
        self.costs(f)?;
        for warning in &self.warnings {
            writeln!(f, "warning      {warning}")?;
        }
        for verdict in &self.thresholds {
            let word = if verdict.failed { "FAILED" } else { "ok" };
            writeln!(f, "fail-if      {}: {word}, {}", verdict.threshold, verdict.was)?;
        }
        Ok(())
    }
}

impl Report {
    fn asked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let pace = match plan.pace {
            "rate" => format!("{} events/s", plan.at),
            "in_flight" => format!("{} in flight", plan.at),
            _ => "idle".to_owned(),
        };
        let (url, dialect, payload) = (&plan.url, plan.dialect, plan.payload);
        let parties =
            [(plan.connections, "subscriber"), (plan.rooms, "room"), (plan.publishers, "publisher")];
        let parties = parties.map(|(count, what)| plural(count.into(), what));
        let seconds = plan.duration_s;
        writeln!(f, "{url} ({dialect}): {}, {payload} bytes, {pace}, {seconds} s", parties.join(", "))
    }

    fn connections(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = &self.connections;
        let (ready, seconds, per_s) = (made.ready, made.seconds, made.per_s);
        writeln!(f, "connections  {ready} ready in {seconds:.2} s ({per_s:.0}/s), {} refused", made.refused)?;
        reasons(f, &made.reasons)?;
        if let Some(times) = &made.times {
            let [p50, p99, max] = [times.p50_us, times.p99_us, times.max_us].map(micros);
            let from = match self.plan.ramp > 0.0 {
                true => "from when each was to be made".to_owned(),
                false => format!("{} at a time", DIALLING as u64 * u64::from(self.plan.threads)),
            };
            writeln!(f, "handshakes   p50 {p50}, p99 {p99}, max {max}, {from}")?;
        }
        if let Some(churn) = &self.churn {
            writeln!(f, "churn        {} left, {} came back", churn.left, churn.came_back)?;
        }
        Ok(())
    }

    fn events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (published, deliveries) = (&self.published, &self.deliveries);
        if self.plan.pace == "idle" {
            return Ok(());
        }
        let (total, per_s, refused) = (published.total, published.per_s, published.refused);
        writeln!(
            f,
            "published    {total}, {per_s:.0}/s, {refused} refused, {} unanswered, {} unsent",
            published.unanswered, published.unsent
        )?;
        reasons(f, &published.reasons)?;
        writeln!(f, "deliveries   {}, {:.0}/s", deliveries.total, deliveries.per_s)?;
        match &self.latency.times {
            None => writeln!(f, "latency      nothing came"),
            Some(times) => {
                writeln!(f, "latency      {}", percentiles(times, self.latency.events))?;
                let corrected =
                    if self.latency.corrected { "; corrected for coordinated omission" } else { "" };
                writeln!(f, "             from {}{corrected}", self.latency.counted_from)?;
                writeln!(f, "             of {} deliveries of {} events", times.samples, self.latency.events)
            }
        }
    }

    fn integrity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "integrity    {}", losses(&self.integrity))?;
        writeln!(f, "closed       {} by the gateway", self.closed())?;
        reasons(f, &self.closes)?;
        if let Some(slow) = &self.slow {
            let (count, at_end, got) = (plural(slow.subscribers, "subscriber"), slow.at_end, slow.deliveries);
            writeln!(
                f,
                "slow         {count} stopped reading, {at_end} still there at the end, {got} deliveries"
            )?;
            writeln!(f, "             {}", losses(&slow.integrity))?;
            reasons(f, &slow.closes)?;
        }
        Ok(())
    }

    fn costs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = plural(self.generator.threads.into(), "thread");
        write!(f, "generator    {:.2} cores, {threads}", self.generator.cores)?;
        if let Some(late) = &self.generator.late {
            let [p50, p99, max] = [late.p50_us, late.p99_us, late.max_us].map(micros);
            write!(f, ", sent late by p50 {p50}, p99 {p99}, max {max}")?;
        }
        writeln!(f)?;
        let Some(server) = &self.server else {
            return writeln!(f, "server       not looked at: --pid says which process it is");
        };
        let pids: Vec<String> = server.pids.iter().map(ToString::to_string).collect();
        write!(f, "server       {:.2} cores", server.cores)?;
        if let Some(cpu) = server.cpu_us_per_delivery {
            write!(f, ", {cpu:.3} µs per delivery")?;
        }
        let resident = server.resident_after as f64 / (1 << 20) as f64;
        write!(f, ", {resident:.1} MiB resident")?;
        if let Some(bytes) = server.bytes_per_connection.filter(|_| self.connections.ready >= MANY) {
            write!(f, ", grown by {:.2} KiB per connection", bytes / 1024.0)?;
        }
        writeln!(f, " (pid {}: {})", pids.join(", "), server.names.join(", "))
    }
}

/// Without the 99.9th where it would be a single event's.
fn percentiles(times: &Times, events: u64) -> String {
    let values = [
        ("p50", times.p50_us),
        ("p90", times.p90_us),
        ("p99", times.p99_us),
        ("p99.9", times.p999_us),
        ("max", times.max_us),
    ];
    let shown = values.into_iter().filter(|(name, _)| *name != "p99.9" || events >= 1000);
    shown.map(|(name, value)| format!("{name} {}", micros(value))).collect::<Vec<_>>().join(", ")
}

fn losses(integrity: &Integrity) -> String {
    let Integrity { missing, doubled, torn, disordered, strayed, foreign, gaps, in_gaps } = integrity;
    let foreign = if *foreign > 0 { format!(", {foreign} of other runs") } else { String::new() };
    format!(
        "{missing} missing, {doubled} doubled, {torn} torn, {disordered} out of order, {strayed} strayed, \
         {in_gaps} in {gaps} gaps{foreign}"
    )
}

fn reasons(f: &mut fmt::Formatter<'_>, reasons: &BTreeMap<String, u64>) -> fmt::Result {
    reasons.iter().try_for_each(|(reason, times)| writeln!(f, "             {times} × {reason}"))
}

pub(super) fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
