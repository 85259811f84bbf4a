//! How many files this process, and those that it starts, may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises it to what the system allows.
pub fn raise() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // What is refused here is told where a file is refused.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
