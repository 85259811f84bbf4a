//! The Tidegate plugin ABI, and above it a safe side to write plugins with.

pub mod abi;
