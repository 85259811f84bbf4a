//! The gateway, the kernel's floor and other servers under one load, in one go.
//!
//! In the order of flow: what a load needs, the load, the servers that it is put on, what is measured, and what is told.
//!
//! The load is not `tidegate load`, which checks every event of the gateway's own dialect and may itself be what is wrong: this one
//! speaks to any server that fans out, looks at no more of a frame than a marker, so that it keeps up with the floor on one
//! core, and shares no code with what it measures.

pub mod files;
pub mod marker;
pub mod process;
pub mod websocket;

pub mod floor;
pub mod load;

pub mod noise;
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
