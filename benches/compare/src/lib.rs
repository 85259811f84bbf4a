//! The gateway, the kernel's floor and other servers under one load, in one go.
//!
//! In the order of flow: what a load needs, the load, the servers that it is put on, what is measured, and what is told.

pub mod files;
pub mod histogram;
pub mod marker;
pub mod process;
pub mod websocket;

pub mod floor;
pub mod load;

pub mod place;
pub mod servers;
pub mod tls;

pub mod grid;
pub mod sample;

pub mod bars;
pub mod figures;
pub mod statistics;
pub mod summary;

pub mod plot;
pub mod results;

pub mod command;
