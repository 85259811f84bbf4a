//! `tidegate.metrics/1`.
#![allow(unsafe_code, reason = "called by plugins, through C pointers")]

use std::sync::Arc;

use tidegate_plugin::abi::{
    Host, METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, Metric, MetricSpec, Metrics, Status,
};

use super::super::metrics::{DURATIONS, Kind, MOST, Series};
use super::super::shared::Shared;
use super::{enter, items, put, text};

pub(super) static TABLE: Metrics = Metrics { open: Some(open), record: Some(record) };

unsafe extern "C" fn open(host: *const Host, spec: *const MetricSpec, metric: *mut Metric) -> Status {
    let open = |shared: &Arc<Shared>| -> Result<u64, Status> {
        // SAFETY: the specification is lent for the call.
        let spec = unsafe { spec.as_ref() }.ok_or(Status::INVALID)?;
        // SAFETY: as above, with all that it leads to.
        let series = unsafe { read(spec) }?;
        let mut all = shared.series.write();
        let same = |other: &Series| other.name == series.name && other.labels == series.labels;
        if let Some(index) = all.iter().position(same) {
            return if all[index].kind == series.kind { Ok(index as u64 + 1) } else { Err(Status::CONFLICT) };
        }
        if all.len() >= MOST {
            return Err(Status::INVALID);
        }
        all.push(series);
        Ok(all.len() as u64)
    };
    // SAFETY: the plugin's host, and a place of the plugin's.
    unsafe {
        enter(host, |shared| match open(shared) {
            Ok(number) => put(metric, number),
            Err(status) => status,
        })
    }
}

/// # Safety
/// The specification keeps its contract for the call.
unsafe fn read(spec: &MetricSpec) -> Result<Series, Status> {
    let kind = match spec.kind {
        METRIC_COUNTER => Kind::Counter,
        METRIC_GAUGE => Kind::Gauge,
        METRIC_HISTOGRAM => Kind::Histogram,
        _ => return Err(Status::INVALID),
    };
    // SAFETY: the caller's promise, for all of these.
    let (name, help, labels, bounds) = unsafe {
        let labels = items(spec.labels, spec.labels_len);
        (text(spec.name)?, text(spec.help)?, labels, items(spec.buckets, spec.buckets_len))
    };
    // It is put behind a counter's name where that is shown.
    let name = if kind == Kind::Counter { name.strip_suffix("_total").unwrap_or(name) } else { name };
    let mut pairs = Vec::new();
    for pair in labels {
        // SAFETY: as above.
        let (label, value) = unsafe { (text(pair.name)?, text(pair.value)?) };
        if !is_word(label) || label == "plugin" || label == "le" {
            return Err(Status::INVALID);
        }
        pairs.push((label.to_owned(), value.to_owned()));
    }
    if !is_word(name) || spec.per_unit == 0 || !bounds.is_sorted_by(|a, b| a < b) || bounds.len() > 100 {
        return Err(Status::INVALID);
    }
    let bounds = match (kind, bounds) {
        (Kind::Histogram, []) => DURATIONS.to_vec(),
        (Kind::Histogram, bounds) => bounds.to_vec(),
        _ => Vec::new(),
    };
    Ok(Series::new(kind, name.to_owned(), help.to_owned(), pairs, spec.per_unit, bounds))
}

/// `[a-z][a-z0-9_]*`
fn is_word(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 100 && name.bytes().all(letter)
}

unsafe extern "C" fn record(host: *const Host, metric: Metric, value: i64) -> Status {
    let record = |shared: &Arc<Shared>| {
        let all = shared.series.read();
        let index = (metric as usize).wrapping_sub(1);
        match all.get(index) {
            None => Status::NOT_FOUND,
            Some(series) if series.record(value) => Status::OK,
            Some(_) => Status::INVALID,
        }
    };
    // SAFETY: the plugin's host.
    unsafe { enter(host, record) }
}

#[cfg(test)]
mod tests {
    use tidegate_plugin::abi::Str;

    use super::*;

    fn name_of(kind: u32, name: &str) -> Option<String> {
        let spec = MetricSpec {
            kind,
            reserved: 0,
            name: Str::new(name),
            help: Str::EMPTY,
            labels: std::ptr::null(),
            labels_len: 0,
            buckets: std::ptr::null(),
            buckets_len: 0,
            per_unit: 1,
        };
        // SAFETY: all that it names is there.
        unsafe { read(&spec) }.ok().map(|series| series.name)
    }

    #[test]
    fn what_is_put_behind_a_counters_name_is_not_put_there_twice() {
        for (kind, name, known) in [
            (METRIC_COUNTER, "rows", Some("rows")),
            (METRIC_COUNTER, "rows_total", Some("rows")),
            (METRIC_COUNTER, "_total", None),
            (METRIC_GAUGE, "rows_total", Some("rows_total")),
        ] {
            assert_eq!(name_of(kind, name).as_deref(), known, "{name}");
        }
    }
}
