//! Sizes and times of HTTP that nothing could be served with.

use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::units::Size;

/// Less than this no head can be: it is what is read at once.
const LEAST_HEAD: Size = Size::kib(8);
/// Of longer lines their framing is not looked at.
const MOST_HEAD: Size = Size::kib(64);

/// Judges the settings.
pub(super) fn settings(config: &Config, findings: &mut Findings<'_>) {
    let (http, key) = (&config.http, Key::of("http"));
    let head = format!("must be from {LEAST_HEAD} to {MOST_HEAD}");
    findings.require((LEAST_HEAD..=MOST_HEAD).contains(&http.head), key.then("head"), &head);
    let most = http.head.max(LEAST_HEAD);
    for (name, size) in [("target", http.target), ("header", http.header)] {
        let message = format!("must be above zero, and not more than http.head ({most}) can hold");
        findings.require(!size.is_empty() && size <= most, key.then(name), &message);
    }
    findings.require(!http.body.is_empty(), key.then("body"), "must be above zero: nothing could be posted");
    let message = format!("must not be less than http.body ({}): one body alone would not fit", http.body);
    findings.require(http.bodies >= http.body, key.then("bodies"), &message);
    for (name, time) in [
        ("head_timeout", http.head_timeout),
        ("body_timeout", http.body_timeout),
        ("answer_timeout", http.answer_timeout),
        ("write_timeout", http.write_timeout),
    ] {
        findings.require(!time.is_zero(), key.then(name), "must be longer than no time");
    }
    findings.require(http.streams > 0, key.then("streams"), "must be above 0: no HTTP/2 client could ask");
    if http.answer_timeout <= http.body_timeout {
        let message = format!(
            "is not longer than http.body_timeout ({}): a slow body would be answered with 503 in place of 408",
            http.body_timeout
        );
        findings.warn(key.then("answer_timeout"), message);
    }
}
