//! Whether something outside can be reached.

use std::sync::atomic::{AtomicU8, Ordering};

/// Whether something outside can be reached, where it is needed at all.
#[derive(Debug, Default)]
pub struct Link(AtomicU8);

const DOWN: u8 = 1;
const UP: u8 = 2;

impl Link {
    /// Says how it is; answers whether it could be reached before.
    pub fn set(&self, up: bool) -> bool {
        self.0.swap(if up { UP } else { DOWN }, Ordering::Relaxed) == UP
    }

    /// Whether it can be reached; none where it is not needed.
    pub fn get(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            DOWN => Some(false),
            UP => Some(true),
            _ => None,
        }
    }
}
