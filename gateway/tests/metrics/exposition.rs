//! A strict reader of both formats: whatever a scraper might stumble over is a failure.

use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// A page whose form is right.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// By family, as it is described: its kind.
    pub(crate) kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Page {
    /// The text format 0.0.4.
    pub(crate) fn text(page: &str) -> Self {
        Self::read(page, false)
    }

    /// OpenMetrics 1.0.0.
    pub(crate) fn openmetrics(page: &str) -> Self {
        let (page, rest) = page.split_once("# EOF\n").expect("it ends with # EOF");
        assert_eq!(rest, "", "nothing is behind the end");
        Self::read(page, true)
    }

    fn read(text: &str, open: bool) -> Self {
        assert!(text.ends_with('\n'), "the last line ends, too");
        let (mut page, mut family, mut helped) = (Self::default(), None::<(String, String)>, BTreeSet::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect(line);
                assert!(is_name(name) && !words.is_empty() && helped.insert(name.to_owned()), "{line}");
                unescape(words, if open { "\\n\"" } else { "\\n" });
                family = None;
            } else if let Some(described) = line.strip_prefix("# TYPE ") {
                let (name, kind) = described.split_once(' ').expect(line);
                assert!(helped.contains(name) && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(page.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                assert_eq!(name.ends_with("_total"), kind == "counter" && !open, "{line}");
                family = Some((name.to_owned(), kind.to_owned()));
            } else if let Some(unit) = line.strip_prefix("# UNIT ") {
                let (name, unit) = unit.split_once(' ').expect(line);
                assert!(open && name.ends_with(&format!("_{unit}")), "{line}");
            } else {
                let (name, labels, value) = sample(line);
                let (family, kind) = family.as_ref().unwrap_or_else(|| panic!("no family before {line}"));
                check_name(&name, family, kind, open, &labels);
                let twice = page.samples.insert((name, labels), value);
                assert!(twice.is_none(), "twice: {line}");
            }
        }
        page.check_histograms();
        page
    }

    /// Buckets ascend to `+Inf`, which is the count; the sum is there.
    fn check_histograms(&self) {
        for family in self.kinds.iter().filter(|(_, kind)| *kind == "histogram").map(|(family, _)| family) {
            let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for ((name, labels), value) in &self.samples {
                if *name == format!("{family}_bucket") {
                    let mut labels = labels.clone();
                    let bound = labels.remove("le").unwrap();
                    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
                    series.entry(labels).or_default().push((bound, *value));
                }
            }
            for (labels, mut buckets) in series {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(
                    buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
                    "{family} {labels:?} {buckets:?}"
                );
                let last = buckets.last().unwrap();
                let count = self.samples[&(format!("{family}_count"), labels.clone())];
                assert_eq!(*last, (f64::INFINITY, count), "{family} {labels:?}");
                assert!(self.samples.contains_key(&(format!("{family}_sum"), labels)), "{family}");
            }
        }
    }

    /// A sample; 0 where it is not there, as a series that has not been counted is not shown.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(label, text)| ((*label).to_owned(), (*text).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied().unwrap_or(0.0)
    }

    /// All samples under a name, added up.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.samples.iter().filter(|((other, _), _)| other == name).map(|(_, value)| value).sum()
    }

    /// The values that any label has.
    pub(crate) fn label_values(&self) -> BTreeSet<&str> {
        self.samples.keys().flat_map(|(_, labels)| labels.values()).map(String::as_str).collect()
    }
}

fn check_name(name: &str, family: &str, kind: &str, open: bool, labels: &Labels) {
    let right = match kind {
        "counter" if open => *name == format!("{family}_total"),
        "histogram" => ["_bucket", "_sum", "_count"].iter().any(|end| *name == format!("{family}{end}")),
        _ => name == family,
    };
    assert!(right, "{name} among {family}");
    assert_eq!(labels.contains_key("le"), name.ends_with("_bucket") && kind == "histogram", "{name}");
}

/// `name{label="text",…} value`
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, behind) = rest.split_once("=\"").expect(line);
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let end = closing_quote(behind).expect(line);
            assert!(labels.insert(label.to_owned(), unescape(&behind[..end], "\\n\"")).is_none(), "{line}");
            rest = &behind[end + 1..];
            match rest.split_at(1) {
                (",", more) => rest = more,
                ("}", more) => break rest = more,
                _ => panic!("{line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').expect(line).parse::<f64>().expect(line);
    assert!(value.is_finite() && value >= 0.0, "{line}");
    (name.to_owned(), labels, value)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(index)
    })
}

/// Only `allowed` may stand behind a backslash.
fn unescape(text: &str, allowed: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escaped = chars.next().filter(|c| allowed.contains(*c)).expect(text);
        out.push(if escaped == 'n' { '\n' } else { escaped });
    }
    out
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}
