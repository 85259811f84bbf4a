//! The configuration, composed from the settings of each room of the house.

pub mod model;

pub use model::{Config, Environment, Unsafe};
