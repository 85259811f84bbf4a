//! db-listener: changes of a database become events, with no change to the application that writes.
//!
//! In the order of flow: a [`source`] reads a database's [`change`]s and hands them over in batches; the [`pump`] makes events
//! of them by the operator's [`rules`], publishes them, and confirms to the source what has become safe. [`settings`] is what the
//! operator says.

pub mod change;
pub mod source;
pub mod rules;
pub mod pump;
pub mod settings;
