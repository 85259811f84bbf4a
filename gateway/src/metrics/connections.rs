//! What is counted of connections and requests, off the hot path: by any thread.

use super::counter::Total;
use super::labels::ByLabel;

/// TCP connections, before it is known what they are for.
#[derive(Debug, Default)]
pub struct Connections {
    /// Accepted and handed to a shard.
    pub opened: Total,
    /// Ended, by what ended them.
    pub closed: ByLabel<Total>,
    /// Closed at once: there are as many as there may be.
    pub refused_all: Total,
    /// Closed at once: there are as many from that address.
    pub refused_address: Total,
    /// Closed at once: only balancers connect there, and it was none.
    pub refused_stranger: Total,
    /// Errors of `accept`, those for want of descriptors among them.
    pub accept_errors: Total,
}

/// Answers to HTTP requests.
#[derive(Debug, Default)]
pub struct Answers {
    classes: [Total; 5],
    /// Handlers that panicked.
    pub panics: Total,
    /// Requests that were no HTTP as it is spoken here.
    pub malformed: Total,
    /// Requests of an origin that is not listed.
    pub origins: Total,
    /// Requests for what somebody without any rights may not do.
    pub unauthenticated: Total,
    /// Requests for what somebody with other rights may not do.
    pub forbidden: Total,
}

impl Answers {
    /// Counts an answer.
    pub fn count(&self, status: u16) {
        if let Some(class) = self.classes.get(usize::from(status / 100).wrapping_sub(1)) {
            class.add(1);
        }
    }

    /// Answers by class: `1xx` (upgrades) to `5xx`.
    pub fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(self.classes.iter().map(Total::get))
    }
}
