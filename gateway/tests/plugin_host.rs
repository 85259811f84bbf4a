//! The plugin host against real libraries: what it refuses, what it promises those that it loads, and what one that
//! misbehaves can do, which is nothing to the others.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

mod plugin_host {
    mod answers;
    mod flood;
    mod house;
    mod keeping;
    mod libraries;
    mod life;
    mod promises;
    mod refused;
}
