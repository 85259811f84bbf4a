//! lib

pub mod transport;
