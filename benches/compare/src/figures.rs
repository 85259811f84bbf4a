//! The gateway's own figures: its metrics, read from their page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::sample::Error;

/// The metrics at one moment.
#[derive(Clone, Debug)]
pub struct Page(String);

impl Page {
    /// Asks a gateway for them.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn get(gateway: SocketAddr) -> Result<Self, Error> {
        let ask = || {
            let mut stream = TcpStream::connect(gateway)?;
            stream.write_all(format!("GET /metrics HTTP/1.0\r\nHost: {gateway}\r\n\r\n").as_bytes())?;
            let mut page = String::new();
            stream.read_to_string(&mut page).map(|_| page)
        };
        let page: String =
            ask().map_err(|error: std::io::Error| Error::Other(format!("/metrics: {error}")))?;
        match page.contains(" 200 OK\r\n") {
            true => Ok(Self(page)),
            false => Err(Error::Other(format!("/metrics: {page:.200}"))),
        }
    }

    /// The samples of a metric: their labels as they are written, and their values.
    fn samples<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
            let (labels, value) = rest.rsplit_once(' ')?;
            Some((labels, value.parse().ok()?))
        })
    }

    /// A counter, over all its labels.
    pub fn sum(&self, name: &str) -> f64 {
        self.samples(name).map(|(_, value)| value).sum()
    }

    /// The buckets of a histogram where a label is as given: upper bounds in seconds, and how many values were up to each.
    fn buckets(&self, name: &str, label: &str) -> Vec<(f64, f64)> {
        let bound = |labels: &str| {
            let (_, rest) = labels.split_once("le=\"")?;
            let text = rest.split_once('"')?.0;
            if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
        };
        let name = format!("{name}_bucket");
        let mut buckets: Vec<_> = self
            .samples(&name)
            .filter(|(labels, _)| labels.contains(label))
            .filter_map(|(labels, count)| Some((bound(labels)?, count)))
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        buckets
    }

    /// The seconds that this share of a histogram's values since `before` is not above, as Prometheus reckons it: by a straight
    /// line within a bucket. Nothing of none.
    pub fn percentile_since(&self, before: &Self, name: &str, label: &str, share: f64) -> Option<f64> {
        let earlier = before.buckets(name, label);
        let since = |(number, (bound, count)): (usize, &(f64, f64))| {
            (*bound, count - earlier.get(number).map_or(0.0, |bucket| bucket.1))
        };
        let buckets: Vec<(f64, f64)> = self.buckets(name, label).iter().enumerate().map(since).collect();
        let rank = buckets.last()?.1 * share;
        let at = buckets.iter().position(|bucket| bucket.1 >= rank && bucket.1 > 0.0)?;
        let (low, below) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
        let (high, up_to) = buckets[at];
        Some(if high.is_finite() { low + (high - low) * (rank - below) / (up_to - below) } else { low })
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    fn page(counts: [u64; 3]) -> Page {
        let [one, two, all] = counts;
        Page(format!(
            "# TYPE t histogram\nt_bucket{{room_class=\"a:*\",le=\"0.001\"}} {one}\nt_bucket{{room_class=\"a:*\",le=\"0.002\"}} {two}\n\
             t_bucket{{room_class=\"a:*\",le=\"+Inf\"}} {all}\nt_bucket{{room_class=\"*\",le=\"0.001\"}} 99\nrefused{{by=\"x\"}} 2\n\
             refused{{by=\"y\"}} 3\nrefused_more 7\n"
        ))
    }

    #[test]
    fn a_percentile_is_of_what_came_since() {
        let (before, after) = (page([10, 10, 10]), page([60, 110, 110]));
        let at = |share| after.percentile_since(&before, "t", "room_class=\"a:*\"", share).unwrap();
        assert!(
            (at(0.5) - 0.001).abs() < 1e-9 && (at(0.75) - 0.0015).abs() < 1e-9,
            "{} {}",
            at(0.5),
            at(0.75)
        );
        assert_eq!(after.percentile_since(&after, "t", "room_class=\"a:*\"", 0.5), None);
        assert_eq!(after.percentile_since(&before, "t", "room_class=\"b:*\"", 0.5), None);
    }

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        assert!((page([1, 1, 1]).sum("refused") - 5.0).abs() < 1e-9);
    }
}
