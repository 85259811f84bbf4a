//! What a verdict is on the wire of HTTP.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::Verdict;
use crate::web::Problem;

/// What is refused is told so, in sessions too.
pub const EXCEEDED: &str = "Rate limit exceeded";

/// In the order of their values: the limit, what is left of it, and in how many seconds all of it is back. By the
/// draft of the IETF's httpapi group, and as most clients know them.
static HEADERS: [[HeaderName; 2]; 3] = [
    [HeaderName::from_static("ratelimit-limit"), HeaderName::from_static("x-ratelimit-limit")],
    [HeaderName::from_static("ratelimit-remaining"), HeaderName::from_static("x-ratelimit-remaining")],
    [HeaderName::from_static("ratelimit-reset"), HeaderName::from_static("x-ratelimit-reset")],
];

impl Verdict {
    /// How long to wait, in milliseconds: who comes then is not too early.
    pub fn retry_after_ms(&self) -> u64 {
        let wait = self.retry_after.unwrap_or_default();
        u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
    }

    fn headers(&self) -> impl Iterator<Item = (&'static HeaderName, HeaderValue)> {
        let values = [self.limit.into(), self.remaining.into(), seconds(self.reset)];
        let pairs = HEADERS.iter().zip(values);
        pairs.flat_map(|(names, value)| names.iter().map(move |name| (name, HeaderValue::from(value))))
    }
}

/// 429 with all that a client can be told.
pub fn problem(verdict: &Verdict) -> Problem {
    let wait = verdict.retry_after.unwrap_or_default();
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, EXCEEDED)
        .because("rate")
        .with("retry_after_ms", verdict.retry_after_ms())
        .header(header::RETRY_AFTER, seconds(wait).max(1).into());
    verdict.headers().fold(problem, |problem, (name, value)| problem.header(name.clone(), value))
}

/// Puts the verdict on an answer. Of two limits the one that leaves less is told.
pub fn label(headers: &mut HeaderMap, verdict: &Verdict) {
    let before = headers.get(&HEADERS[1][0]).and_then(|left| left.to_str().ok()?.parse().ok());
    if before.is_some_and(|before: u32| before <= verdict.remaining) {
        return;
    }
    for (name, value) in verdict.headers() {
        headers.insert(name, value);
    }
}

/// Rounded up: who comes then is not too early.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
